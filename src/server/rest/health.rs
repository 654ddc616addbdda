//! `/healthz` and `/readyz`: for whoever watches over the program.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};

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

/// Whether calls can be answered now
///
/// Needs nothing.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "isReady",
    tag = "without a key",
    responses(
        (status = 200, description = "They can.", body = ref("#/components/schemas/Ready")),
        (status = 503, description = "The database is lost.", body = ref("#/components/schemas/Ready")),
    ),
    security(()),
)]
pub async fn ready(State(state): State<AppState>) -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    if state.store.is_lost() { (StatusCode::SERVICE_UNAVAILABLE, json, r#"{"ready":false}"#) } else { (StatusCode::OK, json, r#"{"ready":true}"#) }
}
