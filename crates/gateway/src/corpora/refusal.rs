//! Refused calls, in Vectara's form.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use latchkey_http::{
    problem::{Problem, ProblemCode},
    rate_headers,
};
use latchkey_types::error::Error;
use latchkey_verify::Verdict;

/// Why a call is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// A sentence. It repeats no value of the request.
    detail: String,
    /// Boxed because few refusals have any.
    headers: Option<Box<HeaderMap>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), headers: None }
    }

    fn forbidden(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// The body does not have the form of the call.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED", detail)
    }

    /// The body has the right form, but a value is out of range.
    pub(super) fn invalid_argument(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", detail)
    }

    pub(super) fn loop_detected() -> Self {
        let detail = "This server has already forwarded this request: a base URL of a service or an upstream leads back to it.";
        Self::new(StatusCode::LOOP_DETECTED, "LOOP_DETECTED", detail)
    }

    pub(super) fn unknown_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_API_KEY", "This API key is unknown, was deleted or is not a corpus key.")
    }

    pub(super) fn disabled_key() -> Self {
        Self::forbidden("DISABLED_API_KEY", "This API key is disabled.")
    }

    pub(super) fn expired_key() -> Self {
        Self::forbidden("EXPIRED_API_KEY", "This API key has expired.")
    }

    pub(super) fn foreign_origin() -> Self {
        Self::forbidden("FORBIDDEN_ORIGIN", "This API key may not be used by pages of this origin.")
    }

    pub(super) fn wrong_customer() -> Self {
        let detail = "Send the customer id of the key's organization in the header “customer-id”, and no other one in the body.";
        Self::forbidden("INVALID_CUSTOMER_ID", detail)
    }

    /// The same for foreign corpora, corpora that do not exist, and a missing corpus.
    pub(super) fn wrong_corpus() -> Self {
        Self::forbidden("INVALID_CORPUS_ID", "Name at least one corpus, and only corpora that exist and that this API key can access.")
    }

    /// The built-in index cannot restrict a query to a part of a corpus.
    pub(super) fn no_filter() -> Self {
        let detail = "The built-in index does not support “metadata_filter”. Remove it, or use a separate corpus for the selected documents.";
        Self::new(StatusCode::BAD_REQUEST, "UNIMPLEMENTED", detail)
    }

    pub(super) fn missing_scope() -> Self {
        Self::forbidden("INSUFFICIENT_PERMISSIONS", "This API key does not have the scope that this call requires.")
    }

    /// The key's limits are exhausted.
    pub(super) fn exhausted(code: &'static str, detail: &str, retry_after: Option<i64>) -> Self {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        Self { headers: Some(Box::new(headers)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail) }
    }

    /// Adds the headers with the key's remaining limits.
    pub(super) fn with_limits(mut self, verdict: &Verdict) -> Self {
        rate_headers::write(self.headers.get_or_insert_default(), verdict);
        self
    }

    #[cfg(test)]
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = match problem.status() {
            400 | 422 => "MALFORMED",
            401 => "INVALID_API_KEY",
            408 => "TOO_SLOW",
            413 => "TOO_LARGE",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        };
        Self::new(status, code, problem.detail())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { message, .. } | Error::Conflict { message, .. } => Self::invalid_argument(message),
            Error::NotFound => Self::wrong_corpus(),
            Error::InvalidApiKey => Self::unknown_key(),
            Error::Forbidden { .. } | Error::ScopeNotHeld { .. } => Self::missing_scope(),
            Error::Unavailable => Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", error.to_string()),
            Error::Uncertain => Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNCERTAIN", error.to_string()),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", Error::Internal.to_string()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "responseSet": [], "status": [{ "code": self.code, "statusDetail": self.detail }] });
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(ProblemCode(self.code));
        let headers = response.headers_mut();
        if let Some(own) = self.headers {
            headers.extend(*own);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
