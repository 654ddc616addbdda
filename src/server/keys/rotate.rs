//! Giving a key another secret.

use super::{change::change, limits};
use crate::{
    model::{
        fault::Fault,
        id::KeyId,
        key::{CreatedKey, GRACE_MAX_SECONDS},
        permission::{Permissions, Scope},
        policy::{Scoping, Status},
        secret::RevealedSecret,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        audit::Event,
        state::AppState,
        store::{self, Tx, keys::KeyRecord},
        token::PlainKey,
    },
};

/// Gives a key another secret, which is in this answer and nowhere else. The one before stays good for the grace, at most
/// [`GRACE_MAX_SECONDS`]. Needs *Manage API Keys* and the kind's `manage` permission; for keys of our own API also every scope of the key
/// and every permission of who made it.
///
/// # Errors
/// `Invalid` at `grace_seconds`; `Conflict` for a key that has ended, since another secret would not bring it back; `NotFound`,
/// `Forbidden`, `ScopeNotHeld`, `Unavailable`.
pub async fn rotate(state: &AppState, actor: &Actor, id: KeyId, grace_seconds: i64) -> Result<CreatedKey, Fault> {
    let pepper = state.pepper.clone();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let after = change(state, actor, id, move |tx, actor, before| {
        Box::pin(async move {
            if !(0..=GRACE_MAX_SECONDS).contains(&grace_seconds) {
                return Err(Fault::invalid("grace_seconds", format!("Use 0 to {GRACE_MAX_SECONDS} seconds.")));
            }
            let now = Timestamp::now();
            if matches!(before.lifecycle().status(now), Status::Expired | Status::Revoked) {
                return Err(Fault::conflict("id", "This key has ended. Create a new one."));
            }
            let kind = before.kind()?;
            require_its_powers(tx, actor, &before).await?;
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
    Ok(CreatedKey { key: limits::row(state, &after.ok_or(Fault::Internal)?)?, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}

/// Whoever learns the secret of a key of our own API can do what the key can: nobody gets more by it than they have.
async fn require_its_powers(tx: &mut Tx, actor: &Actor, key: &KeyRecord) -> Result<(), Fault> {
    if key.kind()?.policy().scoping != Scoping::Api {
        return Ok(());
    }
    for scope in key.scopes().iter().filter_map(|word| word.parse::<Scope>().ok()) {
        actor.require_grant(scope)?;
    }
    let maker = key.created_by.parse().map_err(|_| Fault::Internal)?;
    let maker = store::members::find(tx, actor.organization, maker).await?.ok_or(Fault::NotFound)?;
    actor.require_all(Permissions::from_words(&maker.permissions))
}
