//! Issued keys: what their holders and their project's managers do with them.

use leptos::prelude::*;

use crate::model::{
    fault::Fault,
    id::KeyId,
    issued::{IssuedPage, IssuedQuery},
    secret::RevealedSecret,
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::{issued as rules, project_keys};

/// Signs a key's token and answers it, to its holder alone and this once. Needs *View Project*.
///
/// # Errors
/// `NotFound` also for another's; `Conflict` at `id` when it was revealed before, with when, and when the key has ended; `SignedOut`,
/// `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "issued/reveal", input = Json, output = Json)]
pub async fn reveal_key(id: KeyId) -> Result<RevealedSecret, Fault> {
    context::answer(async move |call: Call| project_keys::reveal(&call.state, &call.actor()?, id).await).await
}

/// A page of a project's issued keys, with what was counted in a period. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Invalid` at `from`, `to` or `rows`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "issued/list", input = Json, output = Json)]
pub async fn issued_keys(query: IssuedQuery) -> Result<IssuedPage, Fault> {
    context::answer(async move |call: Call| rules::list(&call.state, &call.actor()?, query).await).await
}

/// Takes a key back for good, and tells its holder. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "issued/revoke", input = Json, output = Json)]
pub async fn revoke_key(id: KeyId) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::revoke(&call.state, &call.actor()?, id).await).await
}

/// Puts a key to rest, or wakes it. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `id` for one that has ended, or is to be woken while its holder is disabled; `NotFound`, `SignedOut`, `Forbidden`,
/// `Unavailable`.
#[server(prefix = "/fn", endpoint = "issued/set-disabled", input = Json, output = Json)]
pub async fn set_key_disabled(id: KeyId, disabled: bool) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::set_disabled(&call.state, &call.actor()?, id, disabled).await).await
}
