//! Refusals in the shape of Unkey's.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    model::id::RequestId,
    server::{rest::problem::Problem, store},
};

/// Where Unkey explains its errors; programs tell them by these addresses.
const ERRORS: &str = "https://unkey.com/docs/errors";

/// The code of a query for permissions that is not judged.
pub const PERMISSIONS_QUERY: &str = "permissions_query";

/// A refusal: a problem of ours, told in Unkey's words.
#[derive(Debug)]
pub struct Refusal(Problem);

impl Refusal {
    /// A value that can't be taken.
    pub fn invalid(field: &str, detail: &str) -> Self {
        Self(Problem::new(StatusCode::BAD_REQUEST, "invalid", detail).at(field))
    }

    /// What is logged.
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// The end of the address of Unkey's own error.
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

impl From<Problem> for Refusal {
    /// Unkey knows one status for what can't be taken.
    fn from(problem: Problem) -> Self {
        Self(if problem.status() == 422 { problem.with_status(StatusCode::BAD_REQUEST) } else { problem })
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Problem::from(error).into()
    }
}

/// Every answer of Unkey's begins with this.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The name of the call.
    pub request_id: RequestId,
}

#[derive(Serialize)]
struct Envelope<'a> {
    meta: Meta,
    error: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    title: &'static str,
    detail: &'a str,
    status: u16,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[At<'a>; 1]>,
}

#[derive(Serialize)]
struct At<'a> {
    /// The value that is meant: `body.credits.cost`.
    location: String,
    message: &'a str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (kind, problem) = (self.kind(), self.0);
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let location = match problem.field() {
            None | Some(".") => "body".to_owned(),
            Some(field) => format!("body.{field}"),
        };
        let told = Told {
            title: status.canonical_reason().unwrap_or("Error"),
            detail: problem.detail(),
            status: problem.status(),
            r#type: format!("{ERRORS}/{kind}"),
            errors: (status == StatusCode::BAD_REQUEST).then(|| [At { location, message: problem.detail() }]),
        };
        let mut response = (status, axum::Json(Envelope { meta: Meta { request_id: problem.request_id() }, error: told })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
