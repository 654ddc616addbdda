//! `/healthz` and `/readyz`, for monitoring.

use axum::{Json as JsonResponse, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use latchkey_http::AppState;

/// Liveness check
///
/// Succeeds as long as the process serves requests.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "isHealthy",
    tag = "public",
    responses((status = 200, description = "The process is running.", body = String, content_type = "text/plain")),
)]
pub(crate) async fn healthy() -> &'static str {
    "ok\n"
}

/// Whether the instance can serve requests.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    ready: bool,
    /// `up` or `lost`.
    #[schema(value_type = String)]
    database: &'static str,
    /// On PostgreSQL: `held`, or `ended` while the instance serves nothing because it cannot read the changes of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    lease: Option<&'static str>,
    /// While the database is lost: for how many more seconds cached keys can still be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stale_seconds_left: Option<u64>,
}

/// Readiness check
///
/// While the database is unreachable, the instance stays ready for as long as it verifies cached keys; `stale_seconds_left` is the time that
/// remains.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "isReady",
    tag = "public",
    responses(
        (status = 200, description = "The instance is ready.", body = Readiness),
        (status = 503, description = "The database is unreachable, or the lease has ended.", body = Readiness),
    ),
)]
pub(crate) async fn ready(State(state): State<AppState>) -> (StatusCode, JsonResponse<Readiness>) {
    let (store, database) = (&state.store, if state.store.is_database_lost() { "lost" } else { "up" });
    let lease = store.is_shared().then(|| if store.lease().is_valid() { "held" } else { "ended" });
    let stale_seconds_left = state.verifier.stale_seconds_left();
    let ready = !store.is_unavailable() || stale_seconds_left.is_some();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, JsonResponse(Readiness { ready, database, lease, stale_seconds_left }))
}
