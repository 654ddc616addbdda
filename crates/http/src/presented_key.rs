//! The API key that a request presents.

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Problem;

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
}
