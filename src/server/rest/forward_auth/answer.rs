//! What a proxy is answered: what it goes by is the status, what the service behind it reads are headers.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::headers::{encoded, json, list, value};
use crate::{
    model::time::Timestamp,
    server::{
        rest::{problem::Problem, rate_headers},
        store,
        verify::{Code, Judgement, KnownKey},
    },
};

const CODE: HeaderName = HeaderName::from_static("x-latchkey-code");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-latchkey-request-id");

/// What is said instead of 204. Of the key nothing is told: most proxies hand this to whoever sent it.
pub struct Refusal {
    word: &'static str,
    problem: Problem,
}

impl Refusal {
    /// The proxy's own key is not good, or must not ask.
    pub fn of_caller(problem: Problem) -> Self {
        Self::of("CALLER_REFUSED", problem)
    }

    /// The proxy's own call is wrong, whatever request it is about.
    pub fn of_setting(problem: Problem) -> Self {
        Self::of("MISCONFIGURED", problem)
    }

    /// The request is wrong, or the proxy says too little of it.
    pub fn of_request(problem: Problem) -> Self {
        if problem.status() == StatusCode::BAD_REQUEST { Self::of("MALFORMED", problem) } else { Self::of_setting(problem) }
    }

    /// No key was sent.
    pub fn no_key() -> Self {
        Self::of("MISSING_KEY", Problem::new(StatusCode::UNAUTHORIZED, "missing_api_key", "Send an API key with this request."))
    }

    /// A loss of ours is not the caller's doing, wherever it comes up.
    fn of(word: &'static str, problem: Problem) -> Self {
        let is_ours = StatusCode::from_u16(problem.status()).is_ok_and(|status| status.is_server_error());
        Self { word: if is_ours { "UNAVAILABLE" } else { word }, problem }
    }

    /// The same for a proxy that knows but 401 and 403; it reads the rest in `X-Latchkey-Code`.
    #[must_use]
    pub fn for_nginx(self) -> Self {
        if self.problem.status() == StatusCode::UNAUTHORIZED {
            self
        } else {
            Self { problem: self.problem.with_status(StatusCode::FORBIDDEN), ..self }
        }
    }

    /// What is answered and logged.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let id = self.problem.request_id().to_string();
        let mut response = self.problem.into_response();
        response.headers_mut().insert(CODE, HeaderValue::from_static(self.word));
        response.headers_mut().extend(value(&id).map(|id| (REQUEST_ID, id)));
        response
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::of("UNAVAILABLE", error.into())
    }
}

/// The answer about a key that was judged.
pub fn judged(judgement: &Judgement, for_nginx: bool) -> Response {
    let mut response = match refusal(judgement) {
        None => admitted(judgement),
        Some(refusal) if for_nginx => refusal.for_nginx().into_response(),
        Some(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    rate_headers::write(headers, judgement);
    headers.extend(rate_headers::retry_after(judgement).map(|seconds| (header::RETRY_AFTER, seconds.into())));
    response
}

fn refusal(judgement: &Judgement) -> Option<Refusal> {
    let (status, code, detail) = match judgement.code {
        Code::Valid => return None,
        Code::NotFound => (StatusCode::UNAUTHORIZED, "invalid_api_key", "This API key is unknown, or was deleted."),
        Code::Expired => (StatusCode::UNAUTHORIZED, "expired_api_key", "This API key has expired."),
        Code::Disabled => (StatusCode::UNAUTHORIZED, "disabled_api_key", "This API key is disabled."),
        Code::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "This API key is not good from there, or for that project."),
        Code::InsufficientPermissions => (StatusCode::FORBIDDEN, "insufficient_permissions", "This API key does not allow this request."),
        Code::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "This API key was used too often. Wait a little."),
        Code::UsageExceeded => (StatusCode::TOO_MANY_REQUESTS, "usage_exceeded", "This API key has too few credits left."),
    };
    Some(Refusal::of(judgement.code.word(), Problem::new(status, code, detail).of(judgement.request_id)))
}

fn admitted(judgement: &Judgement) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CODE, HeaderValue::from_static(judgement.code.word()));
    headers.extend(value(&judgement.request_id.text()).map(|id| (REQUEST_ID, id)));
    if let Some(key) = judgement.key() {
        tell(headers, key);
    }
    response
}

/// Tells of the key, as the verdict does; what it has not has no header.
fn tell(headers: &mut HeaderMap, key: &KnownKey) {
    let own = key.of_project.as_ref();
    let told = [
        ("x-latchkey-key-id", Some(key.id.to_string())),
        ("x-latchkey-name", Some(encoded(&key.name))),
        ("x-latchkey-kind", Some(key.kind.word().to_owned())),
        ("x-latchkey-customer-id", Some(key.customer_id.to_string())),
        ("x-latchkey-external-id", key.external_id.as_deref().map(encoded)),
        ("x-latchkey-metadata", key.metadata.as_deref().map(|metadata| json(metadata.get()))),
        ("x-latchkey-scopes", Some(list(key.scopes.iter().map(String::as_str)))),
        ("x-latchkey-corpora", Some(key.corpora.iter().map(i64::to_string).collect::<Vec<_>>().join(","))),
        ("x-latchkey-project-id", own.map(|own| own.project.to_string())),
        ("x-latchkey-role", own.and_then(|own| own.role.as_deref()).map(encoded)),
        ("x-latchkey-expires-at", key.lifecycle.expires_at.map(Timestamp::rfc3339)),
    ];
    let filled = told.into_iter().filter_map(|(name, text)| Some((name, value(&text.filter(|text| !text.is_empty())?)?)));
    headers.extend(filled.map(|(name, value)| (HeaderName::from_static(name), value)));
}
