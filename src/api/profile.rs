//! What people see and change of themselves. Each needs a session and no permission.

use leptos::prelude::*;

use crate::model::{fault::Fault, id::SessionId, people::SessionRow, secret::TypedSecret, wire::Json};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::profile;

/// Gives the person who is signed in another name.
///
/// # Errors
/// `Invalid` at `name`; `SignedOut`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "profile/rename", input = Json, output = Json)]
pub async fn rename(name: String) -> Result<(), Fault> {
    context::answer(async move |call: Call| profile::rename(&call.state, call.session()?, &name, &call.device).await).await
}

/// Gives the person who is signed in another password; their other sessions end.
///
/// # Errors
/// `Invalid` at `current` or `password`; `Throttled`, `SignedOut`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "profile/change-password", input = Json, output = Json)]
pub async fn change_password(current: TypedSecret, password: TypedSecret) -> Result<(), Fault> {
    context::answer(async move |call: Call| {
        let (current, password) = (current.expose().into(), password.expose().into());
        let session = profile::change_password(&call.state, call.session()?, current, password, call.device.clone()).await?;
        call.set_cookie(&session)
    })
    .await
}

/// The sessions of the person who is signed in, the last used first.
///
/// # Errors
/// `SignedOut`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "profile/sessions", input = Json, output = Json)]
pub async fn sessions() -> Result<Vec<SessionRow>, Fault> {
    context::answer(async |call: Call| profile::sessions(&call.state, call.session()?).await).await
}

/// Ends one session of the person who is signed in.
///
/// # Errors
/// `NotFound` also for somebody else's; `SignedOut`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "profile/end-session", input = Json, output = Json)]
pub async fn end_session(id: SessionId) -> Result<(), Fault> {
    context::answer(async move |call: Call| profile::end_session(&call.state, call.session()?, id, &call.device).await).await
}
