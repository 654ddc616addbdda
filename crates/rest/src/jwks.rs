//! `/.well-known/jwks.json` and `/.well-known/latchkey-receipts.json`: the public keys with which other services verify project keys and receipts
//! locally.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::conditional::not_modified_or;
use latchkey_core::{
    project_keys::{self, PublicKey},
    receipts,
};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::error::Error;

/// Public and readable cross-origin.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "public, max-age=300"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
];

/// A JSON Web Key Set (RFC 7517).
#[derive(Serialize, ToSchema)]
pub(crate) struct KeySet {
    #[schema(value_type = Vec<std::collections::BTreeMap<String, String>>)]
    keys: Vec<PublicKey>,
}

/// Get public signing keys (JWKS)
///
/// The public keys of every signing key under which a project key can still be valid.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "getPublicKeys",
    tag = "public",
    params(("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The public keys.", body = KeySet, headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The keys have not changed."),
    ),
)]
pub(crate) async fn jwks(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    respond(&headers, &project_keys::public_keys(&state).await?)
}

/// Get public keys of receipts (JWKS)
///
/// The public keys of every receipt that is kept. They verify no project keys.
#[utoipa::path(
    get,
    path = "/.well-known/latchkey-receipts.json",
    operation_id = "getReceiptKeys",
    tag = "public",
    params(("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The public keys.", body = KeySet, headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The keys have not changed."),
    ),
)]
pub(crate) async fn receipt_keys(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    respond(&headers, &receipts::public_keys(&state).await?)
}

fn respond(headers: &HeaderMap, keys: &[PublicKey]) -> Result<Response, Problem> {
    let keys = KeySet { keys: keys.to_vec() };
    Ok(not_modified_or(headers, HEADERS, serde_json::to_vec(&keys).map_err(|_| Error::Internal)?))
}
