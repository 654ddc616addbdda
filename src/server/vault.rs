//! Secrets that others made, at rest: each under a random data key of its own, which is wrapped under the master key.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    master_key::{KeyPlace, MasterKey},
    random::{self, Secret},
    seal::{self, Unopened},
    store::{self, Store, Tx, keyring, keyring::Wrapped, sealed::SealedSecret},
};
use crate::model::{
    fault::Fault,
    id::{CredentialId, OrganizationId, ProjectSecretId},
};

/// Keeps the master key, and opens and seals with it.
pub struct Vault {
    place: KeyPlace,
    /// Taken anew when it no longer fits: an admin command may have rotated it.
    master: RwLock<Arc<MasterKey>>,
}

/// Whose secrets they are. A row that is copied to another owner does not open.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The tenant.
    pub organization: OrganizationId,
    /// What holds them.
    pub holder: Holder,
    /// What they are for: of a credential the word of the provider; of the kind, where that has none.
    pub purpose: &'a str,
}

/// What holds secrets. The ids of the two kinds never are the same.
#[derive(Debug, Clone, Copy)]
pub enum Holder {
    /// A credential.
    Credential(CredentialId),
    /// A secret of a project.
    ProjectSecret(ProjectSecretId),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => id.fmt(f),
            Self::ProjectSecret(id) => id.fmt(f),
        }
    }
}

impl Owner<'_> {
    /// A project's secret as the owner of its value.
    pub const fn project_secret(organization: OrganizationId, id: ProjectSecretId) -> Self {
        Self { organization, holder: Holder::ProjectSecret(id), purpose: "project" }
    }
}

/// Which it is where its holder has one alone.
pub const VALUE: &str = "value";

