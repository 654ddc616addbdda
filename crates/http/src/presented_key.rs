//! The API key that a request presents, and why it cannot be used.

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Problem;
use latchkey_types::key_kind::Status;

/// The key in `Authorization: Bearer` or `x-api-key`. Two different keys are an error, because it is unclear which one to use.
///
/// # Errors
/// 400 `two_api_keys`, `malformed`; 401 `missing_api_key`.
pub fn presented_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let bearer = headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().ok().and_then(bearer_token));
    let api_key = headers.get_all("x-api-key").iter().map(|value| value.to_str().ok().map(str::trim));
    let malformed = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "The API key header is malformed. Send “Authorization: Bearer <key>” or “x-api-key: <key>”.",
        )
    };
    let mut presented = bearer.chain(api_key);
    let missing = || Problem::new(StatusCode::UNAUTHORIZED, "missing_api_key", "Send an API key in “Authorization: Bearer” or “x-api-key”.");
    let first = presented.next().ok_or_else(missing)?.ok_or_else(malformed)?;
    for other in presented {
        if other.ok_or_else(malformed)? != first {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "two_api_keys", "The request contains two different API keys. Send only one."));
        }
    }
    if first.is_empty() { Err(missing()) } else { Ok(first) }
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 401 `invalid_api_key`.
pub fn unknown_key() -> Problem {
    unauthorized("invalid_api_key", "This API key is unknown or was deleted.")
}

/// Requires the status of an active key.
///
/// # Errors
/// 401 `expired_api_key`, `disabled_api_key`, `invalid_api_key`.
pub fn require_active(status: Status) -> Result<(), Problem> {
    match status {
        Status::Active => Ok(()),
        Status::Expired => Err(unauthorized("expired_api_key", "This API key has expired.")),
        Status::Disabled => Err(unauthorized("disabled_api_key", "This API key is disabled.")),
        Status::Revoked | Status::Deleted => Err(unknown_key()),
    }
}

fn unauthorized(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(lines: &[(&'static str, &str)]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        presented_key(&headers).map(ToOwned::to_owned).map_err(|problem| serde_json::to_value(problem).unwrap()["code"].as_str().unwrap().to_owned())
    }

    #[test]
    fn either_header_is_accepted_but_not_two_keys() {
        assert_eq!(presented(&[("authorization", "Bearer a")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("authorization", "bearer  a ")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("x-api-key", "a")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("x-api-key", "a"), ("authorization", "Bearer a")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("x-api-key", "a"), ("authorization", "Bearer b")]), Err("two_api_keys".into()));
        assert_eq!(presented(&[("x-api-key", "a"), ("x-api-key", "b")]), Err("two_api_keys".into()));
        assert_eq!(presented(&[("authorization", "Basic a")]), Err("malformed".into()));
        assert_eq!(presented(&[("x-api-key", "")]), Err("missing_api_key".into()));
        assert_eq!(presented(&[("authorization", "Bearer")]), Err("malformed".into()));
        assert_eq!(presented(&[("authorization", "Bearer a"), ("authorization", "Basic a")]), Err("malformed".into()));
        assert_eq!(presented(&[]), Err("missing_api_key".into()));
    }

    #[test]
    fn only_an_active_key_can_be_used() {
        let code = |status| require_active(status).map_err(|problem| problem.code());
        assert_eq!(code(Status::Active), Ok(()));
        for (status, expected) in [
            (Status::Expired, "expired_api_key"),
            (Status::Disabled, "disabled_api_key"),
            (Status::Revoked, "invalid_api_key"),
            (Status::Deleted, "invalid_api_key"),
        ] {
            assert_eq!(code(status), Err(expected));
        }
    }
}
