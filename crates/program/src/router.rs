//! All routes and their middleware.

use std::time::Duration;

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use leptos::{
    config::LeptosOptions,
    prelude::{provide_context, use_context, view},
};
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use super::{assets, compression, docs, events, page_auth, playground, samples, security_headers};
use latchkey::{
    app::{App, shell},
    entrance, lazy_routes,
    routes::{self, Page},
};
use latchkey_http::{AppState, body::BODY_MAX, problem::Problem, request_log};
use latchkey_rest as rest;
use latchkey_types::error::Error;
use latchkey_ui::{hydration::Hydration, theme::Theme};

/// Longest duration of a request.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

pub fn router(state: AppState) -> Router {
    let general = page_routes(&state)
        .merge(rest::routes(&state))
        .layer(from_fn(compression::mark_compressible))
        .layer(compression::layer())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_LIMIT))
        .merge(events::routes())
        .merge(samples::routes(&state))
        .merge(playground::routes(&state))
        .layer(CatchPanicLayer::custom(|_| Problem::from(Error::Internal).into_response()))
        .layer(map_response(as_problem))
        .layer(from_fn_with_state(state.clone(), security_headers::set_headers))
        .layer(from_fn_with_state(state.clone(), request_log::log_request));
    general.merge(gateway_routes(&state)).merge(rest::hot_routes()).with_state(state)
}

/// Without compression, time limit and the page's headers, because these responses are streams, and some come from services. Most calls bypass these
/// routes: see [`latchkey_gateway::HotRoute`].
fn gateway_routes(state: &AppState) -> Router<AppState> {
    latchkey_gateway::routes()
        .layer(CatchPanicLayer::custom(|_| Problem::from(Error::Internal).into_response()))
        .layer(from_fn_with_state(state.clone(), request_log::log_request))
}

fn page_routes(state: &AppState) -> Router<AppState> {
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let document = || {
        security_headers::set_content_security_policy();
        let chunk = use_context::<Parts>().and_then(|parts| lazy_routes::chunk_of(parts.uri.path()));
        shell(&assets::PKG, chunk.map(assets::chunk_files).unwrap_or_default(), requested_theme())
    };
    let not_found = render_app_async_with_context(context.clone(), document);
    // Without the page for all other paths: as a route it would hide the fallbacks of other routers. Ours renders it.
    let routes = generate_route_list(|| view! { <App live=Hydration::default()/> }).into_iter().filter(|route| !route.path().contains('*')).collect();
    let options = LeptosOptions::builder().output_name(assets::NAME).site_root(assets::ROOT).build();
    let entrance = routes::ENTRANCE.iter().fold(Router::new(), |router, page| router.route(page.path, entrance_route(page, context.clone())));
    entrance
        // Includes the routes of the server functions.
        .leptos_routes_with_context(&options, routes, context, document)
        .fallback(move |request: Request| async move { not_found(request).await })
        .layer(from_fn(with_own_status))
        .layer(from_fn_with_state(state.clone(), page_auth::authorize_page))
        // Before the session is looked up and the body is read.
        .layer(from_fn_with_state(state.clone(), security_headers::require_own_origin))
        .layer(from_fn(site_files))
        .with_state(options)
}

/// Renders a page for visitors without a session.
fn entrance_route(page: &'static Page, context: impl Fn() + Clone + Send + Sync + 'static) -> MethodRouter<LeptosOptions> {
    let render = render_app_async_with_context(context, move || {
        security_headers::set_content_security_policy();
        entrance::shell(&assets::PKG, *assets::ENTRANCE, page, start_files(), requested_theme())
    });
    get(move |request: Request| render(request))
}

/// The files of the page that is opened after signing in.
fn start_files() -> Vec<String> {
    let chunk = lazy_routes::chunk_of(routes::OVERVIEW.path).map(assets::chunk_files);
    let main = ["latchkey.wasm", "latchkey.js", "chunks.js", "latchkey.css"];
    main.into_iter().map(str::to_owned).chain(chunk.unwrap_or_default()).collect()
}

/// The theme that the user chose in this browser.
fn requested_theme() -> Theme {
    let parts = use_context::<Parts>();
    let cookies = parts.as_ref().and_then(|parts| parts.headers.get(header::COOKIE)?.to_str().ok());
    cookies.map(Theme::of_cookies).unwrap_or_default()
}

/// Turns the plain-text rejection of the timeout layer into problem details.
async fn as_problem(response: Response) -> Response {
    let is_bare = response.headers().get(header::CONTENT_TYPE).is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if is_bare && response.status() == StatusCode::SERVICE_UNAVAILABLE { Problem::from(Error::Unavailable).into_response() } else { response }
}

/// `server_fn` responds with 500 to invalid arguments; this sets the status of the error in the body.
async fn with_own_status(request: Request, next: Next) -> Response {
    let is_function = request.uri().path().starts_with("/fn/");
    let response = next.run(request).await;
    if !is_function || response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    if let Some(status) = serde_json::from_slice::<Error>(&body).ok().and_then(|error| StatusCode::from_u16(error.status()).ok()) {
        parts.status = status;
    }
    Response::from_parts(parts, body.into())
}

/// Static files and the documentation; public.
async fn site_files(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (path, headers) = (request.uri().path(), request.headers());
    match is_read.then(|| assets::serve(path, headers).or_else(|| docs::serve(path, headers))).flatten() {
        Some(file) => file,
        None => next.run(request).await,
    }
}
