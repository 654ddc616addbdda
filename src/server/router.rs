//! Every route, and the layers that each goes through.

use std::time::Duration;

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
};
use leptos::prelude::{provide_context, use_context, view};
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

use super::{
    assets, calls, notices, pages,
    rest::{
        self,
        body::{self, BODY_MAX},
        problem::Problem,
    },
    security,
    state::AppState,
};
use crate::{
    app::{App, shell},
    model::fault::Fault,
    parts,
    ui::live::Live,
};

/// The longest that a call may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// The whole server.
pub fn router(state: AppState) -> Router {
    let general = page_routes(&state)
        .merge(rest::routes())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, CALL_LIMIT))
        .merge(notices::routes())
        .layer(CatchPanicLayer::custom(|_| Problem::from(Fault::Internal).into_response()))
        .layer(map_response(as_problem))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .layer(from_fn_with_state(state.clone(), calls::note));
    general.merge(rest::hot_routes()).with_state(state)
}

fn page_routes(state: &AppState) -> Router<AppState> {
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let document = || {
        security::set_page_policy();
        let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
        shell(&assets::PKG, parts::part_of(&path).map(assets::files_of_part).unwrap_or_default())
    };
    let not_found = render_app_async_with_context(context.clone(), document);
    Router::new()
        // The server functions' own routes come with these.
        .leptos_routes_with_context(state, generate_route_list(|| view! { <App live=Live::default()/> }), context, document)
        .fallback(move |request: Request| async move { not_found(request).await })
        .layer(from_fn(with_own_status))
        .layer(RequestBodyLimitLayer::new(BODY_MAX))
        .layer(from_fn_with_state(state.clone(), security::own_origin))
        .layer(from_fn_with_state(state.clone(), pages::gate))
        .layer(from_fn(site_files))
}

/// The layers' own refusals are bare: a body that is too large, a call that took too long.
async fn as_problem(response: Response) -> Response {
    let is_bare = response.headers().get(header::CONTENT_TYPE).is_none_or(|is| is.as_bytes().starts_with(b"text/plain"));
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE if is_bare => body::too_large(BODY_MAX).into_response(),
        StatusCode::SERVICE_UNAVAILABLE if is_bare => Problem::from(Fault::Unavailable).into_response(),
        _ => response,
    }
}

/// `server_fn` answers 500 when it can't read the arguments; the fault in the body knows better.
async fn with_own_status(request: Request, next: Next) -> Response {
    let is_function = request.uri().path().starts_with("/fn/");
    let response = next.run(request).await;
    if !is_function || response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap_or_default();
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
