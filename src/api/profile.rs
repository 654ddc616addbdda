//! Profile, password and sessions of the signed-in user. All need a session and no permission.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Error, id::SessionId, member::SessionRow, secret::TypedSecret};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::profile;

/// Renames the signed-in user.
#[server(prefix = "/fn", endpoint = "profile/rename", protocol = Json)]
pub async fn rename(name: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| profile::rename(&call.state, call.session()?, &name, &call.device).await).await
}

/// Changes the password of the signed-in user and ends their other sessions.
///
/// # Errors
/// `Invalid` at `current` or `password`; `Throttled`.
#[server(prefix = "/fn", endpoint = "profile/change-password", protocol = Json)]
pub async fn change_password(current: TypedSecret, password: TypedSecret) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| {
        let (current, password) = (current.expose().into(), password.expose().into());
        let session = profile::change_password(&call.state, call.session()?, current, password, &call.device).await?;
        call.set_cookie(&session)
    })
    .await
}

/// Returns the sessions of the signed-in user, most recently used first.
#[server(prefix = "/fn", endpoint = "profile/sessions", protocol = Json)]
pub async fn sessions() -> Result<Vec<SessionRow>, Error> {
    request_context::answer(async |call: RequestContext| profile::sessions(&call.state, call.session()?).await).await
}

/// Ends all sessions of the signed-in user except this one.
#[server(prefix = "/fn", endpoint = "profile/end-other-sessions", protocol = Json)]
pub async fn end_other_sessions() -> Result<(), Error> {
    request_context::answer(async |call: RequestContext| profile::end_other_sessions(&call.state, call.session()?, &call.device).await).await
}

/// Ends one session of the signed-in user.
///
/// # Errors
/// `NotFound` also for the session of another user.
#[server(prefix = "/fn", endpoint = "profile/end-session", protocol = Json)]
pub async fn end_session(id: SessionId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| profile::end_session(&call.state, call.session()?, id, &call.device).await).await
}