/// A secret and which of its holder's it is: `key`, `secret` or `value`.
pub type NamedSecret = (&'static str, SecretString);

impl Vault {
    /// A vault with the master key that fits the data, and where it was found.
    pub fn new(place: KeyPlace, master: MasterKey) -> Self {
        Self { place, master: RwLock::new(Arc::new(master)) }
    }

    /// Where the master key is kept.
    pub const fn place(&self) -> &KeyPlace {
        &self.place
    }

    /// Seals in the transaction that stores: no rotation comes between, and what an outdated master key has wrapped would be lost.
    ///
    /// # Errors
    /// `Internal` when no master key fits any more; `Unavailable`.
    pub async fn seal(&self, tx: &mut Tx, owner: Owner<'_>, secrets: &[NamedSecret]) -> Result<Vec<SealedSecret>, Fault> {
        let (master, _) = self.fitting(tx).await?;
        Ok(secrets.iter().map(|(field, secret)| seal_under(&master, owner, field, secret)).collect())
    }

    /// Wraps one of this installation's own secrets, in the transaction that stores it.
    ///
    /// # Errors
    /// `Internal` when no master key fits any more; `Unavailable`.
    pub async fn wrap(&self, tx: &mut Tx, name: &str, secret: &Secret) -> Result<Wrapped, Fault> {
        Ok(self.fitting(tx).await?.0.wrap(name, secret))
    }

    /// Opens one of this installation's own secrets, as it stands in a transaction: no rotation comes between.
    ///
    /// # Errors
    /// `Internal` when it is not there, or no master key fits any more; `Unavailable`.
    pub async fn unwrap(&self, tx: &mut Tx, name: &str) -> Result<Secret, Fault> {
        let (master, keyring) = self.fitting(tx).await?;
        let secret = keyring.iter().find(|secret| secret.name == name).and_then(|secret| master.unwrap(secret).ok());
        secret.ok_or_else(|| {
            tracing::error!(name, "the keyring lacks a secret");
            Fault::Internal
        })
    }

    /// The keyring, and the master key that it is wrapped under now.
    async fn fitting(&self, tx: &mut Tx) -> Result<(Arc<MasterKey>, Vec<Wrapped>), Fault> {
        let keyring = keyring::all(tx).await?;
        if !self.master().fits(&keyring) && !self.refresh(&keyring) {
            return Err(Fault::Internal);
        }
        Ok((self.master(), keyring))
    }

    /// Opens a secret with the master key at hand.
    ///
    /// # Errors
    /// When it was altered, is another's, or the master key was rotated: see [`Vault::renew`].
    pub fn open(&self, owner: Owner<'_>, sealed: &SealedSecret) -> Result<SecretString, Unopened> {
        let key = unwrap_key(&self.master(), owner, &sealed.field, &sealed.wrapped_key)?;
        let plain = seal::open(&key, &secret_binding(&owner.parts(&sealed.field)), &sealed.ciphertext)?;
        Ok(std::str::from_utf8(&plain).map_err(|_| Unopened)?.to_owned().into())
    }

    /// Opens a secret as it stands in a transaction: no rotation comes between.
    ///
    /// # Errors
    /// `Internal` when it was altered, is another's, or no master key fits any more; `Unavailable`.
    pub async fn open_now(&self, tx: &mut Tx, owner: Owner<'_>, sealed: &SealedSecret) -> Result<SecretString, Fault> {
        self.fitting(tx).await?;
        self.open(owner, sealed).map_err(|_| {
            tracing::error!(holder = %owner.holder, "a stored secret does not open");
            Fault::Internal
        })
    }

    /// Looks whether the master key was rotated, and takes the new one. Answers whether there was one: what did not open may open now,
    /// read afresh.
    ///
    /// # Errors
    /// What the database says.
    pub async fn renew(&self, store: &Store) -> Result<bool, store::Error> {
        let keyring = keyring::all(store.read()?).await?;
        Ok(!self.master().fits(&keyring) && self.refresh(&keyring))
    }

    fn refresh(&self, keyring: &[Wrapped]) -> bool {
        match self.place.find(keyring) {
            Ok(Some(found)) => {
                *self.master.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found.key);
                tracing::info!("took over the new master key");
                true
            }
            Ok(None) => {
                tracing::error!("the master key was rotated and the new one is not here: put it into {} and restart", self.place.describe());
                false
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the master key was rotated and the new one can't be read");
                false
            }
        }
    }

    fn master(&self) -> Arc<MasterKey> {
        Arc::clone(&self.master.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn seal_under(master: &MasterKey, owner: Owner<'_>, field: &str, secret: &SecretString) -> SealedSecret {
    let key: Secret = Zeroizing::new(random::bytes());
    SealedSecret {
        owner_id: owner.holder.to_string(),
        field: field.to_owned(),
        wrapped_key: wrap_key(master, owner, field, &key),
        ciphertext: seal::seal(&key, &secret_binding(&owner.parts(field)), secret.expose_secret().as_bytes()),
    }
}

/// Wraps a data key.
pub fn wrap_key(master: &MasterKey, owner: Owner<'_>, field: &str, key: &Secret) -> Vec<u8> {
    seal::seal(master.secret(), &key_binding(&owner.parts(field)), key.as_slice())
}

/// Opens a data key.
///
/// # Errors
/// When it was wrapped under another master key, altered, or is another's.
pub fn unwrap_key(master: &MasterKey, owner: Owner<'_>, field: &str, wrapped: &[u8]) -> Result<Secret, Unopened> {
    seal::open_key(master.secret(), &key_binding(&owner.parts(field)), wrapped)
}

impl Owner<'_> {
    fn parts(&self, field: &str) -> [String; 4] {
        [self.organization.to_string(), self.holder.to_string(), field.to_owned(), self.purpose.to_owned()]
    }
}

fn key_binding(parts: &[String; 4]) -> [&str; 5] {
    bound("latchkey data key", parts)
}

fn secret_binding(parts: &[String; 4]) -> [&str; 5] {
    bound("latchkey secret", parts)
}

fn bound<'a>(what: &'a str, [organization, holder, field, purpose]: &'a [String; 4]) -> [&'a str; 5] {
    [what, organization, holder, field, purpose]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault() -> Vault {
        Vault::new(KeyPlace::Folder("/nowhere".into()), MasterKey::generate())
    }

    fn owner(purpose: &str) -> Owner<'_> {
        Owner { organization: OrganizationId::new(), holder: Holder::Credential(CredentialId::new()), purpose }
    }

    fn sealed(vault: &Vault, owner: Owner<'_>, secret: &str) -> SealedSecret {
        seal_under(&vault.master(), owner, "key", &secret.to_owned().into())
    }

    #[test]
    fn a_secret_opens_for_its_owner_alone() {
        let (vault, own) = (vault(), owner("aws"));
        let row = sealed(&vault, own, "AKIA…");
        assert_eq!(vault.open(own, &row).unwrap().expose_secret(), "AKIA…");
        assert!(vault.open(Owner { organization: OrganizationId::new(), ..own }, &row).is_err());
        assert!(vault.open(Owner { holder: Holder::Credential(CredentialId::new()), ..own }, &row).is_err());
        assert!(vault.open(Owner { purpose: "dnanexus", ..own }, &row).is_err());
        assert!(vault.open(own, &SealedSecret { field: "secret".into(), ..row.clone() }).is_err());
        assert!(vault.open(Owner { holder: Holder::ProjectSecret(ProjectSecretId::new()), ..own }, &row).is_err());
        // One's wrapped key with the other's ciphertext.
        let other = sealed(&vault, own, "AKIA…");
        assert!(vault.open(own, &SealedSecret { wrapped_key: other.wrapped_key, ..row.clone() }).is_err());
        // A key where a secret is expected, and the other way round.
        assert!(vault.open(own, &SealedSecret { wrapped_key: row.ciphertext.clone(), ciphertext: row.wrapped_key.clone(), ..row }).is_err());
    }

    #[test]
    fn equal_secrets_are_sealed_differently() {
        let (vault, own) = (vault(), owner("llm"));
        let (one, other) = (sealed(&vault, own, "same"), sealed(&vault, own, "same"));
        assert!(one.ciphertext != other.ciphertext && one.wrapped_key != other.wrapped_key);
    }

    proptest! {
        #[test]
        fn one_flipped_bit_is_noticed(secret in "\\PC{0,60}", in_key in any::<bool>(), at in any::<proptest::sample::Index>()) {
            let (vault, own) = (vault(), owner("llm"));
            let mut row = sealed(&vault, own, &secret);
            let bytes = if in_key { &mut row.wrapped_key } else { &mut row.ciphertext };
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(vault.open(own, &row).is_err());
        }
    }
}
