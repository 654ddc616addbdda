//! Ed25519 signing keys of project keys. The private key is wrapped in the keyring as `signing <kid>` and deleted when it is replaced. The
//! public key is kept as long as a token signed with it can be valid.

use crate::{Core, accounts, audit::Event, vault::Vault};
use latchkey_crypto::signing_key::SigningKey;
use latchkey_store::{self as store, Tx, keyring, signing_keys};
use latchkey_types::{error::Error, id::OrganizationId, time::Timestamp};

/// Lifetime of a signing key in days. The first reveal after that creates the next one.
const LIFETIME_DAYS: i64 = 90;
/// Name of the private key in the keyring.
fn name_in_keyring(kid: &str) -> String {
    format!("signing {kid}")
}

/// The current signing key, in any transaction: only one that excludes all others replaces it. `None` if there is none or the last one exceeded its
/// lifetime.
///
/// # Errors
/// `Internal` if the stored key cannot be decrypted or does not match its public key.
pub async fn current(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<Option<SigningKey>, Error> {
    let current = signing_keys::current(tx).await?.filter(|key| now < key.created_at.plus_days(LIFETIME_DAYS));
    let Some(current) = current else { return Ok(None) };
    let key = SigningKey::from_seed(vault.unwrap(tx, &name_in_keyring(&current.kid)).await?);
    if key.public_key[..] == current.public_key[..] {
        return Ok(Some(key));
    }
    tracing::error!(
        kid = current.kid,
        "the stored public key of a signing key was altered: create a new one with `latchkey admin rotate-signing-key`"
    );
    Err(Error::Internal)
}

/// The current signing key, which is created if there is none, in a transaction that excludes all others.
///
/// # Errors
/// Those of [`current`].
pub async fn current_or_new(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<SigningKey, Error> {
    match current(tx, vault, now).await? {
        Some(key) => Ok(key),
        None => replace(tx, vault, now).await,
    }
}

/// Replaces the signing key and deletes its private key. All instances reload the public keys.
async fn replace(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<SigningKey, Error> {
    for retired in signing_keys::retire_all(tx, now).await? {
        keyring::delete(tx, &name_in_keyring(&retired)).await?;
    }
    let key = SigningKey::generate();
    let wrapped = vault.wrap(tx, &name_in_keyring(&key.kid), key.seed()).await?;
    keyring::insert(tx, &wrapped).await?;
    signing_keys::insert(tx, &key.kid, &key.public_key, now).await?;
    Ok(key)
}

/// Replaces the signing key immediately and returns the new key id; tokens signed with the old key remain valid. For `latchkey admin`; errors
/// are messages for the operator.
pub async fn rotate(core: &Core) -> anyhow::Result<String> {
    let organizations = store::users::list_organizations(&core.store).await?;
    rotate_for(core, &organizations).await.map_err(|error| {
        let consequence = consequence(&error);
        anyhow::Error::new(error).context(consequence)
    })
}

/// What a failed replacement leaves behind.
fn consequence(error: &Error) -> &'static str {
    match error {
        Error::Uncertain => "the signing key may have been replaced: run the command again to replace it in any case",
        _ => "nothing was changed",
    }
}

/// Replaces the signing key, with an audit event in each organization.
async fn rotate_for(core: &Core, organizations: &[(OrganizationId, String)]) -> Result<String, Error> {
    let mut tx = core.store.begin().await?;
    let kid = replace(&mut tx, &core.vault, Timestamp::now()).await?.kid;
    let event = |(id, name): &(OrganizationId, String)| {
        Event::new(&accounts::console_actor_of(*id), "signing_key.rotated", "organization", id, name).with("kid", kid.as_str())
    };
    let events: Vec<Event> = organizations.iter().map(event).collect();
    core.auditor.commit(tx, events).await?;
    Ok(kid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncertain_replacement_is_not_reported_as_no_change() {
        assert_eq!(consequence(&Error::Unavailable), "nothing was changed");
        assert!(consequence(&Error::Uncertain).contains("may have been replaced"));
    }
}
