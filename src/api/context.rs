//! What every server function begins and ends with.

use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use secrecy::ExposeSecret;

use crate::{
    model::fault::Fault,
    server::{
        actor::Actor,
        auth::session::{self, Device, Session, SessionToken},
        pages::Caller,
        state::AppState,
    },
};

/// One call of a server function.
pub struct Call {
    /// What the rules need.
    pub state: AppState,
    /// From where it comes, and from which browser.
    pub device: Device,
    session: Option<Session>,
    response: ResponseOptions,
}

/// Runs a server function's body and says its refusal in the status too.
pub async fn answer<T>(body: impl AsyncFnOnce(Call) -> Result<T, Fault>) -> Result<T, Fault> {
    let response = expect_context::<ResponseOptions>();
    let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Caller>().cloned()).ok_or(Fault::Internal)?;
    let call = Call { state: expect_context(), device: caller.device, session: caller.session, response: response.clone() };
    let answer = body(call).await;
    if let Err(fault) = &answer {
        response.set_status(StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    answer
}

impl Call {
    /// The session.
    pub fn session(&self) -> Result<&Session, Fault> {
        self.session.as_ref().ok_or(Fault::SignedOut)
    }

    /// The person who is signed in, as one who acts.
    pub fn actor(&self) -> Result<Actor, Fault> {
        Ok(self.session()?.actor(self.device.address))
    }

    /// Begins the session in the browser.
    pub fn set_cookie(&self, token: &SessionToken) -> Result<(), Fault> {
        self.send_cookie(session::set_cookie(token, self.state.public_url.is_https()).expose_secret())
    }

    /// Ends it there.
    pub fn clear_cookie(&self) -> Result<(), Fault> {
        self.send_cookie(&session::clear_cookie(self.state.public_url.is_https()))
    }

    fn send_cookie(&self, line: &str) -> Result<(), Fault> {
        let mut value = HeaderValue::from_str(line).map_err(|_| Fault::Internal)?;
        value.set_sensitive(true);
        self.response.append_header(header::SET_COOKIE, value);
        Ok(())
    }
}
