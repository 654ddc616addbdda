//! `Idempotency-Key`: a POST with such a key runs once, and a retry gets the response of the first request.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use zeroize::Zeroize;

use super::caller::Authorized;
use latchkey_core::{
    actor::Actor,
    idempotency::{self, IdempotencyKey, KeyState, StoredResponse},
};
use latchkey_http::{AppState, body::received, problem::Problem, receipt_header::RECEIPT};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_MAX: usize = 255;
/// The response headers that a replay includes.
const REPLAYED_HEADERS: [HeaderName; 5] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL, RECEIPT];

/// Middleware that runs a POST with an `Idempotency-Key` once. Other requests pass through.
pub(crate) async fn handle_idempotency_key(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    // Requests to other paths have no caller.
    let Some(Authorized(actor)) = request.extensions().get().cloned() else { return next.run(request).await };
    run_idempotent(state, actor, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn run_idempotent(state: AppState, actor: Actor, request: Request, next: Next) -> Result<Response, Problem> {
    let key = parse_key(request.headers())?;
    let (parts, body) = request.into_parts();
    let body = received(body).await?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let entry = IdempotencyKey::new(&state, &actor, &key, &[parts.method.as_str().as_bytes(), path.as_bytes(), &body]);
    match idempotency::begin(&state, &actor, entry).await? {
        KeyState::New => {}
        KeyState::Completed(kept) => return Ok(replay(kept)),
        KeyState::OtherRequest => {
            let detail = "This Idempotency-Key was already used for a different request. Use a new key.";
            return Err(key_error(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail));
        }
        KeyState::InProgress => {
            let detail = "The first request with this Idempotency-Key is still in progress. Try again later.";
            return Err(key_error(StatusCode::CONFLICT, "idempotency_in_progress", detail));
        }
        KeyState::Interrupted => {
            let detail = "The first request with this Idempotency-Key was interrupted. Check whether it took effect, then use a new key.";
            return Err(key_error(StatusCode::CONFLICT, "idempotency_interrupted", detail));
        }
    }
    let request = Request::from_parts(parts, Body::from(body.clone()));
    // In a separate task, so that the request completes and its response is stored even if the client disconnects.
    let task = tokio::spawn(latchkey_http::request_context::in_current_scope(async move {
        let response = next.run(request).await;
        // A large body is counted for as long as it is processed.
        drop(body);
        store_response(&state, entry, response).await
    }));
    task.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server."))
}

fn key_error(status: StatusCode, code: &'static str, detail: &str) -> Problem {
    Problem::new(status, code, detail).with_field("Idempotency-Key")
}

fn parse_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_valid = (1..=KEY_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    let key = std::str::from_utf8(key).ok().filter(|_| is_valid).map(ToOwned::to_owned);
    key.ok_or_else(|| key_error(StatusCode::BAD_REQUEST, "malformed", "Send one Idempotency-Key of 1 to 255 visible ASCII characters."))
}

/// Stores the response for replays and returns it.
async fn store_response(state: &AppState, entry: IdempotencyKey, response: Response) -> Response {
    let status = response.status();
    if status.is_client_error() {
        warn_on_error(idempotency::release(state, entry).await);
        return response;
    }
    let headers = serialize_headers(response.headers());
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server.").into_response();
    };
    let kept = match without_secret(&body) {
        Some(body) if status.is_success() => StoredResponse { status: status.as_u16(), headers, body },
        // The request may have taken effect, but there is no response to replay.
        _ => StoredResponse { status: 500, headers: String::new(), body: Vec::new() },
    };
    warn_on_error(idempotency::complete(state, entry, kept).await);
    Response::from_parts(parts, Body::from(body))
}

/// A storage failure does not fail the request: a retry gets `idempotency_interrupted`.
fn warn_on_error(stored: Result<(), latchkey_types::error::Error>) {
    if let Err(error) = stored {
        tracing::warn!(%error, "could not store the response for its Idempotency-Key");
    }
}

fn serialize_headers(headers: &HeaderMap) -> String {
    let names = REPLAYED_HEADERS;
    let pairs = names.iter().filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)));
    serde_json::to_string(&pairs.collect::<Vec<_>>()).unwrap_or_default()
}

/// The body to store, with null instead of a secret. `None` if it is not JSON.
fn without_secret(body: &Bytes) -> Option<Vec<u8>> {
    if body.is_empty() {
        return Some(Vec::new());
    }
    let mut response: Value = serde_json::from_slice(body).ok()?;
    let Some(secret) = response.get_mut("secret") else { return Some(body.to_vec()) };
    if let Value::String(mut secret) = secret.take() {
        secret.zeroize();
    }
    serde_json::to_vec(&response).ok()
}

fn replay(kept: StoredResponse) -> Response {
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers: Vec<(String, String)> = serde_json::from_str(&kept.headers).unwrap_or_default();
    let headers = headers.iter().filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?)));
    response.headers_mut().extend(headers);
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_and_sent_once() {
        let parse = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
            }
            parse_key(&headers)
        };
        assert_eq!(parse(&[b"a-1\"\\"]).unwrap(), "a-1\"\\");
        assert!(parse(&[&[b'~'; 255]]).is_ok());
        for bad in [&[&b""[..]][..], &[b"a b"], &[b"a\tb"], &["ä".as_bytes()], &[b"\xff"], &[&[b'a'; 256]], &[b"a", b"a"], &[]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn secrets_are_not_stored() {
        let stored = |body: &str| String::from_utf8(without_secret(&Bytes::from(body.to_owned())).unwrap()).unwrap();
        assert_eq!(
            stored(r#"{"secret":"lka_x","key":{"metadata":{"secret":"theirs"}}}"#),
            r#"{"key":{"metadata":{"secret":"theirs"}},"secret":null}"#
        );
        assert_eq!(stored(r#"{"b":1, "a":2}"#), r#"{"b":1, "a":2}"#);
        assert_eq!(stored(""), "");
        assert_eq!(without_secret(&Bytes::from_static(b"lka_x")), None);
    }
}
