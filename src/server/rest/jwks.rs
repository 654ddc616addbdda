//! `/.well-known/jwks.json`: what other services check project keys with, on their own.

use axum::{
    Json as Answer,
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
};
use serde::Serialize;

use super::problem::Problem;
use crate::server::{
    project_keys::{self, PublicKey},
    state::AppState,
};

/// For everybody, also for a page of another site.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "public, max-age=300"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
];

#[derive(Serialize)]
struct KeySet {
    keys: Vec<PublicKey>,
}

/// The public keys under which a token can be good. Needs nothing.
pub async fn jwks(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    Ok((HEADERS, Answer(KeySet { keys: project_keys::public_keys(&state).await? })))
}
