//! Errors as RFC 9457 problem details with a stable `code`.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Ref, RefOr, Schema},
};

use crate::request_context::REQUEST_ID;
use latchkey_store as store;
use latchkey_types::{error::Error, id::RequestId};

/// The code of a problem, attached to its response for the request log.
#[derive(Debug, Clone, Copy)]
pub struct ProblemCode(pub &'static str);

/// An error response (RFC 9457 problem details).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` identifies the error.
    r#type: &'static str,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A stable, machine-readable error code.
    #[schema(example = "invalid")]
    code: &'static str,
    /// A human-readable explanation.
    detail: String,
    /// The name of the field or parameter that is wrong. It never contains the submitted value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    #[schema(schema_with = request_id_schema)]
    request_id: RequestId,
}

fn request_id_schema() -> RefOr<Schema> {
    Ref::from_schema_name("RequestId").into()
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            request_id: crate::request_context::request_id(),
        }
    }

    pub const fn status(&self) -> u16 {
        self.status
    }

    pub const fn code(&self) -> &'static str {
        self.code
    }

    pub const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Replaces the id of the current request.
    #[must_use]
    pub fn with_request_id(mut self, request_id: RequestId) -> Self {
        self.request_id = request_id;
        self
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Replaces the status, for clients that accept only certain ones.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        (self.status, self.title) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
        self
    }

    /// Sets the name of the field or parameter that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = error.code();
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let detail = match &error {
            Error::Forbidden { permission } => format!("The key's creator does not have the permission “{permission}”."),
            Error::ListingGone => "This cursor has expired. Start again without a cursor.".to_owned(),
            other => other.to_string(),
        };
        Self { field: error.field_error().map(|(field, _)| field.to_owned()), ..Self::new(status, code, detail) }
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        Error::from(error).into()
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
