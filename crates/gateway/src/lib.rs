//! The gateway: calls to services and language models with credentials that the caller never sees, and the calls of corpora in Vectara's form. They
//! are not in the OpenAPI document.

mod corpora;
mod headers;
mod mask;
mod models;
mod problems;
mod services;
mod via;

use axum::Router;

use latchkey_http::AppState;
pub use models::{PROMPT_MAX, try_model};

/// The gateway's routes. They stream, so they need a router without compression and without a time limit for the whole response.
pub fn routes() -> Router<AppState> {
    services::routes().merge(corpora::routes()).merge(models::routes())
}
