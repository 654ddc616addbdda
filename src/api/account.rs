//! Setup, sign-in, sign-out and invitations.

use leptos::prelude::*;

use latchkey_types::{account::Viewer, codec::Json, error::Error, member::InvitationOffer, secret::TypedSecret};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};

/// Returns the signed-in user. Needs a session; no permission.
#[server(name = ReadViewer, prefix = "/fn", endpoint = "account/viewer", protocol = Json)]
pub async fn viewer() -> Result<Viewer, Error> {
    request_context::answer(async |call: RequestContext| latchkey_core::profile::viewer(&call.state, call.session()?).await).await
}

/// Creates the organization and its owner, and signs the owner in. Needs the one-time token of the setup link.
///
/// # Errors
/// `Invalid` at `organization`, `name`, `email` or `password`; `NotFound` for an unknown or used token.
#[server(prefix = "/fn", endpoint = "account/set-up", protocol = Json)]
pub async fn set_up(token: String, organization: String, name: String, email: String, password: String) -> Result<(), Error> {
    use latchkey_core::accounts::{self, NewAccount};
    request_context::answer(async move |call: RequestContext| {
        let account = NewAccount { organization, name, email, password: password.into() };
        let session = accounts::set_up(&call.state, &token.into(), account, &call.device).await?;
        call.set_cookie(&session)
    })
    .await
}

/// Signs in. Always creates a new session, even if the request has a session cookie.
///
/// # Errors
/// `WrongCredentials`, also for an unknown or disabled account; `Throttled`.
#[server(prefix = "/fn", endpoint = "account/sign-in", protocol = Json)]
pub async fn sign_in(email: String, password: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| {
        let session = latchkey_core::accounts::sign_in(&call.state, &email, &password.into(), &call.device).await?;
        call.set_cookie(&session)
    })
    .await
}

/// Ends this session. Needs a session; no permission.
///
/// # Errors
/// `SignedOut` if the session has already ended.
#[server(prefix = "/fn", endpoint = "account/sign-out", protocol = Json)]
pub async fn sign_out() -> Result<(), Error> {
    request_context::answer(async |call: RequestContext| {
        latchkey_core::accounts::sign_out(&call.state, call.session()?, call.device.address).await?;
        call.clear_cookie()
    })
    .await
}

/// Ends all sessions of the signed-in user, including this one. Needs a session; no permission.
///
/// # Errors
/// `SignedOut` if the session has already ended.
#[server(prefix = "/fn", endpoint = "account/sign-out-everywhere", protocol = Json)]
pub async fn sign_out_everywhere() -> Result<(), Error> {
    request_context::answer(async |call: RequestContext| {
        latchkey_core::accounts::sign_out_everywhere(&call.state, call.session()?, call.device.address).await?;
        call.clear_cookie()
    })
    .await
}

/// Returns the content of an invitation. Needs the token of its link.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn or expired; `Throttled`.
#[server(prefix = "/fn", endpoint = "account/invitation", protocol = Json)]
pub async fn invitation(token: TypedSecret) -> Result<InvitationOffer, Error> {
    request_context::answer(async move |call: RequestContext| {
        latchkey_core::invitations::offer(&call.state, &token.expose().into(), &call.device).await
    })
    .await
}

/// Accepts an invitation: creates the member and signs them in. Needs the token of its link.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn or expired; `Invalid` at `name` or `password`; `Conflict` at `email`; `Throttled`.
#[server(prefix = "/fn", endpoint = "account/join", protocol = Json)]
pub async fn join(token: TypedSecret, name: String, password: TypedSecret) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| {
        let (token, password) = (token.expose().into(), password.expose().into());
        let session = latchkey_core::invitations::join(&call.state, &token, &name, password, &call.device).await?;
        call.set_cookie(&session)
    })
    .await
}
