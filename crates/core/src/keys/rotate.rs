//! Rotates the secret of a key.

use super::{change::change, limits};
use crate::{Core, actor::Actor, audit::Event, etag::IfMatch};
use latchkey_crypto::key_format::PlainKey;
use latchkey_store::{self as store, Tx, keys::KeyRecord};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{CreatedKey, GRACE_MAX_SECONDS},
    key_kind::{ScopeRule, Status},
    permission::{Permissions, Scope},
    secret::RevealedSecret,
    time::Timestamp,
};

/// Replaces the secret of a key. Only this result contains the new one. The old secret stays valid for the grace period, at most
/// [`GRACE_MAX_SECONDS`]. Needs *Manage API Keys* and the kind's `manage` permission; for internal keys also every scope of the key and
/// every permission of its creator.
///
/// # Errors
/// `Conflict` for a key that has expired or was revoked.
pub async fn rotate(core: &Core, actor: &Actor, id: KeyId, grace_seconds: i64, only_if: IfMatch) -> Result<CreatedKey, Error> {
    let pepper = core.pepper.clone();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let after = change(core, actor, id, only_if, move |tx, actor, before| {
        Box::pin(async move {
            if !(0..=GRACE_MAX_SECONDS).contains(&grace_seconds) {
                return Err(Error::invalid("grace_seconds", format!("Use 0 to {GRACE_MAX_SECONDS} seconds.")));
            }
            let now = Timestamp::now();
            if matches!(before.lifecycle().status(now), Status::Expired | Status::Revoked) {
                return Err(Error::conflict("id", "This key has expired or was revoked. Create a new one."));
            }
            let kind = before.kind()?;
            require_key_grants(tx, actor, &before).await?;
            let secret = PlainKey::generate(kind).ok_or_else(|| Error::invalid("id", "Keys of this kind can't be rotated."))?;
            let grace_ends_at = now.plus_ms(grace_seconds * 1000);
            let digest = pepper.digest(secret.reveal());
            store::keys::secrets::replace(tx, id, digest.as_bytes(), &kind.spec().mask.apply(secret.reveal()), grace_ends_at).await?;
            // Sending fails only if the caller was cancelled and the receiver dropped.
            let _ = sender.send(secret);
            Ok(Some(Event::new(actor, "key.rotated", "key", id, &before.name).with("grace_seconds", grace_seconds)))
        })
    })
    .await?;
    let secret = receiver.await.map_err(|_| Error::Internal)?;
    Ok(CreatedKey { key: limits::row(core, &after.ok_or(Error::Internal)?)?, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}

/// The secret of an internal key gives access to everything the key may do, so the actor needs all of its scopes and permissions.
async fn require_key_grants(tx: &mut Tx, actor: &Actor, key: &KeyRecord) -> Result<(), Error> {
    if key.kind()?.spec().scope_rule != ScopeRule::Api {
        return Ok(());
    }
    for scope in key.scopes().iter().filter_map(|word| word.parse::<Scope>().ok()) {
        actor.require_grant(scope)?;
    }
    let creator = key.created_by.parse().map_err(|_| Error::Internal)?;
    let creator = store::members::find(tx, actor.organization, creator).await?.ok_or(Error::NotFound)?;
    actor.require_all(Permissions::parse_list(&creator.permissions))
}
