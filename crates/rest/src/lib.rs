//! The public REST API under `/api/v1`: JSON requests, JSON or RFC 9457 problem responses.

mod aliases;
#[cfg(test)]
mod authorization_tests;
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
mod models;
pub mod openapi;
mod path_id;
mod projects;
mod providers;
mod receipts;
pub mod route;
mod samples;
mod secrets;
mod services;
mod unkey;
mod usage;
pub mod verdict_body;
mod verify;
mod whoami;

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    http::{Method, Request, StatusCode},
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::{MethodRouter, any, get, post},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use caller::VERIFY;
pub use conditional::matches_tag;
use latchkey_http::{AppState, body::BODY_MAX, problem::Problem};
use latchkey_types::{
    access::Access,
    permission::{Permission, Scope},
};
use route::{ANY_KEY, Authorizer, PUBLIC, Route, RouteTable, needs};

/// The API's routes except those of [`hot_routes`].
pub fn routes(state: &AppState) -> Router<AppState> {
    let (router, table) = documented_routes().into_parts();
    Router::from(router)
        // Inside of the next layer, so that a repeated response has the header too.
        .layer(from_fn(receipts::add_header))
        .layer(from_fn_with_state(state.clone(), idempotency::handle_idempotency_key))
        .layer(from_fn_with_state(Authorizer { state: state.clone(), routes: table.into() }, route::authorize))
        // Where tools look for it first.
        .route(openapi::ROOT_PATH, get(openapi::document))
        .route("/api", any(unknown_route))
        .route("/api/", any(unknown_route))
        .route("/api/{*path}", any(unknown_route))
        .route("/v2/{*path}", any(unkey::unsupported))
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed."))
}

/// Every route of the API and what it requires.
pub fn route_table() -> Vec<Route> {
    let mut routes = documented_routes().into_parts().1;
    routes.extend(documented_hot_routes().into_parts().1);
    let verify = |method, path: &str| Route { method, path: path.to_owned(), needs: VERIFY, body_max: BODY_MAX, is_upload: false };
    // These accept the other methods too, and are described once or by Unkey.
    routes.extend([Method::POST, Method::PUT, Method::PATCH, Method::DELETE].map(|method| verify(method, forward_auth::PATH)));
    routes.push(verify(Method::POST, unkey::PATH));
    // The same description as below `/api/v1`.
    routes.push(Route { method: Method::GET, path: openapi::ROOT_PATH.to_owned(), needs: PUBLIC, body_max: BODY_MAX, is_upload: false });
    routes
}

/// The OpenAPI descriptions of the routes that [`hot_routes`] serves, which check their caller themselves.
fn documented_hot_routes() -> RouteTable {
    RouteTable::new(OpenApiRouter::new())
        .add(VERIFY, routes!(verify::verify))
        .add_large(VERIFY, routes!(verify::batch))
        .add(VERIFY, routes!(forward_auth::forward_auth))
}

/// The `view` permission of either kind of credential: the kind is found with the credential, and one that the caller may not see is reported
/// as not found.
const ANY_CREDENTIAL: Access = Access::OneOf(Scope::CredentialsRead.needs());

