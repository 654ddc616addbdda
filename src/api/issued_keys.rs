//! Issued keys: functions for their holders and for project managers.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::KeyId,
    issued_key::{IssuedPage, IssuedQuery},
    receipt::{Done, WithReceipt},
    secret::RevealedSecret,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{issued_keys as rules, project_keys};

/// Signs and returns the token of a key, once and only for its holder. Needs *View Project*.
///
/// # Errors
/// `NotFound` also for the key of another user; `Conflict` at `id` if the token was already revealed or the key is expired or revoked.
#[server(prefix = "/fn", endpoint = "issued/reveal", protocol = Json)]
pub async fn reveal_key(id: KeyId) -> Result<RevealedSecret, Error> {
    request_context::answer(async move |call: RequestContext| project_keys::reveal(&call.state, &call.actor()?, id).await).await
}

/// Returns a page of a project's issued keys with their usage in a period. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "issued/list", protocol = Json)]
pub async fn issued_keys(query: IssuedQuery) -> Result<IssuedPage, Error> {
    request_context::answer(async move |call: RequestContext| rules::list(&call.state, &call.actor()?, query).await).await
}

/// Revokes a key permanently and notifies its holder. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "issued/revoke", protocol = Json)]
pub async fn revoke_key(id: KeyId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| rules::revoke(&call.state, &call.actor()?, id).await).await
}

/// Disables or enables a key. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `id` if the key is expired or revoked, or if the call enables it while its holder is disabled.
#[server(prefix = "/fn", endpoint = "issued/set-disabled", protocol = Json)]
pub async fn set_key_disabled(id: KeyId, disabled: bool) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| rules::set_disabled(&call.state, &call.actor()?, id, disabled).await).await
}
