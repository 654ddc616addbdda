//! Request context of the server functions.

use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use secrecy::ExposeSecret;

use latchkey_core::{
    actor::Actor,
    auth::session::{self, Device, Session, SessionToken},
    receipts,
};
use latchkey_http::{
    AppState,
    page_session::PageSession,
    receipt_header::{self, RECEIPT},
};
use latchkey_types::{
    error::Error,
    permission::Permissions,
    receipt::{Done, ReceiptSummary, WithReceipt},
};

/// Context of a server function call.
pub(super) struct RequestContext {
    pub state: AppState,
    pub device: Device,
    session: Option<Session>,
    response: ResponseOptions,
}

/// Runs the body of a server function and sets the HTTP status if it fails.
pub(super) async fn answer<T>(body: impl AsyncFnOnce(RequestContext) -> Result<T, Error>) -> Result<T, Error> {
    Ok(answer_with_receipt(body).await?.value)
}

/// Like [`answer`], for a function that can take access away. The page cannot read the header with the receipt.
pub(super) async fn answer_with_receipt<T>(body: impl AsyncFnOnce(RequestContext) -> Result<T, Error>) -> Result<WithReceipt<T>, Error> {
    let response = expect_context::<ResponseOptions>();
    let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<PageSession>().cloned()).ok_or(Error::Internal)?;
    let state: AppState = expect_context();
    let permissions = caller.session.as_ref().map(|session| session.permissions);
    let earlier = caller.earlier.map(|session| session.actor(caller.device.address));
    let call = RequestContext { state: state.clone(), device: caller.device, session: caller.session, response: response.clone() };
    // In a box, because each wrapper contains the future again.
    let (result, receipts) = receipts::collect(Box::pin(body(call))).await;
    if let Some(value) = receipt_header::value_of(&receipts) {
        response.insert_header(RECEIPT, value);
    }
    if let Err(error) = &result {
        if let Some(actor) = earlier.filter(|actor| is_revoked(actor.permissions, permissions, error)) {
            state.record_refusal(&actor, error.code()).await;
        }
        response.set_status(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    Ok(WithReceipt { value: result?, receipt: ReceiptSummary::of_all(receipts) })
}

/// Like [`answer_with_receipt`], for a function that returns nothing else.
pub(super) async fn answer_done(body: impl AsyncFnOnce(RequestContext) -> Result<(), Error>) -> Result<WithReceipt<Done>, Error> {
    Ok(answer_with_receipt(body).await?.map(|()| Done {}))
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
