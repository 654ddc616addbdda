//! Revealing a project key: its token is signed and returned once.

use secrecy::ExposeSecret;

use super::signing;
use crate::{Core, actor::Actor, projects};
use latchkey_crypto::project_token::{self, Claims};
use latchkey_store::{self as store, Connection, project_keys::IssuedKeyRow};
use latchkey_types::{error::Error, id::KeyId, permission::Permission, secret::RevealedSecret, time::Timestamp};

/// Signs a key's token and returns it, only to its holder and only once. Only the digest is stored. Needs *View Project*.
///
/// # Errors
/// `NotFound` also for keys of other users; `Conflict` on `id` if the key was revealed before, is revoked or has expired.
pub async fn reveal(core: &Core, actor: &Actor, id: KeyId) -> Result<RevealedSecret, Error> {
    let mut change = core.begin(actor, &[Permission::ViewProject]).await?;
    let mut now = Timestamp::now();
    let mut key = unrevealed(&mut change.tx, &change.actor, id, now).await?;
    let current = signing::current(&mut change.tx, &core.vault, now).await?;
    let signing_key = if let Some(current) = current {
        current
    } else {
        // Once in months: a new signing key is that of all organizations.
        drop(change);
        change = core.begin_alone(actor, &[Permission::ViewProject]).await?;
        now = Timestamp::now();
        key = unrevealed(&mut change.tx, &change.actor, id, now).await?;
        signing::current_or_new(&mut change.tx, &core.vault, now).await?
    };
    let token = project_token::sign(&signing_key, &claims(&change.actor, id, &key, core.public_url.issuer(), now))?;
    let digest = core.pepper.digest(token.expose_secret());
    store::project_keys::set_revealed(&mut change.tx, id, digest.as_bytes(), &signing_key.kid, now).await?;
    let event = change.event("key.revealed", "key", id, &key.name);
    let event = event.with("project", key.project_id.to_string()).with("signing_kid", signing_key.kid);
    change.commit([event]).await?;
    Ok(RevealedSecret::new(token.expose_secret().to_owned()))
}

/// The key, if the actor is permitted to reveal it.
async fn unrevealed(db: &mut Connection, actor: &Actor, id: KeyId, now: Timestamp) -> Result<IssuedKeyRow, Error> {
    let key = store::project_keys::find(db, actor.organization, id).await?.filter(|key| key.holder == actor.user);
    let key = key.ok_or(Error::NotFound)?;
    // The holder may have been removed from the project since the key was issued.
    projects::find_visible(db, actor, key.project_id).await?;
    if let Some(at) = key.revealed_at {
        let at = at.rfc3339();
        return Err(Error::conflict(
            "id",
            format!("This key was already revealed on {} at {} UTC. It cannot be revealed again.", &at[..10], &at[11..19]),
        ));
    }
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::conflict("id", "This key is expired or revoked. Request a new one."));
    }
    Ok(key)
}

fn claims(holder: &Actor, id: KeyId, key: &IssuedKeyRow, issuer: String, now: Timestamp) -> Claims {
    Claims {
        iss: issuer,
        aud: key.project_id,
        sub: holder.user,
        jti: id,
        role: key.role.clone().unwrap_or_default(),
        iat: now.0.div_euclid(1000),
        exp: key.expires_at.map(|at| at.0.div_euclid(1000)),
    }
}
