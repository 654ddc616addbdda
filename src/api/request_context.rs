//! Request context of the server functions.

use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use secrecy::ExposeSecret;

use latchkey_core::{
    actor::Actor,
    auth::session::{self, Device, Session, SessionToken},
};
use latchkey_http::{AppState, page_session::PageSession};
use latchkey_types::{error::Error, permission::Permissions};

/// Context of a server function call.
pub(super) struct RequestContext {
    pub state: AppState,
    pub device: Device,
    session: Option<Session>,
    response: ResponseOptions,
}

/// Runs the body of a server function and sets the HTTP status if it fails.
pub(super) async fn answer<T>(body: impl AsyncFnOnce(RequestContext) -> Result<T, Error>) -> Result<T, Error> {
    let response = expect_context::<ResponseOptions>();
    let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<PageSession>().cloned()).ok_or(Error::Internal)?;
    let state: AppState = expect_context();
    let permissions = caller.session.as_ref().map(|session| session.permissions);
    let earlier = caller.earlier.map(|session| session.actor(caller.device.address));
    let call = RequestContext { state: state.clone(), device: caller.device, session: caller.session, response: response.clone() };
    let result = body(call).await;
    if let Err(error) = &result {
        if let Some(actor) = earlier.filter(|actor| is_revoked(actor.permissions, permissions, error)) {
            state.record_refusal(&actor, error.code()).await;
        }
        response.set_status(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    result
}

/// Whether the error is due to what the session has lost while the body of the request arrived: all, or the missing permission.
fn is_revoked(earlier: Permissions, current: Option<Permissions>, error: &Error) -> bool {
    match (error, current) {
        (Error::SignedOut, None) => true,
        (Error::Forbidden { permission }, Some(current)) => earlier.iter().any(|had| had.label() == permission.as_str() && !current.has(had)),
        _ => false,
    }
}

impl RequestContext {
    pub(super) fn session(&self) -> Result<&Session, Error> {
        self.session.as_ref().ok_or(Error::SignedOut)
    }

    /// The signed-in user as the actor of a rule.
    pub(super) fn actor(&self) -> Result<Actor, Error> {
        Ok(self.session()?.actor(self.device.address))
    }

    /// Sets the cookies of a new session.
    pub(super) fn set_cookie(&self, token: &SessionToken) -> Result<(), Error> {
        let secure = self.state.public_url.is_https();
        self.send_cookie(session::set_cookie(token, secure).expose_secret())?;
        self.send_cookie(session::set_device_cookie(token, secure).expose_secret())
    }

    /// Removes the session cookie.
    pub(super) fn clear_cookie(&self) -> Result<(), Error> {
        self.send_cookie(&session::clear_cookie(self.state.public_url.is_https()))
    }

    fn send_cookie(&self, cookie: &str) -> Result<(), Error> {
        let mut value = HeaderValue::from_str(cookie).map_err(|_| Error::Internal)?;
        value.set_sensitive(true);
        self.response.append_header(header::SET_COOKIE, value);
        Ok(())
    }
}
