//! Rotates the secret of a key.

use super::change::{commit, find_for_change, require_key_grants};
use crate::{Core, actor::Actor, etag::IfMatch};
use latchkey_crypto::key_format::PlainKey;
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{CreatedKey, GRACE_MAX_SECONDS},
    key_kind::Status,
    permission::Permission,
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
    let mut change = core.begin_for_keys(actor, &[Permission::ManageApiKeys], &[id]).await?;
    let before = find_for_change(&mut change, id, &only_if).await?;
    if !(0..=GRACE_MAX_SECONDS).contains(&grace_seconds) {
        return Err(Error::invalid("grace_seconds", format!("Use 0 to {GRACE_MAX_SECONDS} seconds.")));
    }
    let now = Timestamp::now();
    if matches!(before.lifecycle().status(now), Status::Expired | Status::Revoked) {
        return Err(Error::conflict("id", "This key has expired or was revoked. Create a new one."));
    }
    require_key_grants(&mut change.tx, &change.actor, &before).await?;
    let secret = PlainKey::generate(before.kind).ok_or_else(|| Error::invalid("id", "Keys of this kind can't be rotated."))?;
    let (digest, mask) = (core.pepper.digest(secret.reveal()), before.kind.spec().mask.apply(secret.reveal()));
    store::keys::secrets::replace(&mut change.tx, id, digest.as_bytes(), &mask, now.plus_ms(grace_seconds * 1000)).await?;
    let event = change.event("key.rotated", "key", id, &before.name).with("grace_seconds", grace_seconds);
    let key = commit(core, change, id, event).await?;
    Ok(CreatedKey { key, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}
