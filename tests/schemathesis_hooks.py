"""What schemathesis must know that no description tells."""

import itertools
import os
import re

import schemathesis

NUMBERS = itertools.count()
FARTHEST = 10**300


def plain(value):
    """As most who read JSON would have it: 3.0 is no integer, which it is to JSON Schema, and no number is larger than a double can be (RFC 8259, section 6)."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-FARTHEST, min(value, FARTHEST))
    return value


@schemathesis.hook
def before_call(context, case, **_):
    """A name is for one call: two calls that differ get two. And nobody takes away the key that the run goes on with."""
    name = (case.headers or {}).get("Idempotency-Key")
    if isinstance(name, str) and re.fullmatch(r"[!-~]{1,200}", name):
        case.headers["Idempotency-Key"] = f"{name}-{next(NUMBERS)}"
    if case.path_parameters and case.path_parameters.get("id") == os.environ["OWN_KEY_ID"]:
        case.path_parameters["id"] = "key_" + "0" * 32
    if re.fullmatch(r"prj_[0-9a-f]{32}", str((case.path_parameters or {}).get("id"))) and next(NUMBERS) % 2:
        # Nothing in the API makes a project: half of the calls are about one that is there.
        case.path_parameters["id"] = os.environ["PROJECT_ID"]
    if isinstance(case.body, (dict, list)):
        case.body = plain(case.body)
