//! Changing keys: what was chosen of them, putting them to rest, deleting them.

use futures_util::future::BoxFuture;

use super::{limits, managed, name_taken, traits};
use crate::{
    model::{
        fault::Fault,
        id::KeyId,
        key::{EditedKey, KeyRow},
        permission::Permission,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        audit::{Auditor, Event},
        state::AppState,
        store::{self, Tx, keys::KeyRecord},
    },
};

/// What a change tells the log, if it changed anything.
pub(super) type Told = Result<Option<Event>, Fault>;

/// Changes one key: finds it, changes it, notes for every process that its verdict changed, and writes the log. Needs the kind's `manage`
/// permission. Answers the digests by which it was or is presented, to be forgotten once the transaction stands.
pub(super) async fn change_in<Apply>(tx: &mut Tx, auditor: &Auditor, actor: &Actor, id: KeyId, apply: Apply) -> Result<Vec<Vec<u8>>, Fault>
where
    Apply: for<'tx> FnOnce(&'tx mut Tx, &'tx Actor, KeyRecord) -> BoxFuture<'tx, Told>,
{
    let before = managed(tx, actor, id).await?;
    let mut digests = store::keys::secrets::digests(tx, id).await?;
    let Some(event) = apply(tx, actor, before).await? else { return Ok(Vec::new()) };
    auditor.record(tx, event).await?;
    digests.extend(store::keys::secrets::digests(tx, id).await?);
    digests.sort_unstable();
    digests.dedup();
    for digest in &digests {
        store::changes::note(tx, Some(digest)).await?;
    }
    Ok(digests)
}

/// Changes one key in a transaction of its own. Needs *Manage API Keys* whatever the id. Answers the key as it is then, unless it is gone.
pub(super) async fn change<Apply>(state: &AppState, actor: &Actor, id: KeyId, apply: Apply) -> Result<Option<KeyRecord>, Fault>
where
    Apply: for<'tx> FnOnce(&'tx mut Tx, &'tx Actor, KeyRecord) -> BoxFuture<'tx, Told> + Send + 'static,
{
    actor.require(Permission::ManageApiKeys)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let (after, digests) = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let digests = change_in(tx, &auditor, &actor, id, apply).await?;
                Ok((store::keys::find(tx, actor.organization, id).await?, digests))
            })
        })
        .await?;
    state.verifier.forget_each(&digests);
    Ok(after)
}

/// Changes what was chosen of a key, as far as its kind lets one. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `Invalid` or `Conflict` at the value that is meant; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn edit(state: &AppState, actor: &Actor, id: KeyId, edited: EditedKey) -> Result<KeyRow, Fault> {
    let after = change(state, actor, id, move |tx, actor, before| {
        Box::pin(async move {
            let (kind, old) = (before.kind()?, before.traits());
            let now = Timestamp::now();
            let new = traits::of_edited(actor, kind, old.clone(), &edited, now)?;
            let credits = limits::edited_credits(kind.policy(), before.limits.account().map(|account| account.at(now)), edited.credits)?;
            if new == old && credits.is_none() {
                return Ok(None);
            }
            store::keys::set_traits(tx, id, kind, &new).await.map_err(name_taken)?;
            if let Some(credits) = credits {
                store::keys::credits::set(tx, id, credits, now).await?;
            }
            let event = Event::new(actor, "key.edited", "key", id, &new.name);
            Ok(Some(if new.name == old.name { event } else { event.with("from", old.name) }))
        })
    })
    .await?;
    limits::row(state, &after.ok_or(Fault::Internal)?)
}

/// Puts a key to rest, or wakes it: refused, or taken again, from now on. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `Conflict` when a key is to be woken whose maker is disabled; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn set_disabled(state: &AppState, actor: &Actor, id: KeyId, disabled: bool) -> Result<KeyRow, Fault> {
    let after = change(state, actor, id, move |tx, actor, before| Box::pin(resting(tx, actor, id, before, disabled))).await?;
    limits::row(state, &after.ok_or(Fault::Internal)?)
}

/// Puts a key to rest, or wakes it.
pub(super) async fn resting(tx: &mut Tx, actor: &Actor, id: KeyId, before: KeyRecord, disabled: bool) -> Told {
    if !disabled && before.creator_disabled_at.is_some() {
        return Err(Fault::conflict("id", "Its maker is disabled, so it rests. Enable them first, or hand their keys to somebody else."));
    }
    let action = if disabled { "key.disabled" } else { "key.enabled" };
    store::keys::set_disabled(tx, id, disabled.then(Timestamp::now)).await?;
    Ok(Some(Event::new(actor, action, "key", id, &before.name)))
}

/// Deletes a key for good: it is refused from now on. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `NotFound` also when it was deleted before; `Forbidden`, `Unavailable`.
pub async fn delete(state: &AppState, actor: &Actor, id: KeyId) -> Result<(), Fault> {
    change(state, actor, id, move |tx, actor, before| Box::pin(deletion(tx, actor, id, before))).await.map(drop)
}

/// Deletes a key.
pub(super) async fn deletion(tx: &mut Tx, actor: &Actor, id: KeyId, before: KeyRecord) -> Told {
    store::keys::delete(tx, id).await?;
    Ok(Some(Event::new(actor, "key.deleted", "key", id, &before.name).with("kind", before.kind)))
}
