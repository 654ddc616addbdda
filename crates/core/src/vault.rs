//! Envelope encryption of stored secrets: each is encrypted under its own random data key, which is wrapped under the master key.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::ensure;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use latchkey_crypto::{
    aead::{self, DecryptionError},
    master_key::{MasterKey, MasterKeySource, Wrapped},
    random::{self, Secret},
};
use latchkey_store::{self as store, Connection, Store, Tx, keyring, sealed_secrets::SealedSecret};
use latchkey_types::{
    error::Error,
    id::{CredentialId, OrganizationId, ProjectSecretId},
    key::StorageProvider,
    key_kind::CredentialKind,
};

/// Holds the master key, and encrypts and decrypts secrets with it.
pub struct Vault {
    source: MasterKeySource,
    /// Reloaded when it no longer fits the keyring, because an admin command may have rotated it.
    master: RwLock<Arc<MasterKey>>,
}

/// The owner that a secret is bound to: it cannot be decrypted for another owner.
#[derive(Debug, Clone, Copy)]
pub struct SecretOwner {
    pub organization: OrganizationId,
    pub holder: OwnerId,
    /// For a credential its provider, or its kind if it has none.
    pub purpose: &'static str,
}

/// The object that has the secrets. Ids of different kinds never collide.
#[derive(Debug, Clone, Copy)]
pub enum OwnerId {
    Credential(CredentialId),
    ProjectSecret(ProjectSecretId),
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => id.fmt(f),
            Self::ProjectSecret(id) => id.fmt(f),
        }
    }
}

impl SecretOwner {
    /// The owner of a credential's secrets.
    pub const fn credential(organization: OrganizationId, id: CredentialId, kind: CredentialKind, provider: Option<StorageProvider>) -> Self {
        let purpose = match provider {
            Some(provider) => provider.as_str(),
            None => kind.as_str(),
        };
        Self { organization, holder: OwnerId::Credential(id), purpose }
    }

    /// The owner of a project secret's value.
    pub const fn project_secret(organization: OrganizationId, id: ProjectSecretId) -> Self {
        Self { organization, holder: OwnerId::ProjectSecret(id), purpose: "project" }
    }
}

/// Number of secrets that are read at once to check them.
const CHECKED_AT_ONCE: i64 = 100;

/// The field name of owners with only one secret.
pub const VALUE_FIELD: &str = "value";

