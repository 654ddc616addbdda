//! Errors in Unkey's response format.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use latchkey_http::problem::Problem;
use latchkey_store as store;
use latchkey_types::id::RequestId;

/// The base URL of Unkey's error documentation. Clients identify errors by these URLs.
const ERRORS: &str = "https://unkey.com/docs/errors";

/// The code of an unsupported permission query.
pub(super) const PERMISSIONS_QUERY: &str = "permissions_query";

/// A [`Problem`] that is rendered in Unkey's format.
#[derive(Debug)]
pub(super) struct Rejection(Problem);

impl Rejection {
    /// An error about a field of the request body.
    pub(super) fn invalid(field: &str, detail: &str) -> Self {
        Self(Problem::new(StatusCode::BAD_REQUEST, "invalid", detail).with_field(field))
    }

    pub(super) fn problem(&self) -> &Problem {
        &self.0
    }

    /// The path of the corresponding error in Unkey's documentation.
    fn kind(&self) -> &'static str {
        match (self.0.status(), self.0.code()) {
            (_, PERMISSIONS_QUERY) => "user/bad_request/permissions_query_syntax_error",
            (_, "missing_api_key") => "unkey/authentication/missing",
            (401, _) => "unkey/authentication/key_not_found",
            (_, "wrong_kind") => "unkey/authorization/forbidden",
            (403, _) => "unkey/authorization/insufficient_permissions",
            (408, _) => "user/bad_request/request_timeout",
            (413, _) => "user/bad_request/request_body_too_large",
            (503, _) => "unkey/application/service_unavailable",
            (500.., _) => "unkey/application/unexpected_error",
            _ => "unkey/application/invalid_input",
        }
    }
}

impl From<Problem> for Rejection {
    /// Unkey uses 400 for every invalid request.
    fn from(problem: Problem) -> Self {
        Self(if problem.status() == 422 { problem.with_status(StatusCode::BAD_REQUEST) } else { problem })
    }
}

impl From<store::StoreError> for Rejection {
    fn from(error: store::StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// The first member of every Unkey response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub request_id: RequestId,
}

#[derive(Serialize)]
struct Envelope<'a> {
    meta: Meta,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    title: &'static str,
    detail: &'a str,
    status: u16,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[FieldError<'a>; 1]>,
}

#[derive(Serialize)]
struct FieldError<'a> {
    /// The path of the field, e.g. `body.credits.cost`.
    location: String,
    message: &'a str,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (kind, problem) = (self.kind(), self.0);
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let location = match problem.field() {
            None | Some(".") => "body".to_owned(),
            Some(field) => format!("body.{field}"),
        };
        let error = ErrorBody {
            title: status.canonical_reason().unwrap_or("Error"),
            detail: problem.detail(),
            status: problem.status(),
            r#type: format!("{ERRORS}/{kind}"),
            errors: (status == StatusCode::BAD_REQUEST).then(|| [FieldError { location, message: problem.detail() }]),
        };
        let mut response = (status, axum::Json(Envelope { meta: Meta { request_id: problem.request_id() }, error })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
