//! Reasons why a call is not forwarded, or its response is not passed on.

use axum::{
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};

use crate::problems::key_refused;
use latchkey_core::{http_client::HttpError, services::call::CallableService};
use latchkey_http::{problem::Problem, rate_headers};
use latchkey_types::{key_kind::KeyKind, service::UnlinkReason};
use latchkey_verify::Verdict;

pub(super) fn upgrade() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "upgrade_not_supported", "WebSocket connections are not forwarded. Send an HTTP request.")
}

pub(super) fn unknown_service() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no service of this name.")
}

pub(super) fn wrong_kind(kind: KeyKind) -> Problem {
    let detail = format!("Keys of the kind “{}” may not call this service.", kind.as_str());
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

pub(super) fn not_allowed() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not_allowed", "No rule of this service allows this method and path.")
}

pub(super) fn unlinked(reason: UnlinkReason) -> Problem {
    let detail = format!("{} Link a key to this service.", reason.text());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_credential", detail)
}

pub(super) fn expired_credential() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "credential_expired", "The key that is linked to this service has expired. Replace it.")
}

pub(super) fn unreadable_credential() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "credential_unreadable",
        "The key that is linked to this service can't be decrypted or sent. Enter it again.",
    )
}

pub(super) fn incomplete_body() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is incomplete.")
}

/// The refusal of a key by its limits or its scopes; `None` for a valid key.
pub(super) fn refusal(verdict: &Verdict) -> Option<Response> {
    let mut response = key_refused(verdict)?.into_response();
    let headers = response.headers_mut();
    rate_headers::write(headers, verdict);
    headers.extend(rate_headers::retry_after(verdict).map(|seconds| (RETRY_AFTER, seconds.into())));
    Some(response)
}

/// The service could not be called, or its response is not valid.
pub(super) fn upstream_failed(service: &CallableService, error: HttpError) -> Problem {
    // The time limit of a connection, which is shorter than that of most services.
    let (status, code) =
        if error == HttpError::Timeout { (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout") } else { (StatusCode::BAD_GATEWAY, "upstream_failed") };
    Problem::new(status, code, format!("“{}” {error}", service.name))
}

pub(super) fn upstream_timeout(service: &CallableService) -> Problem {
    let detail = format!("“{}” did not respond within its time limit of {} seconds.", service.name, service.timeout.as_secs());
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", detail)
}

pub(super) fn encoded_response(service: &CallableService) -> Problem {
    let detail = format!("“{}” responded with an encoded body, although an unencoded one was requested.", service.name);
    Problem::new(StatusCode::BAD_GATEWAY, "encoded_response", detail)
}

pub(super) fn foreign_redirect(service: &CallableService) -> Problem {
    let detail = format!("“{}” responded with a redirect to a URL outside of its base URL.", service.name);
    Problem::new(StatusCode::BAD_GATEWAY, "redirect_refused", detail)
}
