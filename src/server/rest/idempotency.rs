//! `Idempotency-Key`: a call that its caller gave a name is made once, and a repetition is answered as the first was.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use zeroize::Zeroize;

use super::{
    body::{BODY_MAX, LARGE_BODY_MAX, read},
    caller::Caller,
    problem::Problem,
};
use crate::server::{
    calls,
    named_calls::{self, Kept, Known, Named},
    state::AppState,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const NAME_MAX: usize = 255;
/// The headers of an answer that a repetition has too.
const KEPT: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL];

/// Lets a POST with a name through once. Every other call goes by.
pub async fn once(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    named(state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn named(state: AppState, request: Request, next: Next) -> Result<Response, Problem> {
    let name = name(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &state).await?;
    let actor = caller.actor();
    let max = if parts.uri.path().ends_with("/import") { LARGE_BODY_MAX } else { BODY_MAX };
    let body = read(body, max).await?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let named = Named::new(&state, &actor, &name, &[parts.method.as_str().as_bytes(), path.as_bytes(), &body]);
    match named_calls::begin(&state, &actor, named).await? {
        Known::New => {}
        Known::Answered(kept) => return Ok(repeated(kept)),
        Known::Another => {
            return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "This Idempotency-Key was sent with another call."));
        }
        Known::Running => return Err(refused(StatusCode::CONFLICT, "idempotency_in_progress", "The first call with this Idempotency-Key goes on.")),
        Known::Interrupted => {
            let detail = "The first call with this Idempotency-Key ended without an answer. See whether it changed something; then use another key.";
            return Err(refused(StatusCode::CONFLICT, "idempotency_interrupted", detail));
        }
    }
    // The key was judged: it need not be again, and counts as one request.
    parts.extensions.insert(caller);
    let request = Request::from_parts(parts, Body::from(body));
    // A task of its own: the call ends, and its answer is kept, though its caller went away meanwhile.
    let call = tokio::spawn(calls::carried_on(async move { keep(&state, named, next.run(request).await).await }));
    call.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side."))
}

fn refused(status: StatusCode, code: &'static str, detail: &str) -> Problem {
    Problem::new(status, code, detail).at("Idempotency-Key")
}

fn name(headers: &HeaderMap) -> Result<String, Problem> {
    let mut lines = headers.get_all(KEY).iter();
    let name = lines.next().filter(|_| lines.next().is_none()).map(HeaderValue::as_bytes).unwrap_or_default();
    let fits = (1..=NAME_MAX).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    let name = std::str::from_utf8(name).ok().filter(|_| fits).map(ToOwned::to_owned);
    name.ok_or_else(|| refused(StatusCode::BAD_REQUEST, "malformed", "An Idempotency-Key is 1 to 255 visible ASCII characters, sent once."))
}

/// Keeps what was answered, so that it can be repeated; hands the answer on.
async fn keep(state: &AppState, named: Named, response: Response) -> Response {
    let status = response.status();
    if status.is_client_error() {
        note(named_calls::undo(state, named).await);
        return response;
    }
    let headers = of_kept(response.headers());
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.").into_response();
    };
    let kept = match without_secret(&body) {
        Some(body) if status.is_success() => Kept { status: status.as_u16(), headers, body },
        // It may have changed something, and there is nothing to repeat.
        _ => Kept { status: 500, headers: String::new(), body: Vec::new() },
    };
    note(named_calls::end(state, named, kept).await);
    Response::from_parts(parts, Body::from(body))
}

/// The caller has their answer in any case: a repetition is told that the call was interrupted.
fn note(kept: Result<(), crate::model::fault::Fault>) {
    if let Err(fault) = kept {
        tracing::warn!(%fault, "an answer could not be kept for its Idempotency-Key");
    }
}

fn of_kept(headers: &HeaderMap) -> String {
    let pairs = KEPT.iter().filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)));
    serde_json::to_string(&pairs.collect::<Vec<_>>()).unwrap_or_default()
}

/// The answer as it may be kept: with null for a secret. `None` for what can't be read.
fn without_secret(body: &Bytes) -> Option<Vec<u8>> {
    if body.is_empty() {
        return Some(Vec::new());
    }
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let Some(secret) = answer.get_mut("secret") else { return Some(body.to_vec()) };
    if let Value::String(mut secret) = secret.take() {
        secret.zeroize();
    }
    serde_json::to_vec(&answer).ok()
}

fn repeated(kept: Kept) -> Response {
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers: Vec<(String, String)> = serde_json::from_str(&kept.headers).unwrap_or_default();
    let headers = headers.iter().filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?)));
    response.headers_mut().extend(headers);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_visible_ascii_and_sent_once() {
        let told = |lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(KEY, HeaderValue::from_bytes(line).unwrap());
            }
            name(&headers)
        };
        assert_eq!(told(&[b"a-1\"\\"]).unwrap(), "a-1\"\\");
        assert!(told(&[&[b'~'; 255]]).is_ok());
        for bad in [&[&b""[..]][..], &[b"a b"], &[b"a\tb"], &["ä".as_bytes()], &[b"\xff"], &[&[b'a'; 256]], &[b"a", b"a"], &[]] {
            assert!(told(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_secret_is_kept() {
        let kept = |body: &str| String::from_utf8(without_secret(&Bytes::from(body.to_owned())).unwrap()).unwrap();
        assert_eq!(kept(r#"{"secret":"lka_x","key":{"metadata":{"secret":"theirs"}}}"#), r#"{"key":{"metadata":{"secret":"theirs"}},"secret":null}"#);
        assert_eq!(kept(r#"{"b":1, "a":2}"#), r#"{"b":1, "a":2}"#);
        assert_eq!(kept(""), "");
        assert_eq!(without_secret(&Bytes::from_static(b"lka_x")), None);
    }
}
