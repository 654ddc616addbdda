//! `/healthz` and `/readyz`: for whoever watches over the program.

use axum::{Json as Answer, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::state::AppState;

/// Whether the program runs
///
/// Needs nothing.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "isHealthy",
    tag = "without a key",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")),
    security(()),
)]
pub async fn healthy() -> &'static str {
    "ok\n"
}

/// Whether calls can be answered now.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    ready: bool,
    /// `up` or `lost`.
    #[schema(value_type = String)]
    database: &'static str,
    /// For how long known keys are still judged though the database is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stale_seconds_left: Option<u64>,
}

/// Whether calls can be answered now
///
/// Where known keys are judged though the database is lost it says so, and for how long yet. Needs nothing.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "isReady",
    tag = "without a key",
    responses((status = 200, description = "They can.", body = Readiness), (status = 503, description = "The database is lost.", body = Readiness)),
    security(()),
)]
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Answer<Readiness>) {
    let is_lost = state.store.is_lost();
    let stale_seconds_left = state.verifier.stale_seconds_left();
    let ready = !is_lost || stale_seconds_left.is_some();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Answer(Readiness { ready, database: if is_lost { "lost" } else { "up" }, stale_seconds_left }))
}
