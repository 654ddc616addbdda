//! The gateway: calls to services with credentials that the caller never sees, and the calls of corpora in Vectara's form. They are not in the
//! OpenAPI document.

mod corpora;
mod mask;
mod services;
mod via;

use axum::Router;

use latchkey_http::AppState;

/// The gateway's routes. They stream, so they need a router without compression and without a time limit for the whole response.
pub fn routes() -> Router<AppState> {
    services::routes().merge(corpora::routes())
}
