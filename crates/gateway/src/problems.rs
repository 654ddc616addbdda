//! Problems of calls that are forwarded with a stored credential.

use axum::http::{HeaderName, StatusCode};

use latchkey_http::{
    presented_key::{require_active, unknown_key},
    problem::Problem,
};
use latchkey_types::key_kind::Status;
use latchkey_verify::{Verdict, VerdictCode};

pub(crate) fn loop_detected() -> Problem {
    let detail = "This server has already forwarded this request: a base URL of a service, a provider or an upstream leads back to it.";
    Problem::new(StatusCode::LOOP_DETECTED, "loop_detected", detail)
}

pub(crate) fn indirect_request(name: &HeaderName) -> Problem {
    let detail = format!("The header “{name}” can make a service act on another method or path than those that were checked. Remove it.");
    Problem::new(StatusCode::FORBIDDEN, "not_allowed", detail)
}

/// The refusal of a key by its status, its limits or its scopes; `None` for a valid key.
pub(crate) fn key_refused(verdict: &Verdict) -> Option<Problem> {
    let (status, code, detail) = match verdict.code {
        VerdictCode::Valid => return None,
        VerdictCode::NotFound => return Some(unknown_key()),
        VerdictCode::Expired => return require_active(Status::Expired).err(),
        VerdictCode::Disabled => return require_active(Status::Disabled).err(),
        VerdictCode::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "This API key may not be used from this address."),
        VerdictCode::InsufficientPermissions => {
            (StatusCode::FORBIDDEN, "insufficient_scope", "This API key does not have the scope that this service requires.")
        }
        VerdictCode::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "This API key has exceeded its rate limit. Try again later."),
        VerdictCode::UsageExceeded => (StatusCode::TOO_MANY_REQUESTS, "usage_exceeded", "This API key does not have enough credits left."),
    };
    Some(Problem::new(status, code, detail))
}
