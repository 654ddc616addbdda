//! Page authorization. It runs before rendering, since a rendered page can no longer redirect.

use latchkey_http::page_session::PageSession;
use std::{mem, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use latchkey::{api::corpora::UPLOAD_PATH, routes};
use latchkey_core::auth::session::{self, Device};
use latchkey_http::{
    AppState,
    body::{self, BODY_MAX, LARGE_BODY_MAX},
    client_address,
    problem::Problem,
};
use latchkey_types::permission::Permissions;

/// Server functions whose requests contain a document or a list of up to 10,000 files.
const LARGE_BODIES: [&str; 2] = [UPLOAD_PATH, "/fn/samples/import"];

/// Middleware that loads the session and redirects to the sign-in, setup or start page where needed.
pub(super) async fn authorize_page(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match authorize(&state, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn authorize(state: &AppState, mut request: Request, next: Next) -> Result<Response, Problem> {
    let session = session::find(state, request.headers()).await?;
    if let Some(session) = &session {
        latchkey_http::request_context::set_caller(session.organization, session.user, None);
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let address = peer.map(|peer| client_address::client_address(peer, request.headers(), &state.trusted_proxies));
    let device = Device::of(request.headers(), address, state.public_url.is_https());
    let caller = PageSession { session, earlier: None, device };

    let path = request.uri().path();
    if *request.method() != Method::GET || path.starts_with("/fn/") {
        return Ok(next.run(receive(state, caller, request).await?).await);
    }
    let session = caller.session.clone();
    request.extensions_mut().insert(caller);
    let path = request.uri().path();
    let permissions = session.as_ref().map(|session| session.permissions);
    if let Some(target) = redirect_target(path, request.uri().query(), permissions, state.has_users().await?) {
        return Ok(Redirect::to(&target).into_response());
    }
    let is_allowed = session.is_none_or(|session| routes::page_at(path).is_none_or(|page| page.permits(session.permissions)));
    let mut response = next.run(request).await;
    if !is_allowed {
        // The page itself renders the message.
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    Ok(response)
}

/// The request with its caller and its complete body. The session may have ended while the body arrived, so after a late one it is looked up
/// again.
async fn receive(state: &AppState, mut caller: PageSession, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    // Before the body is read, so that only callers with a session can send a large one.
    let is_large = LARGE_BODIES.contains(&parts.uri.path()) && caller.session.is_some();
    let received = body::read(&parts.headers, body, if is_large { LARGE_BODY_MAX } else { BODY_MAX }).await?;
    if received.is_late && caller.session.is_some() {
        let current = session::find_without_touch(state, &parts.headers).await?;
        caller.earlier = mem::replace(&mut caller.session, current);
    }
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, received.bytes.into()))
}

/// Where to redirect the caller; `None` to render the page.
fn redirect_target(path: &str, query: Option<&str>, permissions: Option<Permissions>, has_users: bool) -> Option<String> {
    let page = routes::page_at(path);
    if page == Some(&routes::SETUP) {
        return has_users.then(|| routes::SIGN_IN.path.to_owned());
    }
    if !has_users {
        return Some(routes::SETUP.path.to_owned());
    }
    let Some(permissions) = permissions else { return sign_in_target(page, path, query) };
    let page = page?;
    if page == &routes::SIGN_IN {
        return Some(routes::HOME.path.to_owned());
    }
    // A signed-in user can be invited with another email address, so the page to join is not redirected.
    if !routes::REDIRECTED.contains(&page) {
        return None;
    }
    let target = routes::first_permitted(page, permissions);
    // Without settings to open, a page of the settings renders the message.
    let fallback = if page == &routes::SETTINGS { &routes::ORGANIZATION } else { &routes::PROFILE };
    Some(target.unwrap_or(fallback).path.to_owned())
}

/// Redirects a visitor without a session to the sign-in page, and from there back.
fn sign_in_target(page: Option<&routes::Page>, path: &str, query: Option<&str>) -> Option<String> {
    if page.is_some_and(|page| routes::ENTRANCE.contains(&page)) {
        return None;
    }
    let sign_in = routes::SIGN_IN.path;
    if page == Some(&routes::HOME) && query.is_none() {
        return Some(sign_in.to_owned());
    }
    let current = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let next: String = url::form_urlencoded::byte_serialize(current.as_bytes()).collect();
    Some(format!("{sign_in}?next={next}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::permission::Permission;

    #[test]
    fn redirects_by_session_and_setup_state() {
        let (anonymous, viewer) = (None, Some(Permissions::of(&[Permission::ViewKeys])));
        let at = |path, permissions, has_users| redirect_target(path, None, permissions, has_users);
        assert_eq!(at("/keys/agent", anonymous, false).as_deref(), Some("/setup"));
        assert_eq!(at("/setup", anonymous, false), None);
        assert_eq!(at("/setup", anonymous, true).as_deref(), Some("/sign-in"));
        assert_eq!(at("/keys/agent", anonymous, true).as_deref(), Some("/sign-in?next=%2Fkeys%2Fagent"));
        assert_eq!(at("/sign-in", anonymous, true), None);
        assert_eq!(at("/sign-in", viewer, true).as_deref(), Some("/"));
        assert_eq!(at("/keys/agent", viewer, true), None);
        assert_eq!(
            redirect_target("/keys/agent", Some("q=a&sort=name"), anonymous, true).as_deref(),
            Some("/sign-in?next=%2Fkeys%2Fagent%3Fq%3Da%26sort%3Dname")
        );
    }

    #[test]
    fn starts_at_the_first_permitted_page() {
        let at = |path, permissions: &[Permission]| redirect_target(path, None, Some(Permissions::of(permissions)), true);
        for permissions in [Permission::ALL, &[], &[Permission::ViewProject]] {
            assert_eq!(at("/", permissions).as_deref(), Some("/overview"), "{permissions:?}");
        }
        assert_eq!(at("/keys", &[Permission::ViewKeys]).as_deref(), Some("/keys/client"));
        assert_eq!(at("/keys", &[Permission::ViewProject]).as_deref(), Some("/profile"));
        assert_eq!(at("/settings", &[Permission::ManageRoles]).as_deref(), Some("/settings/roles"));
        assert_eq!(at("/settings", &[Permission::ViewKeys]).as_deref(), Some("/settings/organization"));
    }
}
