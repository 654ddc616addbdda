//! The public API under `/api/v1`: JSON in, JSON or a problem out.

pub mod body;
mod caller;
mod corpora;
mod credentials;
mod jwks;
mod keys;
mod listing;
pub mod problem;
mod projects;
mod rate_headers;
mod secrets;
mod verify;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{any, get, post},
};

use serde::Serialize;

use super::{metrics, state::AppState};
use problem::Problem;

/// The API's routes, but the hot one.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/keys", get(keys::list).post(keys::create))
        .route("/api/v1/keys/{id}", get(keys::get).patch(keys::edit).delete(keys::delete))
        .route("/api/v1/credentials", get(credentials::list).post(credentials::create))
        .route("/api/v1/credentials/{id}", get(credentials::get).patch(credentials::edit).delete(credentials::delete))
        .route("/api/v1/credentials/{id}/test", post(credentials::test))
        .route("/api/v1/keys/import", post(keys::import))
        .route("/api/v1/keys/{id}/disable", post(keys::disable))
        .route("/api/v1/keys/{id}/enable", post(keys::enable))
        .route("/api/v1/keys/{id}/rotate", post(keys::rotate))
        .route("/api/v1/corpora", get(corpora::list).post(corpora::create))
        .route("/api/v1/corpora/{id}", axum::routing::delete(corpora::delete))
        .route("/api/v1/projects/{id}", get(projects::get))
        .route("/api/v1/projects/{id}/nodes", get(projects::nodes))
        .route("/api/v1/projects/{id}/revoked", get(projects::revoked))
        .route("/api/v1/projects/{id}/secrets", get(secrets::list))
        .route("/api/v1/projects/{id}/secrets/{name}", get(secrets::read))
        .route("/api", any(unknown_route))
        .route("/api/", any(unknown_route))
        .route("/api/{*path}", any(unknown_route))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not know that method.")
        })
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
}

/// What judges keys: it stands outside the layers that the rest goes through.
pub fn hot_routes() -> Router<AppState> {
    let only_post = async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST.");
    Router::new()
        .route("/api/v1/verify", post(verify::verify).fallback(only_post))
        .route("/api/v1/verify-batch", post(verify::batch).fallback(only_post))
}

async fn unknown_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such address in this API.")
}

/// Whether calls can be answered now. Where known keys are judged though the database is lost it says so, and for how long yet.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    database: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_seconds_left: Option<u64>,
}

async fn ready(State(state): State<AppState>) -> impl IntoResponse {
    let is_lost = state.store.is_lost();
    let stale_seconds_left = state.verifier.stale_seconds_left();
    let ready = !is_lost || stale_seconds_left.is_some();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, database: if is_lost { "lost" } else { "up" }, stale_seconds_left }))
}
