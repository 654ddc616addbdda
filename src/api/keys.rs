//! API keys of every kind: list, make, edit, delete.

use leptos::prelude::*;

use crate::model::{
    fault::Fault,
    key::{CreatedKey, ItemId, KeyRow},
    listing::{KeyQuery, ListedRow, OpenedListing},
    policy::Kind,
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::keys;

/// Opens a list of keys and answers its first rows. Needs the kind's `view` permission.
///
/// # Errors
/// `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/open", input = Json, output = Json)]
pub async fn open_keys(query: KeyQuery) -> Result<OpenedListing<KeyRow>, Fault> {
    context::answer(async move |call: Call| keys::open(&call.state, &call.actor()?, query).await).await
}

/// Answers rows of an opened list, at most [`ROWS_MAX`](crate::model::listing::ROWS_MAX). Needs the kind's `view` permission.
///
/// # Errors
/// `ListingGone` when it was opened too long ago or by somebody else; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/rows", input = Json, output = Json)]
pub async fn key_rows(listing: String, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    context::answer(async move |call: Call| keys::rows(&call.state, &call.actor()?, &listing, offset, limit).await).await
}

/// Makes a key; its secret is in this answer and nowhere else. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/create", input = Json, output = Json)]
pub async fn create_key(kind: Kind, name: String) -> Result<CreatedKey, Fault> {
    context::answer(async move |call: Call| {
        let (key, secret) = keys::create(&call.state, &call.actor()?, keys::NewKey::named(key_kind(kind)?, name)).await?;
        Ok(CreatedKey { key: key.row, secret })
    })
    .await
}

/// Gives a key another name. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/rename", input = Json, output = Json)]
pub async fn rename_key(id: ItemId, name: String) -> Result<KeyRow, Fault> {
    context::answer(async move |call: Call| Ok(keys::rename(&call.state, &call.actor()?, key_id(id)?, &name).await?.row)).await
}

/// Deletes a key for good: it is refused from now on. Needs the kind's `manage` permission.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/delete", input = Json, output = Json)]
pub async fn delete_key(id: ItemId) -> Result<(), Fault> {
    context::answer(async move |call: Call| keys::delete(&call.state, &call.actor()?, key_id(id)?).await).await
}

#[cfg(feature = "ssr")]
fn key_kind(kind: Kind) -> Result<crate::model::policy::KeyKind, Fault> {
    if let Kind::Key(kind) = kind { Ok(kind) } else { Err(Fault::Malformed) }
}

#[cfg(feature = "ssr")]
fn key_id(id: ItemId) -> Result<crate::model::id::KeyId, Fault> {
    if let ItemId::Key(id) = id { Ok(id) } else { Err(Fault::NotFound) }
}
