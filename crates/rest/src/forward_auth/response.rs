//! Responses to a proxy: the status decides for the proxy, the headers inform the service behind it.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::headers::{encoded, json, list, value};
use latchkey_http::{problem::Problem, rate_headers};
use latchkey_store as store;
use latchkey_types::time::Timestamp;
use latchkey_verify::{CachedKey, Verdict, VerdictCode};

const CODE: HeaderName = HeaderName::from_static("x-latchkey-code");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-latchkey-request-id");

/// A response other than 204. It reveals nothing about the key, because most proxies pass it on to the client.
pub(super) struct Rejection {
    code: &'static str,
    problem: Problem,
}

impl Rejection {
    /// The proxy's own key is not valid, or may not verify keys.
    pub(super) fn unauthorized_proxy(problem: Problem) -> Self {
        Self::new("CALLER_REFUSED", problem)
    }

    /// The proxy's own request is wrong, independently of the original request.
    pub(super) fn misconfigured(problem: Problem) -> Self {
        Self::new("MISCONFIGURED", problem)
    }

    /// The original request is malformed, or the proxy does not forward enough of it.
    pub(super) fn invalid_request(problem: Problem) -> Self {
        if problem.status() == StatusCode::BAD_REQUEST { Self::new("MALFORMED", problem) } else { Self::misconfigured(problem) }
    }

    pub(super) fn missing_key() -> Self {
        Self::new("MISSING_KEY", Problem::new(StatusCode::UNAUTHORIZED, "missing_api_key", "Send an API key with this request."))
    }

    /// A server error is `UNAVAILABLE` whatever the code, because the caller did not cause it.
    fn new(code: &'static str, problem: Problem) -> Self {
        let is_server_error = StatusCode::from_u16(problem.status()).is_ok_and(|status| status.is_server_error());
        Self { code: if is_server_error { "UNAVAILABLE" } else { code }, problem }
    }

    /// For a proxy that passes on only 401 and 403; `X-Latchkey-Code` has the exact reason.
    #[must_use]
    pub(super) fn for_nginx(self) -> Self {
        if self.problem.status() == StatusCode::UNAUTHORIZED {
            self
        } else {
            Self { problem: self.problem.with_status(StatusCode::FORBIDDEN), ..self }
        }
    }

    pub(super) fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let id = self.problem.request_id().to_string();
        let mut response = self.problem.into_response();
        response.headers_mut().insert(CODE, HeaderValue::from_static(self.code));
        response.headers_mut().extend(value(&id).map(|id| (REQUEST_ID, id)));
        response
    }
}

impl From<store::StoreError> for Rejection {
    fn from(error: store::StoreError) -> Self {
        Self::new("UNAVAILABLE", error.into())
    }
}

/// The response for a verdict.
pub(super) fn verdict_response(verdict: &Verdict, for_nginx: bool) -> Response {
    let mut response = match rejection(verdict) {
        None => no_content(verdict),
        Some(rejection) if for_nginx => rejection.for_nginx().into_response(),
        Some(rejection) => rejection.into_response(),
    };
    let headers = response.headers_mut();
    rate_headers::write(headers, verdict);
    headers.extend(rate_headers::retry_after(verdict).map(|seconds| (header::RETRY_AFTER, seconds.into())));
    response
}

fn rejection(verdict: &Verdict) -> Option<Rejection> {
    let (status, code, detail) = match verdict.code {
        VerdictCode::Valid => return None,
        VerdictCode::NotFound => (StatusCode::UNAUTHORIZED, "invalid_api_key", "This API key is unknown or was deleted."),
        VerdictCode::Expired => (StatusCode::UNAUTHORIZED, "expired_api_key", "This API key has expired."),
        VerdictCode::Disabled => (StatusCode::UNAUTHORIZED, "disabled_api_key", "This API key is disabled."),
        VerdictCode::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The kind of this API key, its address or its project is not allowed here."),
        VerdictCode::InsufficientPermissions => (StatusCode::FORBIDDEN, "insufficient_permissions", "This API key does not allow this request."),
        VerdictCode::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "This API key has exceeded its rate limit. Try again later."),
        VerdictCode::UsageExceeded => (StatusCode::TOO_MANY_REQUESTS, "usage_exceeded", "This API key does not have enough credits left."),
    };
    Some(Rejection::new(verdict.code.as_str(), Problem::new(status, code, detail).with_request_id(verdict.request_id)))
}

fn no_content(verdict: &Verdict) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CODE, HeaderValue::from_static(verdict.code.as_str()));
    headers.extend(value(&verdict.request_id.text()).map(|id| (REQUEST_ID, id)));
    if let Some(key) = verdict.key() {
        write_key(headers, key);
    }
    response
}

/// Writes the key's attributes with the values that they have in a verdict. An empty attribute has no header.
fn write_key(headers: &mut HeaderMap, key: &CachedKey) {
    let project = key.project_grant();
    let attributes = [
        ("x-latchkey-key-id", Some(key.id.to_string())),
        ("x-latchkey-name", Some(encoded(&key.name))),
        ("x-latchkey-kind", Some(key.kind.as_str().to_owned())),
        ("x-latchkey-customer-id", Some(key.creator.customer_id.to_string())),
        ("x-latchkey-external-id", key.external_id().map(encoded)),
        ("x-latchkey-metadata", key.metadata().map(|metadata| json(metadata.get()))),
        ("x-latchkey-scopes", Some(list(key.scopes().iter().map(String::as_str)))),
        ("x-latchkey-corpora", Some(key.corpora().iter().map(i64::to_string).collect::<Vec<_>>().join(","))),
        ("x-latchkey-project-id", project.map(|project| project.project.to_string())),
        ("x-latchkey-role", project.and_then(|project| project.role.as_deref()).map(encoded)),
        ("x-latchkey-expires-at", key.lifecycle().expires_at.map(Timestamp::rfc3339)),
    ];
    let filled = attributes.into_iter().filter_map(|(name, text)| Some((name, value(&text.filter(|text| !text.is_empty())?)?)));
    headers.extend(filled.map(|(name, value)| (HeaderName::from_static(name), value)));
}
