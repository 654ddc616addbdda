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
use latchkey_types::error::Fault;

/// Context of a server function call.
pub(super) struct Call {
    pub state: AppState,
    pub device: Device,
    session: Option<Session>,
    response: ResponseOptions,
}

/// Runs the body of a server function and sets the HTTP status if it fails.
pub(super) async fn answer<T>(body: impl AsyncFnOnce(Call) -> Result<T, Fault>) -> Result<T, Fault> {
    let response = expect_context::<ResponseOptions>();
    let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<PageSession>().cloned()).ok_or(Fault::Internal)?;
    let call = Call { state: expect_context(), device: caller.device, session: caller.session, response: response.clone() };
    let result = body(call).await;
    if let Err(error) = &result {
        response.set_status(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    result
}

impl Call {
    pub(super) fn session(&self) -> Result<&Session, Fault> {
        self.session.as_ref().ok_or(Fault::SignedOut)
    }

    /// The signed-in user as the actor of a rule.
    pub(super) fn actor(&self) -> Result<Actor, Fault> {
        Ok(self.session()?.actor(self.device.address))
    }

    /// Sets the session cookie.
    pub(super) fn set_cookie(&self, token: &SessionToken) -> Result<(), Fault> {
        self.send_cookie(session::set_cookie(token, self.state.public_url.is_https()).expose_secret())
    }

    /// Removes the session cookie.
    pub(super) fn clear_cookie(&self) -> Result<(), Fault> {
        self.send_cookie(&session::clear_cookie(self.state.public_url.is_https()))
    }

    fn send_cookie(&self, cookie: &str) -> Result<(), Fault> {
        let mut value = HeaderValue::from_str(cookie).map_err(|_| Fault::Internal)?;
        value.set_sensitive(true);
        self.response.append_header(header::SET_COOKIE, value);
        Ok(())
    }
}