/// A field name (`key`, `secret` or `value`) and its secret.
pub type NamedSecret = (&'static str, SecretString);

impl Vault {
    pub fn new(source: MasterKeySource, master: MasterKey) -> Self {
        Self { source, master: RwLock::new(Arc::new(master)) }
    }

    pub const fn master_key_source(&self) -> &MasterKeySource {
        &self.source
    }

    /// Encrypts in the transaction that stores the result, so that no rotation happens in between: a secret wrapped under an outdated master key
    /// would be lost.
    ///
    /// # Errors
    /// `Internal` if no master key fits; `Unavailable`.
    pub async fn seal(&self, tx: &mut Tx, owner: SecretOwner, secrets: &[NamedSecret]) -> Result<Vec<SealedSecret>, Error> {
        let (master, _) = self.fitting_master_key(tx).await?;
        Ok(secrets.iter().map(|(field, secret)| seal_under(&master, owner, field, secret)).collect())
    }

    /// Wraps one of the installation's own secrets, in the transaction that stores it. `Internal` if no master key fits.
    pub async fn wrap(&self, tx: &mut Tx, name: &str, secret: &Secret) -> Result<Wrapped, Error> {
        Ok(self.fitting_master_key(tx).await?.0.wrap(name, secret))
    }

    /// Unwraps one of the installation's own secrets, in a transaction, so that no rotation happens in between.
    ///
    /// # Errors
    /// `Internal` if there is no such secret or no master key fits; `Unavailable`.
    pub async fn unwrap(&self, tx: &mut Tx, name: &str) -> Result<Secret, Error> {
        let (master, keyring) = self.fitting_master_key(tx).await?;
        let secret = keyring.iter().find(|secret| secret.name == name).and_then(|secret| master.unwrap(secret).ok());
        secret.ok_or_else(|| {
            tracing::error!(name, "missing or unreadable secret in the keyring");
            Error::Internal
        })
    }

    /// Unwraps one of the installation's own secrets, or creates it if there is none of this name. In a transaction, so that it is created once.
    ///
    /// # Errors
    /// `Internal` if no master key fits; `Unavailable`.
    pub async fn unwrap_or_create(&self, tx: &mut Tx, name: &str) -> Result<Secret, Error> {
        if keyring::all(&mut *tx).await?.iter().any(|secret| secret.name == name) {
            return self.unwrap(tx, name).await;
        }
        let secret: Secret = Zeroizing::new(random::bytes());
        let wrapped = self.wrap(tx, name, &secret).await?;
        keyring::insert(tx, &wrapped).await?;
        Ok(secret)
    }

    /// The keyring, and the master key that currently fits it.
    async fn fitting_master_key(&self, db: &mut Connection) -> Result<(Arc<MasterKey>, Vec<Wrapped>), Error> {
        let keyring = keyring::all(db).await?;
        if !self.master().matches(&keyring) && !self.refresh(&keyring) {
            return Err(Error::Internal);
        }
        Ok((self.master(), keyring))
    }

    /// Decrypts a secret with the cached master key.
    ///
    /// # Errors
    /// If the secret was altered, belongs to another owner, or the master key was rotated: see [`Vault::reload_master_key`].
    pub fn open(&self, owner: SecretOwner, sealed: &SealedSecret) -> Result<SecretString, DecryptionError> {
        let key = unwrap_key(&self.master(), owner, &sealed.field, &sealed.wrapped_key)?;
        let plain = aead::open(&key, &secret_binding(&owner.parts(&sealed.field)), &sealed.ciphertext)?;
        Ok(std::str::from_utf8(&plain).map_err(|_| DecryptionError)?.to_owned().into())
    }

    /// Decrypts a secret in a transaction, so that no rotation happens in between.
    ///
    /// # Errors
    /// `Internal` if it was altered, belongs to another owner, or no master key fits; `Unavailable`.
    pub async fn open_in_transaction(&self, tx: &mut Tx, owner: SecretOwner, sealed: &SealedSecret) -> Result<SecretString, Error> {
        self.fitting_master_key(tx).await?;
        self.open(owner, sealed).map_err(|_| {
            tracing::error!(holder = %owner.holder, "cannot decrypt a stored secret");
            Error::Internal
        })
    }

    /// Decrypts every secret of credentials and projects. Returns their number.
    ///
    /// # Errors
    /// A message that names the first object with a secret that cannot be decrypted.
    pub async fn open_all(&self, store: &Store) -> anyhow::Result<usize> {
        let mut db = store.connection().await?;
        Ok(self.open_all_credentials(&mut db).await? + self.open_all_project_secrets(&mut db).await?)
    }

    async fn open_all_credentials(&self, db: &mut Connection) -> anyhow::Result<usize> {
        let (mut opened, mut last) = (0, None::<(CredentialId, String)>);
        loop {
            let after = last.as_ref().map(|(credential, field)| (*credential, field.as_str()));
            let keys = store::sealed_secrets::data_keys_after(db, after, CHECKED_AT_ONCE).await?;
            let Some(end) = keys.last() else { return Ok(opened) };
            last = Some((end.credential_id, end.field.clone()));
            let mut credentials: Vec<CredentialId> = keys.iter().map(|key| key.credential_id).collect();
            credentials.dedup();
            let sealed = store::sealed_secrets::of_many(&mut *db, &credentials).await?;
            for key in keys {
                let id = key.credential_id.to_string();
                let secret = sealed.iter().find(|secret| secret.owner_id == id && secret.field == key.field);
                let owner = SecretOwner::credential(key.organization_id, key.credential_id, key.kind, key.provider);
                self.require_open(owner, secret)?;
                opened += 1;
            }
        }
    }

    async fn open_all_project_secrets(&self, db: &mut Connection) -> anyhow::Result<usize> {
        let (mut opened, mut last) = (0, None::<ProjectSecretId>);
        loop {
            let keys = store::project_secrets::keys_after(db, last, CHECKED_AT_ONCE).await?;
            let Some(end) = keys.last() else { return Ok(opened) };
            last = Some(end.id);
            for key in keys {
                let secret = store::project_secrets::sealed(db, key.id).await?;
                self.require_open(SecretOwner::project_secret(key.organization_id, key.id), secret.as_ref())?;
                opened += 1;
            }
        }
    }

    fn require_open(&self, owner: SecretOwner, secret: Option<&SealedSecret>) -> anyhow::Result<()> {
        let is_open = secret.is_some_and(|secret| self.open(owner, secret).is_ok());
        ensure!(is_open, "the secret of {} cannot be decrypted", owner.holder);
        Ok(())
    }

    /// Reloads the master key if it was rotated. Returns whether it was: then read the secret again and retry.
    pub async fn reload_master_key(&self, store: &Store) -> Result<bool, store::StoreError> {
        let keyring = keyring::all(store.read()?).await?;
        Ok(!self.master().matches(&keyring) && self.refresh(&keyring))
    }

    fn refresh(&self, keyring: &[Wrapped]) -> bool {
        match self.source.find(keyring) {
            Ok(Some(found)) => {
                *self.master.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found.key);
                tracing::info!("loaded the new master key");
                true
            }
            Ok(None) => {
                tracing::error!("the master key was rotated but the new one was not found: put it into {} and restart", self.source.describe());
                false
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the master key was rotated but the new one cannot be read");
                false
            }
        }
    }

    fn master(&self) -> Arc<MasterKey> {
        Arc::clone(&self.master.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn seal_under(master: &MasterKey, owner: SecretOwner, field: &str, secret: &SecretString) -> SealedSecret {
    let key: Secret = Zeroizing::new(random::bytes());
    SealedSecret {
        owner_id: owner.holder.to_string(),
        field: field.to_owned(),
        wrapped_key: wrap_key(master, owner, field, &key),
        ciphertext: aead::seal(&key, &secret_binding(&owner.parts(field)), secret.expose_secret().as_bytes()),
    }
}

pub fn wrap_key(master: &MasterKey, owner: SecretOwner, field: &str, key: &Secret) -> Vec<u8> {
    aead::seal(master.secret(), &key_binding(&owner.parts(field)), key.as_slice())
}

/// Unwraps a data key.
///
/// # Errors
/// If it was wrapped under another master key, altered, or belongs to another owner.
pub fn unwrap_key(master: &MasterKey, owner: SecretOwner, field: &str, wrapped: &[u8]) -> Result<Secret, DecryptionError> {
    aead::open_key(master.secret(), &key_binding(&owner.parts(field)), wrapped)
}

impl SecretOwner {
    fn parts(&self, field: &str) -> [String; 4] {
        [self.organization.to_string(), self.holder.to_string(), field.to_owned(), self.purpose.to_owned()]
    }
}

fn key_binding(parts: &[String; 4]) -> [&str; 5] {
    binding("latchkey data key", parts)
}

fn secret_binding(parts: &[String; 4]) -> [&str; 5] {
    binding("latchkey secret", parts)
}

fn binding<'a>(what: &'a str, [organization, holder, field, purpose]: &'a [String; 4]) -> [&'a str; 5] {
    [what, organization, holder, field, purpose]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault() -> Vault {
        Vault::new(MasterKeySource::Folder("/nowhere".into()), MasterKey::generate())
    }

    fn owner(purpose: &'static str) -> SecretOwner {
        SecretOwner { organization: OrganizationId::new(), holder: OwnerId::Credential(CredentialId::new()), purpose }
    }

    fn sealed(vault: &Vault, owner: SecretOwner, secret: &str) -> SealedSecret {
        seal_under(&vault.master(), owner, "key", &secret.to_owned().into())
    }

    #[test]
    fn a_secret_opens_only_for_its_owner() {
        let (vault, own) = (vault(), owner("aws"));
        let row = sealed(&vault, own, "AKIA…");
        assert_eq!(vault.open(own, &row).unwrap().expose_secret(), "AKIA…");
        assert!(vault.open(SecretOwner { organization: OrganizationId::new(), ..own }, &row).is_err());
        assert!(vault.open(SecretOwner { holder: OwnerId::Credential(CredentialId::new()), ..own }, &row).is_err());
        assert!(vault.open(SecretOwner { purpose: "dnanexus", ..own }, &row).is_err());
        assert!(vault.open(own, &SealedSecret { field: "secret".into(), ..row.clone() }).is_err());
        assert!(vault.open(SecretOwner { holder: OwnerId::ProjectSecret(ProjectSecretId::new()), ..own }, &row).is_err());
        // The wrapped key of one secret with the ciphertext of another.
        let other = sealed(&vault, own, "AKIA…");
        assert!(vault.open(own, &SealedSecret { wrapped_key: other.wrapped_key, ..row.clone() }).is_err());
        // A wrapped key used as ciphertext, and vice versa.
        assert!(vault.open(own, &SealedSecret { wrapped_key: row.ciphertext.clone(), ciphertext: row.wrapped_key.clone(), ..row }).is_err());
    }

    #[test]
    fn equal_secrets_are_sealed_differently() {
        let (vault, own) = (vault(), owner("general"));
        let (one, other) = (sealed(&vault, own, "same"), sealed(&vault, own, "same"));
        assert!(one.ciphertext != other.ciphertext && one.wrapped_key != other.wrapped_key);
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_detected(secret in "\\PC{0,60}", in_key in any::<bool>(), at in any::<proptest::sample::Index>()) {
            let (vault, own) = (vault(), owner("general"));
            let mut row = sealed(&vault, own, &secret);
            let bytes = if in_key { &mut row.wrapped_key } else { &mut row.ciphertext };
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(vault.open(own, &row).is_err());
        }
    }
}
