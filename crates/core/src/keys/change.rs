//! Updates, disables, enables and deletes keys.

use super::{attributes, can_access, limits, models, name_taken, rows};
use crate::{Core, actor::Actor, audit::Event, change::Change, etag::IfMatch};
use latchkey_store::{self as store, Connection, keys::KeyRecord};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{KeyPatch, KeyRow},
    key_kind::ScopeRule,
    permission::{Permission, Scope},
    time::Timestamp,
};

/// The key, if the actor may change it and it fulfils the condition. Project keys have their own rules. Needs the kind's `manage` permission.
pub(super) async fn find_for_change(change: &mut Change, id: KeyId, only_if: &IfMatch) -> Result<KeyRecord, Error> {
    let record = store::keys::find(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::NotFound)?;
    let row = record.row()?;
    if !row.kind.spec().is_listed() || !can_access(&change.actor, &row) {
        return Err(Error::NotFound);
    }
    change.actor.require(row.kind.spec().manage)?;
    only_if.check(|| Ok(row))?;
    Ok(record)
}

/// An internal key gives access to everything the key may do, so who gets its secret or makes it valid again needs all of its scopes and
/// permissions.
pub(super) async fn require_key_grants(db: &mut Connection, actor: &Actor, key: &KeyRecord) -> Result<(), Error> {
    if key.kind.spec().scope_rule != ScopeRule::Api {
        return Ok(());
    }
    for scope in key.scopes().iter().filter_map(|word| word.parse::<Scope>().ok()) {
        actor.require_grant(scope)?;
    }
    let creator = store::members::find(db, actor.organization, key.created_by).await?.ok_or(Error::NotFound)?;
    actor.require_all(creator.allows())
}

/// Commits the change of a key. Returns the changed key.
pub(super) async fn commit(core: &Core, mut change: Change, id: KeyId, event: Event) -> Result<KeyRow, Error> {
    let after = store::keys::find(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::Internal)?;
    // Before the commit, so that a read that fails is not mistaken for a change that failed.
    let row = rows::row(core, &after).await?;
    change.commit([event]).await?;
    Ok(row)
}

/// Updates the attributes of a key that its kind allows to be edited. Needs *Manage API Keys* and the kind's `manage` permission.
pub async fn edit(core: &Core, actor: &Actor, id: KeyId, patch: KeyPatch, only_if: IfMatch) -> Result<KeyRow, Error> {
    let mut change = core.begin_for_keys(actor, &[Permission::ManageApiKeys], &[id]).await?;
    let before = find_for_change(&mut change, id, &only_if).await?;
    let (kind, old, now) = (before.kind, before.attributes(), Timestamp::now());
    let new = attributes::apply_patch(&change.actor, kind, old.clone(), &patch, now)?;
    let credits = limits::patch_credits(kind.spec(), before.limits.credit_balance().map(|balance| balance.at(now)), patch.credits, now)?;
    if new == old && credits.is_none() {
        return rows::row(core, &before).await;
    }
    store::keys::set_attributes(&mut change.tx, id, kind, &new).await.map_err(name_taken)?;
    if let Some(credits) = credits {
        limits::store_credits(&mut change.tx, id, credits, now).await?;
    }
    let event = change.event("key.edited", "key", id, &new.name);
    let logs_bodies = models::logs_bodies(new.model_access.as_deref());
    let is_unchanged = logs_bodies == models::logs_bodies(old.model_access.as_deref());
    let event = if is_unchanged { event } else { event.with("log_bodies", logs_bodies) };
    let event = if new.name == old.name { event } else { event.with("from", old.name) };
    commit(core, change, id, event).await
}

/// Disables or enables a key, effective immediately. Needs *Manage API Keys* and the kind's `manage` permission; to enable an internal key
/// also every scope of the key and every permission of its creator.
///
/// # Errors
/// `Conflict` when enabling a key whose creator is disabled.
pub async fn set_disabled(core: &Core, actor: &Actor, id: KeyId, disabled: bool, only_if: IfMatch) -> Result<KeyRow, Error> {
    let mut change = core.begin_for_keys(actor, &[Permission::ManageApiKeys], &[id]).await?;
    let event = set_disabled_in(&mut change, id, disabled, &only_if).await?;
    commit(core, change, id, event).await
}

/// Disables or enables a key as part of a change. Writes nothing if it fails with `NotFound` or `Conflict`.
pub(super) async fn set_disabled_in(change: &mut Change, id: KeyId, disabled: bool, only_if: &IfMatch) -> Result<Event, Error> {
    let before = find_for_change(change, id, only_if).await?;
    if !disabled && before.creator_disabled_at.is_some() {
        return Err(Error::conflict("id", "The key's owner is disabled. Re-enable the owner or transfer the key."));
    }
    if !disabled {
        require_key_grants(&mut change.tx, &change.actor, &before).await?;
    }
    store::keys::set_disabled(&mut change.tx, id, disabled.then(Timestamp::now)).await?;
    Ok(change.event(if disabled { "key.disabled" } else { "key.enabled" }, "key", id, &before.name))
}

/// Deletes a key permanently, effective immediately. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `NotFound` also if the key is already deleted.
pub async fn delete(core: &Core, actor: &Actor, id: KeyId, only_if: IfMatch) -> Result<(), Error> {
    let mut change = core.begin_for_keys(actor, &[Permission::ManageApiKeys], &[id]).await?;
    let event = delete_in(&mut change, id, &only_if).await?;
    change.commit([event]).await
}

/// Deletes a key as part of a change. Writes nothing if it fails with `NotFound`.
pub(super) async fn delete_in(change: &mut Change, id: KeyId, only_if: &IfMatch) -> Result<Event, Error> {
    let before = find_for_change(change, id, only_if).await?;
    store::keys::delete(&mut change.tx, id).await?;
    Ok(change.event("key.deleted", "key", id, &before.name).with("kind", before.kind.as_str()))
}
