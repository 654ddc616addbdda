//! API keys of every kind, and the lists that hold them and credentials.

use leptos::prelude::*;

use crate::model::{
    fault::Fault,
    key::{BulkAction, BulkOutcome, CreatedKey, EditedKey, ItemId, KeyRow, WantedKey},
    listing::{KeyQuery, ListedRow, OpenedListing},
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::{
    model::{id::KeyId, permission::Permission},
    server::{actor::Actor, items, keys, lists, tag::IfMatch},
};

/// Opens a list of keys or credentials and answers its first rows. Needs the kind's `view` permission.
///
/// # Errors
/// `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/open", input = Json, output = Json)]
pub async fn open_keys(query: KeyQuery) -> Result<OpenedListing<KeyRow>, Fault> {
    context::answer(async move |call: Call| lists::open(&call.state, &call.actor()?, query).await).await
}

/// Answers rows of an opened list, at most [`ROWS_MAX`](crate::model::listing::ROWS_MAX). Needs the kind's `view` permission.
///
/// # Errors
/// `ListingGone` when it was opened too long ago or by somebody else; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/rows", input = Json, output = Json)]
pub async fn key_rows(listing: String, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    context::answer(async move |call: Call| lists::rows(&call.state, &call.actor()?, &listing, offset, limit).await).await
}

/// Answers the ids of an opened list's rows, at most 1,000. Needs the kind's `view` permission.
///
/// # Errors
/// As [`key_rows`].
#[server(prefix = "/fn", endpoint = "keys/ids", input = Json, output = Json)]
pub async fn listed_ids(listing: String, offset: usize, limit: usize) -> Result<Vec<ItemId>, Fault> {
    context::answer(async move |call: Call| lists::ids(&call.state, &call.actor()?, &listing, offset, limit).await).await
}

/// Makes a key; its secret is in this answer and nowhere else. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` or `Conflict` at the value that is meant; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/create", input = Json, output = Json)]
pub async fn create_key(wanted: WantedKey) -> Result<CreatedKey, Fault> {
    context::answer(async move |call: Call| keys::create(&call.state, &call.actor()?, wanted).await).await
}

/// Changes a key, as far as its kind lets one. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` or `Conflict` at the value that is meant; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/edit", input = Json, output = Json)]
pub async fn edit_key(id: ItemId, edited: EditedKey) -> Result<KeyRow, Fault> {
    context::answer(async move |call: Call| {
        let actor = call.actor()?;
        keys::edit(&call.state, &actor, key_id(&actor, id)?, edited, IfMatch::Anything).await
    })
    .await
}

/// Gives a key another secret; it is in this answer and nowhere else. The one before stays good for the grace, at most
/// [`GRACE_MAX_SECONDS`](crate::model::key::GRACE_MAX_SECONDS). Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` at `grace_seconds`; `Conflict` for a key that has ended; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/rotate", input = Json, output = Json)]
pub async fn rotate_key(id: ItemId, grace_seconds: i64) -> Result<CreatedKey, Fault> {
    context::answer(async move |call: Call| {
        let actor = call.actor()?;
        keys::rotate(&call.state, &actor, key_id(&actor, id)?, grace_seconds, IfMatch::Anything).await
    })
    .await
}

/// Deletes, disables or enables up to [`BULK_MAX`](crate::model::key::BULK_MAX) keys; deletes as many credentials. Those that are not
/// there are left. Needs the kinds' `manage` permission.
///
/// # Errors
/// `Invalid` at `ids`; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "keys/act", input = Json, output = Json)]
pub async fn act_on_keys(action: BulkAction, ids: Vec<ItemId>) -> Result<BulkOutcome, Fault> {
    context::answer(async move |call: Call| items::act(&call.state, &call.actor()?, action, &ids).await).await
}

/// What is no key's id names none; said only to those who may change keys.
#[cfg(feature = "ssr")]
fn key_id(actor: &Actor, id: ItemId) -> Result<KeyId, Fault> {
    actor.require(Permission::ManageApiKeys)?;
    if let ItemId::Key(id) = id { Ok(id) } else { Err(Fault::NotFound) }
}
