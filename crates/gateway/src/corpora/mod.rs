//! `POST /v1/query` and `POST /v1/index` in Vectara's form, for corpus keys. They can be called from any web page, without cookies.
//!
//! A call is refused by the first of these: its body, its JSON, a loop, the key, the key's status, the origin, the customer id, a corpus, the
//! scope, the arguments, the key's limits. Limits are charged once per call, after all other checks. For a large body, the key and its scope come
//! first.

mod access;
mod cors;
mod index;
mod index_request;
mod json;
mod query;
mod query_request;
mod refusal;
mod response_set;
mod upstream;
mod upstream_query;

use axum::{
    Router,
    body::HttpBody,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::post,
};
use tower_http::catch_panic::CatchPanicLayer;

use latchkey_http::{
    AppState,
    body::{self, BODY_MAX},
};
use latchkey_types::error::Error;
use refusal::Refusal;

/// Largest body of an index call, in bytes.
const INDEX_BODY_MAX: usize = 2 * 1024 * 1024;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/query", post(query).options(cors::preflight).fallback(wrong_method))
        .route("/v1/index", post(index).options(cors::preflight).fallback(wrong_method))
        // Inside, so that pages of other origins can read the response to a panic too.
        .layer(CatchPanicLayer::custom(|_| Refusal::from(Error::Internal).into_response()))
        .layer(map_response(cors::set_headers))
}

async fn query(State(state): State<AppState>, request: Request) -> Response {
    receive_query(&state, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn receive_query(state: &AppState, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body, BODY_MAX).await?.bytes;
    query::answer(state, &parts, &body).await
}

async fn index(State(state): State<AppState>, request: Request) -> Response {
    receive_index(&state, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn receive_index(state: &AppState, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    if body.size_hint().upper().is_none_or(|size| size > BODY_MAX as u64) {
        // Large bodies share a limit, which callers without a key must not use up.
        index::authenticate(state, &parts).await?;
    }
    let body = body::read(&parts.headers, body, INDEX_BODY_MAX).await?.bytes;
    index::answer(state, &parts, &body).await
}

async fn wrong_method() -> Response {
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Use POST.");
    let mut response = refusal.into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}
