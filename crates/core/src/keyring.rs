//! The installation's own secrets: random, each for one purpose, stored wrapped under the master key.

use anyhow::{Context, ensure};
use zeroize::Zeroizing;

use super::{audit::Auditor, vault::Vault};
use latchkey_crypto::{
    master_key::{MasterKey, MasterKeySource},
    random::{self, Secret},
};
use latchkey_store::{Store, keyring as stored};
use latchkey_types::error::Error;

/// The installation's own secrets, unwrapped.
pub struct Keyring {
    /// HMAC key for digests of API keys.
    pub pepper: Secret,
    /// HMAC key that chains the audit log.
    pub audit: Secret,
}

impl Keyring {
    /// Opens the keyring, or creates it if there is none and `may_create`. Also returns the vault, which holds the master key.
    ///
    /// # Errors
    /// A message for the operator if the master key is missing, malformed or of another keyring.
    pub async fn open(store: &Store, source: MasterKeySource, may_create: bool) -> anyhow::Result<(Self, Vault)> {
        let wrapped = stored::all(store.read()?).await.context("cannot read the keyring")?;
        if wrapped.is_empty() {
            ensure!(may_create, "this database is not set up yet: start `latchkey serve` once");
            let master = first_key(&source)?;
            return Ok((Self::create(store, &master).await?, Vault::new(source, master)));
        }
        let Some(found) = source.find(&wrapped)? else {
            ensure!(
                source.current()?.is_some(),
                "the master key is missing: put it back at {} or into LATCHKEY_MASTER_KEY. Without it this data can't be opened",
                source.describe()
            );
            anyhow::bail!("the master key in {} does not fit this data: use the key that it was created with or last rotated to", source.describe());
        };
        if found.is_next {
            source.finish_rotation(&wrapped)?;
        }
        let open = |name: &str| {
            let secret = wrapped.iter().find(|secret| secret.name == name).with_context(|| format!("the keyring has no secret {name}"))?;
            found.key.unwrap(secret).with_context(|| format!("the keyring's secret {name} was altered"))
        };
        Ok((Self { pepper: open("pepper")?, audit: open("audit")? }, Vault::new(source, found.key)))
    }

    async fn create(store: &Store, master: &MasterKey) -> anyhow::Result<Self> {
        let keyring = Self { pepper: Zeroizing::new(random::bytes()), audit: Zeroizing::new(random::bytes()) };
        keyring.insert(store, master).await.context("cannot store the keyring")?;
        Ok(keyring)
    }

    async fn insert(&self, store: &Store, master: &MasterKey) -> Result<(), Error> {
        let mut tx = store.begin().await?;
        for (name, secret) in [("pepper", &self.pepper), ("audit", &self.audit)] {
            stored::insert(&mut tx, &master.wrap(name, secret)).await?;
        }
        // Stored together with the chain's key, so that a log without a start counts as altered.
        Auditor::new(&self.audit).begin(&mut tx).await?;
        tx.commit().await
    }
}

fn first_key(source: &MasterKeySource) -> anyhow::Result<MasterKey> {
    match (source.current()?, source) {
        (None, MasterKeySource::Folder(folder)) => MasterKeySource::create(folder),
        (None, MasterKeySource::Environment { .. }) => anyhow::bail!("LATCHKEY_MASTER_KEY is missing: set it to 32 random bytes in base64"),
        (Some(master), _) => Ok(master),
    }
}
