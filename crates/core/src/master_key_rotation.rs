//! Rotation of the master key. Safe to interrupt and to repeat: the new key is written beside the old one, then all data is rewrapped in one
//! transaction, and the next process that opens the data completes an interrupted rotation.

use anyhow::{Context, bail};

use super::{
    Core, accounts,
    audit::Event,
    vault::{SecretOwner, VALUE_FIELD, unwrap_key, wrap_key},
};
use latchkey_crypto::master_key::{MasterKey, MasterKeySource};
use latchkey_store::{self as store, Tx, sealed_secrets::WrappedKey};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ProjectSecretId},
};

/// Number of data keys per batch.
const BATCH_SIZE: i64 = 1000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RotationResult {
    /// Number of rewrapped data keys.
    pub rewrapped: usize,
    /// Number of data keys that the old master key could not unwrap; they are left unchanged.
    pub skipped: usize,
    /// Whether the database's log may still contain data keys that are wrapped under the old master key.
    pub is_in_log: bool,
}

/// Rotates the master key. Issued keys do not change and no secret is decrypted: only the wrapping of data keys changes.
pub async fn rotate(core: &Core) -> anyhow::Result<RotationResult> {
    match core.vault.master_key_source().clone() {
        MasterKeySource::Folder(folder) => {
            let Some(_lock) = MasterKeySource::lock(&folder)? else { bail!("another rotation of this master key is in progress") };
            let current = current(core).await?;
            let next = MasterKey::generate();
            MasterKeySource::write_next(&folder, &next)?;
            let done = rewrap(core, &current, &next).await?;
            MasterKeySource::promote_next(&folder)?;
            Ok(done)
        }
        source @ MasterKeySource::Environment { .. } => {
            let Some(next) = source.next()? else {
                bail!("the current master key comes from the environment: put the new one, 32 random bytes in base64, into LATCHKEY_NEW_MASTER_KEY");
            };
            rewrap(core, &current(core).await?, &next).await
        }
    }
}

/// The current master key, read again because it may have been rotated since the data was opened.
async fn current(core: &Core) -> anyhow::Result<MasterKey> {
    let keyring = store::keyring::all(core.store.read()?).await?;
    let found = core.vault.master_key_source().find(&keyring)?.context("the master key was rotated concurrently: try again")?;
    if found.is_next {
        bail!("the data is already wrapped under LATCHKEY_NEW_MASTER_KEY: move it to LATCHKEY_MASTER_KEY");
    }
    Ok(found.key)
}

async fn rewrap(core: &Core, from: &MasterKey, to: &MasterKey) -> anyhow::Result<RotationResult> {
    let source = core.vault.master_key_source();
    let done = rewrap_all(core, from, to).await.map_err(|error| {
        let consequence = consequence(&error, source);
        anyhow::Error::new(error).context(consequence)
    })?;
    // A rotation after the old master key leaked must leave nothing that it unwraps.
    let is_in_log = !core.store.truncate_log().await.unwrap_or(false);
    Ok(RotationResult { is_in_log, ..done })
}

/// What a failed rotation leaves behind, and what the operator must do.
fn consequence(error: &Error, source: &MasterKeySource) -> &'static str {
    match (error, source) {
        (Error::Uncertain, MasterKeySource::Folder(_)) => {
            "the data may have been rewrapped: keep master.key and master.key.next; the next start or rotation uses the one that fits"
        }
        (Error::Uncertain, MasterKeySource::Environment { .. }) => {
            "the data may have been rewrapped: keep both keys, and start with both variables set"
        }
        _ => "rotation failed, nothing was changed",
    }
}

/// Records the rotation in the log of every organization; there may be none yet.
async fn rewrap_all(core: &Core, from: &MasterKey, to: &MasterKey) -> Result<RotationResult, Error> {
    let organizations = store::users::list_organizations(&core.store).await?;
    let mut tx = core.store.begin().await?;
    rewrap_keyring(&mut tx, from, to).await?;
    let mut done = rewrap_data_keys(&mut tx, from, to).await?;
    rewrap_project_secrets(&mut tx, from, to, &mut done).await?;
    let event = |(id, name): (_, String)| Event::new(&accounts::console_actor_of(id), "master_key.rotated", "organization", id, &name);
    core.auditor.commit(tx, organizations.into_iter().map(event)).await?;
    Ok(done)
}

async fn rewrap_keyring(tx: &mut Tx, from: &MasterKey, to: &MasterKey) -> Result<(), Error> {
    for secret in store::keyring::all(&mut *tx).await? {
        let plain = from.unwrap(&secret).map_err(|_| Error::Internal)?;
        store::keyring::replace(tx, &to.wrap(&secret.name, &plain)).await?;
    }
    Ok(())
}

async fn rewrap_data_keys(tx: &mut Tx, from: &MasterKey, to: &MasterKey) -> Result<RotationResult, Error> {
    let (mut done, mut last) = (RotationResult::default(), None::<(CredentialId, String)>);
    loop {
        let after = last.as_ref().map(|(credential, field)| (*credential, field.as_str()));
        let keys = store::sealed_secrets::data_keys_after(tx, after, BATCH_SIZE).await?;
        let Some(end) = keys.last() else { return Ok(done) };
        last = Some((end.credential_id, end.field.clone()));
        for key in keys {
            match rewrap_data_key(key, from, to) {
                Some(key) => {
                    store::sealed_secrets::replace_key(tx, &key).await?;
                    done.rewrapped += 1;
                }
                None => done.skipped += 1,
            }
        }
    }
}

async fn rewrap_project_secrets(tx: &mut Tx, from: &MasterKey, to: &MasterKey, done: &mut RotationResult) -> Result<(), Error> {
    let mut last = None::<ProjectSecretId>;
    loop {
        let keys = store::project_secrets::keys_after(tx, last, BATCH_SIZE).await?;
        let Some(end) = keys.last() else { return Ok(()) };
        last = Some(end.id);
        for mut key in keys {
            match rewrap_project_data_key(&key, from, to) {
                Some(wrapped) => {
                    key.wrapped_key = wrapped;
                    store::project_secrets::replace_key(tx, &key).await?;
                    done.rewrapped += 1;
                }
                None => done.skipped += 1,
            }
        }
    }
}

/// The data key of a project secret, rewrapped; `None` if it cannot be unwrapped.
fn rewrap_project_data_key(key: &store::project_secrets::WrappedKey, from: &MasterKey, to: &MasterKey) -> Option<Vec<u8>> {
    let owner = SecretOwner::project_secret(key.organization_id, key.id);
    let plain = unwrap_key(from, owner, VALUE_FIELD, &key.wrapped_key).ok()?;
    Some(wrap_key(to, owner, VALUE_FIELD, &plain))
}

/// The data key of a credential, rewrapped; `None` if it cannot be unwrapped.
fn rewrap_data_key(key: WrappedKey, from: &MasterKey, to: &MasterKey) -> Option<WrappedKey> {
    let owner = SecretOwner::credential(key.organization_id, key.credential_id, key.kind, key.provider);
    let plain = unwrap_key(from, owner, &key.field, &key.wrapped_key).ok()?;
    let wrapped_key = wrap_key(to, owner, &key.field, &plain);
    Some(WrappedKey { wrapped_key, ..key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_uncertain_rotation_both_keys_are_kept() {
        let source = MasterKeySource::Folder("/data".into());
        assert!(consequence(&Error::Unavailable, &source).contains("nothing was changed"));
        let uncertain = consequence(&Error::Uncertain, &source);
        assert!(uncertain.contains("keep") && !uncertain.contains("nothing"), "{uncertain}");
    }
}
