//! `GET /metrics`, in the text format of Prometheus.

use axum::{extract::State, http::header, response::IntoResponse};
use latchkey_http::{AppState, metrics::TEXT_FORMAT, problem::Problem};
use latchkey_types::error::Error;

/// Get metrics
///
/// In the Prometheus text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "public",
    description = "In the Prometheus text format.",
    responses(
        (status = 200, description = "All metrics.", body = String, content_type = "text/plain"),
        (status = 500, description = "`internal`."),
    ),
)]
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let text = state.metrics.text(&state.core).map_err(|error| {
        tracing::error!(%error, "cannot encode the metrics");
        Error::Internal
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text))
}
