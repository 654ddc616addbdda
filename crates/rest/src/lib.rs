//! The public REST API under `/api/v1`: JSON requests, JSON or RFC 9457 problem responses.

mod caller;
mod conditional;
mod corpora;
mod credentials;
pub mod forward_auth;
mod health;
mod idempotency;
mod jwks;
mod keys;
mod listing;
mod metrics;
pub mod openapi;
mod projects;
mod rate_headers;
mod secrets;
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

use latchkey_http::{AppState, problem::Problem};

/// The API's routes except those of [`hot_routes`].
pub fn routes(state: &AppState) -> Router<AppState> {
    Router::from(documented_routes())
        .layer(from_fn_with_state(state.clone(), idempotency::handle_idempotency_key))
        .route("/api", any(unknown_route))
        .route("/api/", any(unknown_route))
        .route("/api/{*path}", any(unknown_route))
        .route("/v2/{*path}", any(unkey::unsupported))
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed."))
}

/// The OpenAPI descriptions of the routes that [`hot_routes`] serves.
fn documented_hot_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(verify::verify)).routes(routes!(verify::batch)).routes(routes!(forward_auth::forward_auth))
}

/// The routes with their OpenAPI descriptions. A route cannot be registered without one.
fn documented_routes() -> OpenApiRouter<AppState> {
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

/// Handles a verify request without the router, whose route lookup costs as much as the evaluation.
///
/// # Errors
/// Returns every other request unchanged.
pub async fn try_verify(state: &AppState, request: Request<Incoming>) -> Result<Response, Request<Incoming>> {
    if request.method() != Method::POST || request.uri().path() != verify::PATH {
        return Err(request);
    }
    Ok(verify::handle(state, request.map(Body::new)).await)
}

/// The routes that verify keys. They bypass the middleware of the other routes.
pub fn hot_routes() -> Router<AppState> {
    let only_post = async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST.");
    Router::new()
        .route(verify::PATH, post(verify::verify).fallback(only_post))
        .route("/api/v1/verify-batch", post(verify::batch).fallback(only_post))
        .route("/api/v1/forward-auth", forward_auth_methods())
        .route("/v2/keys.verifyKey", post(unkey::verify_key).fallback(unkey::wrong_method))
}

/// Proxies use GET or the method of the original request.
fn forward_auth_methods() -> MethodRouter<AppState> {
    let handler = forward_auth::forward_auth;
    get(handler).post(handler).put(handler).patch(handler).delete(handler).fallback(handler)
}

async fn unknown_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "Unknown endpoint.")
}
