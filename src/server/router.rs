//! Every route, and the layers that each goes through.

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::post,
};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context, render_app_async_with_context};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

use super::{assets, pages, rest, security, state::AppState};
use crate::app::{App, shell};

/// The longest that a call may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// The largest body that the page sends, in bytes.
const PAGE_BODY_MAX: usize = 64 * 1024;

/// The whole server.
pub fn router(state: AppState) -> Router {
    let general = page_routes(&state)
        .merge(rest::routes())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, CALL_LIMIT))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(state.clone(), security::headers));
    general.merge(rest::hot_routes()).with_state(state)
}

fn page_routes(state: &AppState) -> Router<AppState> {
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let document = || {
        security::set_page_policy();
        shell(&assets::PKG)
    };
    let functions = {
        let context = context.clone();
        post(move |request: Request| async move { handle_server_fns_with_context(context, request).await })
    };
    let not_found = render_app_async_with_context(context.clone(), document);
    Router::new()
        .route("/fn/{*name}", functions)
        .leptos_routes_with_context(state, generate_route_list(App), context, document)
        .fallback(move |request: Request| async move { not_found(request).await })
        .layer(RequestBodyLimitLayer::new(PAGE_BODY_MAX))
        .layer(from_fn_with_state(state.clone(), security::own_origin))
        .layer(from_fn_with_state(state.clone(), pages::gate))
        .layer(from_fn(site_files))
}

/// The site's own files, which everybody may have.
async fn site_files(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match reads.then(|| assets::serve(request.uri().path(), request.headers())).flatten() {
        Some(file) => file,
        None => next.run(request).await,
    }
}
