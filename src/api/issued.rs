//! Issued keys: what their holders and their project's managers do with them.

use leptos::prelude::*;

use crate::model::{fault::Fault, id::KeyId, secret::RevealedSecret, wire::Json};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::project_keys;

/// Signs a key's token and answers it, to its holder alone and this once. Needs *View Project*.
///
/// # Errors
/// `NotFound` also for another's; `Conflict` at `id` when it was revealed before, with when, and when the key has ended; `SignedOut`,
/// `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "issued/reveal", input = Json, output = Json)]
pub async fn reveal_key(id: KeyId) -> Result<RevealedSecret, Fault> {
    context::answer(async move |call: Call| project_keys::reveal(&call.state, &call.actor()?, id).await).await
}
