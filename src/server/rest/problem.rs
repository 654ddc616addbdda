//! Refusals as RFC 9457 problem details with a stable `code`.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    model::{fault::Fault, id::RequestId},
    server::{
        calls::{self, REQUEST_ID},
        store,
    },
};

/// The code of a problem, left with its response for the log.
#[derive(Debug, Clone, Copy)]
pub struct ProblemCode(pub &'static str);

/// What the API answers instead of what was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// RFC 9457: no page of its own stands behind a code.
    r#type: &'static str,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable: what programs go by.
    #[schema(example = "invalid")]
    code: &'static str,
    /// A sentence for people.
    detail: String,
    /// The value that is meant; never what was sent in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    #[schema(schema_with = super::openapi::schemas::request_id)]
    request_id: RequestId,
}

impl Problem {
    /// A refusal with this status, code and sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { r#type: "about:blank", title, status: status.as_u16(), code, detail: detail.into(), field: None, request_id: calls::request_id() }
    }

    /// Its status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Its code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The id of the call that it answers.
    pub const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Gives it the name of the call that it answers.
    #[must_use]
    pub fn of(mut self, request_id: RequestId) -> Self {
        self.request_id = request_id;
        self
    }

    /// What it says.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The value that is meant.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Gives it another status: for callers who know but some.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        (self.status, self.title) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
        self
    }

    /// Names the value that is meant.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let detail = match &fault {
            Fault::Forbidden { permission } => format!("Whoever made this key may not do this now: it needs “{permission}”."),
            Fault::ListingGone => "This cursor was given a while ago, or to somebody else. Begin again without one.".to_owned(),
            other => other.to_string(),
        };
        Self { field: fault.about_field().map(|(field, _)| field.to_owned()), ..Self::new(status, code, detail) }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Fault::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(ProblemCode(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.extend(HeaderValue::from_str(&self.request_id.text()).ok().map(|id| (REQUEST_ID, id)));
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
