//! API keys of all kinds, and lists of keys and credentials.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::KeyId,
    key::{BulkAction, BulkResult, CreateKeyRequest, CreatedKey, ItemId, KeyPatch, KeyRow},
    listing::{Anchor, IdsPage, KeyQuery, KindTotal, ListCount, OpenedListing, RecentUse, RowsPage, RowsRequest},
    provider::CallableModel,
    receipt::WithReceipt,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{actor::Actor, bulk, etag::IfMatch, key_lists, keys, overview};
#[cfg(feature = "ssr")]
use latchkey_types::permission::Permission;

/// Opens a list of keys or credentials and returns its first rows. Needs the kind's `view` permission.
#[server(prefix = "/fn", endpoint = "keys/open", protocol = Json)]
pub async fn open_keys(query: KeyQuery) -> Result<OpenedListing<KeyRow>, Error> {
    request_context::answer(async move |call: RequestContext| key_lists::open(&call.state, &call.actor()?, query).await).await
}

/// Returns rows of an opened list, at most [`ROWS_MAX`](latchkey_types::listing::ROWS_MAX). Needs the kind's `view` permission.
///
/// # Errors
/// `ListingGone` if the list has expired or was opened by another user.
#[server(prefix = "/fn", endpoint = "keys/rows", protocol = Json)]
pub async fn key_rows(request: RowsRequest) -> Result<RowsPage<KeyRow>, Error> {
    request_context::answer(async move |call: RequestContext| key_lists::rows(&call.state, &call.actor()?, &request).await).await
}

/// Returns the exact number of rows of an opened list. Needs the kind's `view` permission.
///
/// # Errors
/// As [`key_rows`].
#[server(prefix = "/fn", endpoint = "keys/count", protocol = Json)]
pub async fn count_keys(listing: String) -> Result<ListCount, Error> {
    request_context::answer(async move |call: RequestContext| key_lists::count(&call.state, &call.actor()?, &listing).await).await
}

/// Returns the ids of rows of an opened list, at most 1,000, from one after a known position on. Needs the kind's `view` permission.
///
/// # Errors
/// As [`key_rows`].
#[server(prefix = "/fn", endpoint = "keys/ids", protocol = Json)]
pub async fn list_row_ids(anchor: Anchor, first: usize, limit: usize) -> Result<IdsPage<ItemId>, Error> {
    request_context::answer(async move |call: RequestContext| key_lists::ids(&call.state, &call.actor()?, &anchor, first, limit).await).await
}

/// Counts the rows of an opened list that were used lately. Needs the kind's `view` permission.
///
/// # Errors
/// As [`key_rows`].
#[server(prefix = "/fn", endpoint = "keys/recent-use", protocol = Json)]
pub async fn list_recent_use(listing: String) -> Result<RecentUse, Error> {
    request_context::answer(async move |call: RequestContext| key_lists::recent_use(&call.state, &call.actor()?, &listing).await).await
}

/// Returns the number of keys of every kind that the user can list. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "keys/totals", protocol = Json)]
pub async fn key_totals() -> Result<Vec<KindTotal>, Error> {
    request_context::answer(async |call: RequestContext| overview::totals(&call.state, &call.actor()?).await).await
}

/// Returns a key. Needs its kind's `view` permission.
#[server(prefix = "/fn", endpoint = "keys/get", protocol = Json)]
pub async fn get_key(id: KeyId) -> Result<KeyRow, Error> {
    request_context::answer(async move |call: RequestContext| keys::get(&call.state, &call.actor()?, id).await).await
}

/// Creates a key. Only this response contains its secret. Needs the kind's `manage` permission.
#[server(prefix = "/fn", endpoint = "keys/create", protocol = Json)]
pub async fn create_key(request: CreateKeyRequest) -> Result<CreatedKey, Error> {
    request_context::answer(async move |call: RequestContext| keys::create(&call.state, &call.actor()?, request).await).await
}

/// Changes the fields of a key that its kind allows to edit. Needs the kind's `manage` permission.
#[server(prefix = "/fn", endpoint = "keys/edit", protocol = Json)]
pub async fn edit_key(id: ItemId, patch: KeyPatch) -> Result<WithReceipt<KeyRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        let actor = call.actor()?;
        keys::edit(&call.state, &actor, key_id(&actor, id)?, patch, IfMatch::Unconditional).await
    })
    .await
}

/// Replaces the secret of a key. Only this response contains the new secret. The old one stays valid for the grace period, at most
/// [`GRACE_MAX_SECONDS`](latchkey_types::key::GRACE_MAX_SECONDS). Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` at `grace_seconds`; `Conflict` for an expired or revoked key.
#[server(prefix = "/fn", endpoint = "keys/rotate", protocol = Json)]
pub async fn rotate_key(id: ItemId, grace_seconds: i64) -> Result<WithReceipt<CreatedKey>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        let actor = call.actor()?;
        keys::rotate(&call.state, &actor, key_id(&actor, id)?, grace_seconds, IfMatch::Unconditional).await
    })
    .await
}

/// Deletes, disables or enables up to [`BULK_MAX`](latchkey_types::key::BULK_MAX) keys, or deletes as many credentials. Items
/// that do not exist are skipped. Needs the kinds' `manage` permission.
#[server(prefix = "/fn", endpoint = "keys/bulk", protocol = Json)]
pub async fn bulk_update_keys(action: BulkAction, ids: Vec<ItemId>) -> Result<WithReceipt<BulkResult>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| bulk::apply(&call.state, &call.actor()?, action, &ids).await).await
}

/// Returns the organization's models and aliases, sorted by name. Needs *Manage API Keys*.
#[server(prefix = "/fn", endpoint = "keys/models", protocol = Json)]
pub async fn callable_models() -> Result<Vec<CallableModel>, Error> {
    request_context::answer(async |call: RequestContext| keys::callable_models(&call.state, &call.actor()?).await).await
}

/// Id of an API key. `NotFound` for a credential, but only after the permission check.
#[cfg(feature = "ssr")]
fn key_id(actor: &Actor, id: ItemId) -> Result<KeyId, Error> {
    actor.require(Permission::ManageApiKeys)?;
    if let ItemId::Key(id) = id { Ok(id) } else { Err(Error::NotFound) }
}
