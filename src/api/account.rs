//! Setting up, signing in and out.

use leptos::prelude::*;

use crate::model::{account::Viewer, fault::Fault, people::Offer, secret::TypedSecret, wire::Json};

#[cfg(feature = "ssr")]
use super::context::{self, Call};

/// The person who is signed in. Needs a session; no permission.
///
/// # Errors
/// `SignedOut`, `Unavailable`.
#[server(name = ReadViewer, prefix = "/fn", endpoint = "account/viewer", input = Json, output = Json)]
pub async fn viewer() -> Result<Viewer, Fault> {
    context::answer(async |call: Call| crate::server::profile::viewer(&call.state, call.session()?).await).await
}

/// Makes the organization and its owner, and signs the owner in. Needs the one-time token of the set-up link.
///
/// # Errors
/// `Invalid` at `organization`, `name`, `email` or `password`; `NotFound` for a token that is wrong or used.
#[server(prefix = "/fn", endpoint = "account/set-up", input = Json, output = Json)]
pub async fn set_up(token: String, organization: String, name: String, email: String, password: String) -> Result<(), Fault> {
    use crate::server::accounts::{self, NewAccount};
    context::answer(async move |call: Call| {
        let account = NewAccount { organization, name, email, password: password.into() };
        let session = accounts::set_up(&call.state, &token.into(), account, call.device.clone()).await?;
        call.set_cookie(&session)
    })
    .await
}

/// Signs in: a new session, whatever cookie came with the call.
///
/// # Errors
/// `WrongCredentials`, also for an account that is unknown or disabled; `Throttled`.
#[server(prefix = "/fn", endpoint = "account/sign-in", input = Json, output = Json)]
pub async fn sign_in(email: String, password: String) -> Result<(), Fault> {
    context::answer(async move |call: Call| {
        let session = crate::server::accounts::sign_in(&call.state, &email, &password.into(), call.device.clone()).await?;
        call.set_cookie(&session)
    })
    .await
}

/// Ends this session. Needs a session; no permission.
///
/// # Errors
/// `SignedOut` when it has ended already.
#[server(prefix = "/fn", endpoint = "account/sign-out", input = Json, output = Json)]
pub async fn sign_out() -> Result<(), Fault> {
    context::answer(async |call: Call| {
        crate::server::accounts::sign_out(&call.state, call.session()?, call.device.address).await?;
        call.clear_cookie()
    })
    .await
}

/// Ends every session of the person who is signed in, this one too. Needs a session; no permission.
///
/// # Errors
/// `SignedOut` when it has ended already.
#[server(prefix = "/fn", endpoint = "account/sign-out-everywhere", input = Json, output = Json)]
pub async fn sign_out_everywhere() -> Result<(), Fault> {
    context::answer(async |call: Call| {
        crate::server::accounts::sign_out_everywhere(&call.state, call.session()?, call.device.address).await?;
        call.clear_cookie()
    })
    .await
}

/// What the link of an invitation offers. Needs the token that it holds.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn or expired; `Throttled`.
#[server(prefix = "/fn", endpoint = "account/invitation", input = Json, output = Json)]
pub async fn invitation(token: TypedSecret) -> Result<Offer, Fault> {
    context::answer(async move |call: Call| crate::server::invitations::offer(&call.state, &token.expose().into(), &call.device).await).await
}

/// Makes whoever has the link of an invitation a member, and signs them in. Needs the token that it holds.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn or expired; `Invalid` at `name` or `password`; `Conflict` at `email`; `Throttled`.
#[server(prefix = "/fn", endpoint = "account/join", input = Json, output = Json)]
pub async fn join(token: TypedSecret, name: String, password: TypedSecret) -> Result<(), Fault> {
    context::answer(async move |call: Call| {
        let (token, password) = (token.expose().into(), password.expose().into());
        let session = crate::server::invitations::join(&call.state, &token, &name, password, call.device.clone()).await?;
        call.set_cookie(&session)
    })
    .await
}