fn documented_routes() -> RouteTable {
    use Access::{Manage, OneOf, Permission as Has, View};
    use Permission::{ManageCorpora, ManageCredentials, ManageProjects, ManageServices, ViewKeys, ViewProject};
    use Scope::{
        CredentialsRead, CredentialsWrite, GatewayRead, GatewayWrite, KeysRead, KeysWrite, ProjectsRead, ProjectsWrite, SecretsRead, Verify,
    };
    RouteTable::new(openapi::router())
        .add(needs(GatewayRead, Has(ManageCredentials)), routes!(aliases::list))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(aliases::create))
        .add(needs(GatewayRead, Has(ManageCredentials)), routes!(aliases::get))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(aliases::edit))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(aliases::delete))
        // To select corpora for a key, or to manage them.
        .add(needs(KeysRead, OneOf(&[ViewKeys, ManageCorpora])), routes!(corpora::list))
        .add(needs(KeysWrite, Has(ManageCorpora)), routes!(corpora::create))
        .add(needs(KeysRead, Has(ManageCorpora)), routes!(corpora::get))
        .add(needs(KeysWrite, Has(ManageCorpora)), routes!(corpora::delete))
        .add(needs(KeysWrite, Has(ManageCorpora)), routes!(corpora::set_upstream))
        .add(needs(KeysWrite, Has(ManageCorpora)), routes!(corpora::remove_upstream))
        .add(needs(KeysRead, Has(ManageCorpora)), routes!(corpora::list_documents))
        .add_large(needs(KeysWrite, Has(ManageCorpora)), routes!(corpora::add_documents))
        .add(needs(KeysWrite, Has(ManageCorpora)), routes!(corpora::delete_document))
        .add(needs(KeysRead, Has(ManageCorpora)), routes!(corpora::search))
        .add(needs(CredentialsRead, ANY_CREDENTIAL), routes!(credentials::list))
        .add(needs(CredentialsWrite, Manage), routes!(credentials::create))
        .add(needs(CredentialsRead, ANY_CREDENTIAL), routes!(credentials::get))
        .add(needs(CredentialsWrite, Manage), routes!(credentials::edit))
        .add(needs(CredentialsWrite, ANY_CREDENTIAL), routes!(credentials::delete))
        .add(needs(CredentialsWrite, ANY_CREDENTIAL), routes!(credentials::test))
        .add(needs(KeysRead, View), routes!(keys::list))
        .add(needs(KeysWrite, Manage), routes!(keys::create))
        .add(needs(KeysRead, View), routes!(keys::get))
        .add(needs(KeysWrite, Manage), routes!(keys::edit))
        .add(needs(KeysWrite, Manage), routes!(keys::delete))
        .add_large(needs(KeysWrite, Manage), routes!(keys::import))
        .add(needs(KeysWrite, Manage), routes!(keys::disable))
        .add(needs(KeysWrite, Manage), routes!(keys::enable))
        .add(needs(KeysWrite, Manage), routes!(keys::rotate))
        .add(needs(GatewayRead, Has(ManageCredentials)), routes!(models::list))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(models::create))
        .add(needs(GatewayRead, Has(ManageCredentials)), routes!(models::get))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(models::edit))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(models::delete))
        .add(PUBLIC, routes!(openapi::document))
        .add(needs(KeysRead, Has(ViewProject)).or_project_key(ViewProject), routes!(projects::get))
        .add(needs(KeysRead, Has(ViewProject)).or_project_key(ViewProject), routes!(projects::nodes))
        .add(needs(Verify, Has(ViewProject)), routes!(projects::revoked))
        .add(needs(GatewayRead, Has(ManageCredentials)), routes!(providers::list))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(providers::create))
        .add(needs(GatewayRead, Has(ManageCredentials)), routes!(providers::get))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(providers::edit))
        .add(needs(GatewayWrite, Has(ManageCredentials)), routes!(providers::delete))
        .add(needs(KeysRead, Has(ViewKeys)), routes!(receipts::get))
        .add(needs(ProjectsRead, Has(ViewProject)), routes!(samples::list))
        .add(needs(ProjectsRead, Has(ViewProject)), routes!(samples::content))
        // Lists up to 10,000 files.
        .add_large(needs(ProjectsWrite, Has(ManageProjects)), routes!(samples::begin))
        .add(needs(ProjectsRead, Has(ViewProject)), routes!(samples::import))
        .add(needs(ProjectsWrite, Has(ManageProjects)), routes!(samples::stop))
        .add_upload(needs(ProjectsWrite, Has(ManageProjects)), routes!(samples::upload))
        .add(needs(SecretsRead, Has(ManageProjects)), routes!(secrets::list))
        .add(needs(SecretsRead, Has(ManageProjects)), routes!(secrets::read))
        .add(needs(GatewayRead, Has(ManageServices)), routes!(services::list))
        .add(needs(GatewayWrite, Has(ManageServices)), routes!(services::create))
        .add(needs(GatewayRead, Has(ManageServices)), routes!(services::get))
        .add(needs(GatewayWrite, Has(ManageServices)), routes!(services::edit))
        .add(needs(GatewayWrite, Has(ManageServices)), routes!(services::delete))
        .add(needs(Scope::UsageRead, Has(Permission::ViewBilling)), routes!(usage::usage))
        .add(needs(Scope::UsageRead, Has(Permission::ViewBilling)), routes!(usage::calls))
        .add(needs(Scope::BodiesRead, Has(Permission::ReadCallBodies)), routes!(usage::bodies))
        .add(ANY_KEY, routes!(whoami::whoami))
        .add(PUBLIC, routes!(jwks::jwks))
        .add(PUBLIC, routes!(jwks::receipt_keys))
        .add(PUBLIC, routes!(health::healthy))
        .add(PUBLIC, routes!(health::ready))
        .add(PUBLIC, routes!(metrics::metrics))
}

/// Handles a verify request without the router, whose route lookup costs as much as the evaluation.
///
/// # Errors
/// Returns every other request unchanged.
pub async fn try_verify<B>(state: &AppState, request: Request<B>) -> Result<Response, Request<B>>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
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
        .route(verify::BATCH_PATH, post(verify::batch).fallback(only_post))
        .route(forward_auth::PATH, forward_auth_methods())
        .route(unkey::PATH, post(unkey::verify_key).fallback(unkey::wrong_method))
}

/// Proxies use GET or the method of the original request.
fn forward_auth_methods() -> MethodRouter<AppState> {
    let handler = forward_auth::forward_auth;
    get(handler).post(handler).put(handler).patch(handler).delete(handler).fallback(handler)
}

async fn unknown_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "Unknown endpoint.")
}
