//! Giving a key another secret.

use super::change::change;
use crate::{
    model::{
        fault::Fault,
        id::KeyId,
        key::{CreatedKey, GRACES},
        policy::Status,
        secret::RevealedSecret,
        time::Timestamp,
    },
    server::{actor::Actor, audit::Event, state::AppState, store, token::PlainKey},
};

/// Gives a key another secret, which is in this answer and nowhere else. The one before stays good for the grace, which is one of
/// [`GRACES`]. Needs *Manage API Keys* and the kind's `manage` permission.
///
/// # Errors
/// `Invalid` at `grace_seconds`; `Conflict` for a key that has ended, since another secret would not bring it back; `NotFound`,
/// `Forbidden`, `Unavailable`.
pub async fn rotate(state: &AppState, actor: &Actor, id: KeyId, grace_seconds: i64) -> Result<CreatedKey, Fault> {
    let pepper = state.pepper.clone();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let after = change(state, actor, id, move |tx, actor, before| {
        Box::pin(async move {
            if !GRACES.iter().any(|(seconds, _)| *seconds == grace_seconds) {
                return Err(Fault::invalid("grace_seconds", "Use 0, 3600, 86400 or 604800 seconds."));
            }
            let now = Timestamp::now();
            if matches!(before.lifecycle().status(now), Status::Expired | Status::Revoked) {
                return Err(Fault::conflict("id", "This key has ended. Create a new one."));
            }
            let kind = before.kind()?;
            let secret = PlainKey::generate(kind).ok_or_else(|| Fault::invalid("id", "Keys of this kind can't be rotated."))?;
            let ends = now.plus_ms(grace_seconds * 1000);
            let digest = pepper.digest(secret.reveal());
            store::keys::secrets::replace(tx, id, digest.as_bytes(), &kind.policy().mask.apply(secret.reveal()), ends).await?;
            // Nobody waits for it any more once the caller has gone.
            let _ = sender.send(secret);
            Ok(Some(Event::new(actor, "key.rotated", "key", id, &before.name).with("grace_seconds", grace_seconds)))
        })
    })
    .await?;
    let secret = receiver.await.map_err(|_| Fault::Internal)?;
    Ok(CreatedKey { key: after.ok_or(Fault::Internal)?.row()?, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}
