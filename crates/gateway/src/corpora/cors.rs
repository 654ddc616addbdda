//! Cross-origin headers: any page may call, without credentials such as cookies. The allowed origins of a key are checked with the key.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};

/// The response to a preflight request, which has no key. Browsers cache it for a day.
pub(super) async fn preflight() -> (StatusCode, [(HeaderName, HeaderValue); 3]) {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type, x-api-key, customer-id, authorization")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, headers)
}

/// Sets the headers of every response, refusals included.
pub(super) async fn set_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = "ratelimit, ratelimit-policy, retry-after, x-latchkey-credits-remaining, x-request-id";
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
