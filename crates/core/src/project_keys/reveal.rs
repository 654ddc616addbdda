//! Revealing a project key: its token is signed and returned once.

use crate::actor::reload_actor;
use secrecy::ExposeSecret;

use super::signing;
use crate::{Core, actor::Actor, audit::Event, projects};
use latchkey_crypto::project_token::{self, Claims};
use latchkey_store::{self as store, Tx, project_keys::IssuedKeyRow};
use latchkey_types::{error::Error, id::KeyId, permission::Permission, secret::RevealedSecret, time::Timestamp};

/// Signs a key's token and returns it, only to its holder and only once. Only the digest is stored. Needs *View Project*.
///
/// # Errors
/// `NotFound` also for keys of other users; `Conflict` on `id` if the key was revealed before, is revoked or has expired.
pub async fn reveal(core: &Core, actor: &Actor, id: KeyId) -> Result<RevealedSecret, Error> {
    actor.require(Permission::ViewProject)?;
    let (actor, auditor, vault, pepper) = (actor.clone(), core.auditor.clone(), core.vault.clone(), core.pepper.clone());
    let issuer = core.public_url.issuer();
    let (token, digest, has_new_key) = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ViewProject).await?;
                let now = Timestamp::now();
                let key = unrevealed(tx, &actor, id, now).await?;
                let (signing_key, is_new) = signing::current(tx, &vault, now).await?;
                let token = project_token::sign(&signing_key, &claims(&actor, id, &key, issuer, now)?)?;
                let digest = pepper.digest(token.expose_secret());
                store::project_keys::set_revealed(tx, id, digest.as_bytes(), &signing_key.kid, now).await?;
                store::verdict_changes::record(tx, Some(digest.as_bytes())).await?;
                let event = Event::new(&actor, "key.revealed", "key", id, &key.name);
                auditor.record(tx, event.with("project", key.project_id).with("signing_kid", signing_key.kid)).await?;
                Ok((token, digest, is_new))
            })
        })
        .await?;
    core.verifier.invalidate((!has_new_key).then_some(digest.as_bytes().as_slice()));
    Ok(RevealedSecret::new(token.expose_secret().to_owned()))
}

/// The key, if the actor is permitted to reveal it.
async fn unrevealed(tx: &mut Tx, actor: &Actor, id: KeyId, now: Timestamp) -> Result<IssuedKeyRow, Error> {
    let key = store::project_keys::find(tx, actor.organization, id).await?.filter(|key| key.holder == actor.user.to_string());
    let key = key.ok_or(Error::NotFound)?;
    // The holder may have been removed from the project since the key was issued.
    projects::find_visible(tx, actor, key.project_id.parse().map_err(|_| Error::Internal)?).await?;
    if let Some(at) = key.revealed_at {
        let at = Timestamp(at).rfc3339();
        return Err(Error::conflict(
            "id",
            format!("This key was already revealed on {} at {} UTC. It cannot be revealed again.", &at[..10], &at[11..19]),
        ));
    }
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|end| Timestamp(end) <= now) {
        return Err(Error::conflict("id", "This key is expired or revoked. Request a new one."));
    }
    Ok(key)
}

fn claims(holder: &Actor, id: KeyId, key: &IssuedKeyRow, issuer: String, now: Timestamp) -> Result<Claims, Error> {
    Ok(Claims {
        iss: issuer,
        aud: key.project_id.parse().map_err(|_| Error::Internal)?,
        sub: holder.user,
        jti: id,
        role: key.role.clone().unwrap_or_default(),
        iat: now.0.div_euclid(1000),
        exp: key.expires_at.map(|at| at.div_euclid(1000)),
    })
}
