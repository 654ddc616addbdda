//! The public API under `/api/v1`: JSON in, JSON or a problem out.

pub mod body;
mod caller;
mod corpora;
mod credentials;
pub mod forward_auth;
mod health;
mod idempotency;
mod jwks;
mod keys;
mod listing;
pub mod openapi;
pub mod problem;
mod projects;
mod rate_headers;
mod secrets;
mod tags;
mod unkey;
mod verify;
mod whoami;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
    middleware::from_fn_with_state,
    response::Response,
    routing::{MethodRouter, any, get, post},
};
use hyper::body::Incoming;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{metrics, state::AppState};
use problem::Problem;

/// The API's routes, but the hot one.
pub fn routes(state: &AppState) -> Router<AppState> {
    Router::from(described())
        .layer(from_fn_with_state(state.clone(), idempotency::once))
        .route("/api", any(unknown_route))
        .route("/api/", any(unknown_route))
        .route("/api/{*path}", any(unknown_route))
        .route("/v2/{*path}", any(unkey::unsupported))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not know that method.")
        })
}

/// The routes that judge keys, described. They are served by [`hot_routes`].
fn described_hot() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(verify::verify)).routes(routes!(verify::batch)).routes(routes!(forward_auth::forward_auth))
}

/// Each route with its description: none is served without one.
fn described() -> OpenApiRouter<AppState> {
    openapi::router()
        .routes(routes!(corpora::list, corpora::create))
        .routes(routes!(corpora::delete))
        .routes(routes!(credentials::list, credentials::create))
        .routes(routes!(credentials::get, credentials::edit, credentials::delete))
        .routes(routes!(credentials::test))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get, keys::edit, keys::delete))
        .routes(routes!(keys::import))
        .routes(routes!(keys::disable))
        .routes(routes!(keys::enable))
        .routes(routes!(keys::rotate))
        .routes(routes!(openapi::document))
        .routes(routes!(projects::get))
        .routes(routes!(projects::nodes))
        .routes(routes!(projects::revoked))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::read))
        .routes(routes!(whoami::whoami))
        .routes(routes!(jwks::jwks))
        .routes(routes!(health::healthy))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
}

/// The call that comes a million times a day, answered without looking for its route, which costs as much as the judgement; every other is
/// handed back.
///
/// # Errors
/// With the request, where it is another.
pub async fn verify_at_once(state: &AppState, request: Request<Incoming>) -> Result<Response, Request<Incoming>> {
    if request.method() != Method::POST || request.uri().path() != verify::PATH {
        return Err(request);
    }
    Ok(verify::answer(state, request.map(Body::new)).await)
}

/// What judges keys: it stands outside the layers that the rest goes through.
pub fn hot_routes() -> Router<AppState> {
    let only_post = async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST.");
    Router::new()
        .route(verify::PATH, post(verify::verify).fallback(only_post))
        .route("/api/v1/verify-batch", post(verify::batch).fallback(only_post))
        .route("/api/v1/forward-auth", asked_by_any_method())
        .route("/v2/keys.verifyKey", post(unkey::verify_key).fallback(unkey::wrong_method))
}

/// Proxies ask by GET, or by the method of the request that they ask about.
fn asked_by_any_method() -> MethodRouter<AppState> {
    let ask = forward_auth::forward_auth;
    get(ask).post(ask).put(ask).patch(ask).delete(ask).fallback(ask)
}

async fn unknown_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such address in this API.")
}
