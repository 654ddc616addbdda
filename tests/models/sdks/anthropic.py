# Calls a provider directly and through Latchkey with Anthropic's SDK, in the same way. Prints both results.
import json
import sys

import anthropic

servers = json.loads(sys.argv[1])
messages = [{"role": "user", "content": "Hi"}]
tools = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def client(server, key=None):
    return anthropic.Anthropic(base_url=server["url"], api_key=key or server["key"])


def values(result):
    return [item.model_dump(mode="json") for item in result] if not hasattr(result, "model_dump") else result.model_dump(mode="json")


def error_of(call):
    try:
        call()
    except anthropic.APIStatusError as error:
        inner = error.body.get("error", {})
        result = {"name": type(error).__name__, "status": error.status_code, "code": inner.get("code"), "type": inner.get("type")}
        return {**result, "requestID": error.request_id}
    return None


def contract(server):
    llm = client(server)

    def body(**fields):
        return {"model": "plain", "max_tokens": 20, "messages": messages, **fields}

    def final(**fields):
        with llm.messages.stream(**body(**fields)) as stream:
            return values(stream.get_final_message())

    results = {
        "plain": values(llm.messages.create(**body())),
        "stream": values(llm.messages.create(**body(stream=True))),
        "final": final(),
        "tools": values(llm.messages.create(**body(tools=tools))),
        "toolStream": final(tools=tools)["content"],
        "tokens": values(llm.messages.count_tokens(model="plain", messages=messages)),
        "error": error_of(lambda: llm.messages.create(**body(model="broken"))),
        "retried": values(llm.messages.create(**body(model="flaky"))),
    }
    stream = llm.messages.create(**body(model="endless", stream=True))
    results["first"] = next(iter(stream)).model_dump(mode="json")
    stream.close()
    return results


direct, through, exhausted = servers["direct"], servers["through"], servers["exhausted"]
results = {"direct": contract(direct), "through": contract(through)}
results["models"] = [model.id for model in client(through).models.list()]
call = {"model": "plain", "max_tokens": 20, "messages": messages}
results["unknown"] = error_of(lambda: client(through).messages.create(**{**call, "model": "plan"}))
results["exhausted"] = error_of(lambda: client(exhausted).messages.create(**call))
results["unknownKey"] = error_of(lambda: client(through, "unknown").messages.create(**call))
print(json.dumps(results))
