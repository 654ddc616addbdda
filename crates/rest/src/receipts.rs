//! `/api/v1/receipts`, and the header that names the receipts of a request.

use axum::{
    Json as JsonResponse,
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use super::{caller::Authorized, path_id::PathId};
use latchkey_core::receipts;
use latchkey_http::{
    AppState,
    problem::Problem,
    receipt_header::{self, RECEIPT},
};
use latchkey_types::{id, rest::receipts::Receipt};

/// Get a receipt
///
/// The proof of when a revocation became effective. Receipts are kept for 90 days. Their `jws` can be verified offline with the keys at
/// `/.well-known/latchkey-receipts.json`.
#[utoipa::path(
    get,
    path = "/api/v1/receipts/{id}",
    operation_id = "getReceipt",
    tag = "receipts",
    params(PathId<id::Receipt>),
    responses((status = 200, description = "The receipt.", body = Receipt)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Receipt>,
) -> Result<JsonResponse<Receipt>, Problem> {
    Ok(JsonResponse(receipts::get(&state, &actor, id).await?))
}

/// Middleware that adds the header to the response of a request that took access away.
pub(crate) async fn add_header(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (mut response, receipts) = receipts::collect(next.run(request)).await;
    response.headers_mut().extend(receipt_header::value_of(&receipts).map(|value| (RECEIPT, value)));
    response
}
