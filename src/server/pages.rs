//! Who may open which page: judged before it is drawn, since a drawn page can't send its reader elsewhere.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    access,
    auth::{
        address, agent,
        session::{self, Device, Session},
    },
    rest::problem::Problem,
    state::AppState,
};
use crate::model::fault::Fault;

/// Who calls, for the server functions.
#[derive(Clone)]
pub struct Caller {
    /// The session that the cookie named.
    pub session: Option<Session>,
    /// From where, and with which browser.
    pub device: Device,
}

/// Finds out who calls, and sends those elsewhere who are at the wrong door.
pub async fn gate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match admit(&state, request, next).await {
        Ok(response) => response,
        Err(fault) => Problem::from(fault).into_response(),
    }
}

async fn admit(state: &AppState, mut request: Request, next: Next) -> Result<Response, Fault> {
    let session = session::find(&state.store, request.headers(), state.public_url.is_https()).await?;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let address = peer.map(|peer| address::caller(peer, request.headers(), &state.trusted_proxies));
    let device = Device { address, agent: agent::of(request.headers()) };
    request.extensions_mut().insert(Caller { session: session.clone(), device });

    let path = request.uri().path();
    if *request.method() != Method::GET || path.starts_with("/fn/") {
        return Ok(next.run(request).await);
    }
    if let Some(elsewhere) = elsewhere(path, request.uri().query(), session.is_some(), state.has_users().await?) {
        return Ok(Redirect::to(&elsewhere).into_response());
    }
    let allowed = session.is_none_or(|session| access::of_page(path).is_none_or(|access| access.admits(session.permissions, None)));
    let mut response = next.run(request).await;
    if !allowed {
        // The page says so itself.
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    Ok(response)
}

/// Where the caller belongs, if not here.
fn elsewhere(path: &str, query: Option<&str>, signed_in: bool, has_users: bool) -> Option<String> {
    match path {
        "/setup" => has_users.then(|| "/sign-in".to_owned()),
        _ if !has_users => Some("/setup".to_owned()),
        // Whoever is signed in may still be asked to join with another address.
        "/join" => None,
        "/sign-in" => signed_in.then(|| "/".to_owned()),
        _ if !signed_in => {
            let here = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
            let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
            Some(if here == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={next}") })
        }
        "/" | "/keys" => Some("/keys/agent".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_sent_where_they_belong() {
        let at = |path, signed_in, has_users| elsewhere(path, None, signed_in, has_users);
        assert_eq!(at("/keys/agent", false, false).as_deref(), Some("/setup"));
        assert_eq!(at("/setup", false, false), None);
        assert_eq!(at("/setup", false, true).as_deref(), Some("/sign-in"));
        assert_eq!(at("/keys/agent", false, true).as_deref(), Some("/sign-in?next=%2Fkeys%2Fagent"));
        assert_eq!(at("/sign-in", false, true), None);
        assert_eq!(at("/sign-in", true, true).as_deref(), Some("/"));
        assert_eq!(at("/keys/agent", true, true), None);
        assert_eq!(
            elsewhere("/keys/agent", Some("q=a&sort=name"), false, true).as_deref(),
            Some("/sign-in?next=%2Fkeys%2Fagent%3Fq%3Da%26sort%3Dname")
        );
    }
}
