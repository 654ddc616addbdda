//! Every route, and the layers that each goes through.

use std::time::Duration;

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{Method, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

use super::{assets, pages, rest, security, state::AppState};
use crate::{
    app::{App, shell},
    model::fault::Fault,
};

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
    let not_found = render_app_async_with_context(context.clone(), document);
    Router::new()
        // The server functions' own routes come with these.
        .leptos_routes_with_context(state, generate_route_list(App), context, document)
        .fallback(move |request: Request| async move { not_found(request).await })
        .layer(from_fn(with_own_status))
        .layer(RequestBodyLimitLayer::new(PAGE_BODY_MAX))
        .layer(from_fn_with_state(state.clone(), security::own_origin))
        .layer(from_fn_with_state(state.clone(), pages::gate))
        .layer(from_fn(site_files))
}

/// `server_fn` answers 500 when it can't read the arguments; the fault in the body knows better.
async fn with_own_status(request: Request, next: Next) -> Response {
    let is_function = request.uri().path().starts_with("/fn/");
    let response = next.run(request).await;
    if !is_function || response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, PAGE_BODY_MAX).await.unwrap_or_default();
    if let Some(status) = serde_json::from_slice::<Fault>(&body).ok().and_then(|fault| StatusCode::from_u16(fault.status()).ok()) {
        parts.status = status;
    }
    Response::from_parts(parts, body.into())
}

/// The site's own files, which everybody may have.
async fn site_files(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match reads.then(|| assets::serve(request.uri().path(), request.headers())).flatten() {
        Some(file) => file,
        None => next.run(request).await,
    }
}
