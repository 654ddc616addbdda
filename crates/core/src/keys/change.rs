//! Updates, disables, enables and deletes keys.

use futures_util::future::BoxFuture;

use super::{attributes, find_managed, limits, name_taken};
use crate::{
    Core,
    actor::Actor,
    audit::{Auditor, Event},
    etag::IfMatch,
};
use latchkey_store::{self as store, Tx, keys::KeyRecord};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{KeyPatch, KeyRow},
    permission::Permission,
    time::Timestamp,
};

/// The audit event of a change; `None` if nothing changed.
pub(super) type ChangeResult = Result<Option<Event>, Error>;

/// Changes one key: finds it, checks `only_if`, applies the change, writes the audit event and records for all instances that its verdict
/// changed. Needs the kind's `manage` permission.
///
/// Returns the key's digests from before and after the change, to be invalidated in the cache after the commit.
pub(super) async fn change_in<Apply>(
    tx: &mut Tx,
    auditor: &Auditor,
    actor: &Actor,
    id: KeyId,
    only_if: &IfMatch,
    apply: Apply,
) -> Result<Vec<Vec<u8>>, Error>
where
    Apply: for<'tx> FnOnce(&'tx mut Tx, &'tx Actor, KeyRecord) -> BoxFuture<'tx, ChangeResult>,
{
    let before = find_managed(tx, actor, id).await?;
    only_if.check(|| before.row())?;
    let mut digests = store::keys::secrets::digests(tx, id).await?;
    let Some(event) = apply(tx, actor, before).await? else { return Ok(Vec::new()) };
    auditor.record(tx, event).await?;
    digests.extend(store::keys::secrets::digests(tx, id).await?);
    digests.sort_unstable();
    digests.dedup();
    for digest in &digests {
        store::verdict_changes::record(tx, Some(digest)).await?;
    }
    Ok(digests)
}

/// Changes one key in its own transaction. Needs *Manage API Keys*, which is checked before the id. Returns the changed key; `None` if it was
/// deleted.
pub(super) async fn change<Apply>(core: &Core, actor: &Actor, id: KeyId, only_if: IfMatch, apply: Apply) -> Result<Option<KeyRecord>, Error>
where
    Apply: for<'tx> FnOnce(&'tx mut Tx, &'tx Actor, KeyRecord) -> BoxFuture<'tx, ChangeResult> + Send + 'static,
{
    actor.require(Permission::ManageApiKeys)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let (after, digests) = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let digests = change_in(tx, &auditor, &actor, id, &only_if, apply).await?;
                Ok((store::keys::find(tx, actor.organization, id).await?, digests))
            })
        })
        .await?;
    core.verifier.invalidate_each(&digests);
    Ok(after)
}

/// Updates the attributes of a key that its kind allows to be edited. Needs *Manage API Keys* and the kind's `manage` permission.
pub async fn edit(core: &Core, actor: &Actor, id: KeyId, patch: KeyPatch, only_if: IfMatch) -> Result<KeyRow, Error> {
    let after = change(core, actor, id, only_if, move |tx, actor, before| {
        Box::pin(async move {
            let (kind, old) = (before.kind()?, before.attributes());
            let now = Timestamp::now();
            let new = attributes::apply_patch(actor, kind, old.clone(), &patch, now)?;
            let credits = limits::patch_credits(kind.spec(), before.limits.credit_balance().map(|account| account.at(now)), patch.credits)?;
            if new == old && credits.is_none() {
                return Ok(None);
            }
            store::keys::set_attributes(tx, id, kind, &new).await.map_err(name_taken)?;
            if let Some(credits) = credits {
                store::keys::credits::set(tx, id, credits, now).await?;
            }
            let event = Event::new(actor, "key.edited", "key", id, &new.name);
            Ok(Some(if new.name == old.name { event } else { event.with("from", old.name) }))
        })
    })
    .await?;
    limits::row(core, &after.ok_or(Error::Internal)?)
}

/// Disables or enables a key, effective immediately. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `Conflict` when enabling a key whose creator is disabled.
pub async fn set_disabled(core: &Core, actor: &Actor, id: KeyId, disabled: bool, only_if: IfMatch) -> Result<KeyRow, Error> {
    let after = change(core, actor, id, only_if, move |tx, actor, before| Box::pin(set_disabled_in(tx, actor, id, before, disabled))).await?;
    limits::row(core, &after.ok_or(Error::Internal)?)
}

pub(super) async fn set_disabled_in(tx: &mut Tx, actor: &Actor, id: KeyId, before: KeyRecord, disabled: bool) -> ChangeResult {
    if !disabled && before.creator_disabled_at.is_some() {
        return Err(Error::conflict("id", "The key's owner is disabled. Re-enable the owner or transfer the key."));
    }
    let action = if disabled { "key.disabled" } else { "key.enabled" };
    store::keys::set_disabled(tx, id, disabled.then(Timestamp::now)).await?;
    Ok(Some(Event::new(actor, action, "key", id, &before.name)))
}

/// Deletes a key permanently, effective immediately. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `NotFound` also if the key is already deleted.
pub async fn delete(core: &Core, actor: &Actor, id: KeyId, only_if: IfMatch) -> Result<(), Error> {
    change(core, actor, id, only_if, move |tx, actor, before| Box::pin(delete_in(tx, actor, id, before))).await.map(drop)
}

pub(super) async fn delete_in(tx: &mut Tx, actor: &Actor, id: KeyId, before: KeyRecord) -> ChangeResult {
    store::keys::delete(tx, id).await?;
    Ok(Some(Event::new(actor, "key.deleted", "key", id, &before.name).with("kind", before.kind)))
}
