//! The secrets of this installation: random, each for one purpose, stored wrapped under the master key.

use anyhow::{Context, ensure};
use zeroize::Zeroizing;

use super::{
    audit::Auditor,
    master_key::{KeyPlace, MasterKey},
    random::{self, Secret},
    store::{Store, keyring as stored},
    vault::Vault,
};
use crate::model::fault::Fault;

/// This installation's own secrets, open.
pub struct Keyring {
    /// Under which the digests of API keys are made.
    pub pepper: Secret,
    /// Under which the audit log is chained.
    pub audit: Secret,
}

impl Keyring {
    /// Opens the keyring, or makes it when there is none and `may_create`. With it comes the vault, which keeps the master key.
    ///
    /// # Errors
    /// With a sentence for the operator: the master key is missing, malformed, or does not fit the data.
    pub async fn open(store: &Store, place: KeyPlace, may_create: bool) -> anyhow::Result<(Self, Vault)> {
        let wrapped = stored::all(store.read()?).await.context("the keyring can't be read")?;
        if wrapped.is_empty() {
            ensure!(may_create, "this database was not set up yet: start `latchkey serve` once");
            let master = first_key(&place)?;
            return Ok((Self::create(store, &master).await?, Vault::new(place, master)));
        }
        let Some(found) = place.find(&wrapped)? else {
            ensure!(
                place.current()?.is_some(),
                "the master key is missing: put it back at {} or into LATCHKEY_MASTER_KEY; without it this data can't be opened, and no new one fits",
                place.describe()
            );
            anyhow::bail!("the master key in {} does not fit this data: give the one that it was made with, or rotated to", place.describe());
        };
        if found.is_next {
            place.finish_rotation(&wrapped)?;
        }
        let open = |name: &str| {
            let secret = wrapped.iter().find(|secret| secret.name == name).with_context(|| format!("the keyring lacks its {name}"))?;
            found.key.unwrap(secret).with_context(|| format!("the keyring's {name} was altered"))
        };
        Ok((Self { pepper: open("pepper")?, audit: open("audit")? }, Vault::new(place, found.key)))
    }

    async fn create(store: &Store, master: &MasterKey) -> anyhow::Result<Self> {
        let keyring = Self { pepper: Zeroizing::new(random::bytes()), audit: Zeroizing::new(random::bytes()) };
        let auditor = Auditor::new(&keyring.audit);
        let wrapped = [master.wrap("pepper", &keyring.pepper), master.wrap("audit", &keyring.audit)];
        store
            .write(move |tx| {
                Box::pin(async move {
                    for secret in &wrapped {
                        stored::insert(tx, secret).await?;
                    }
                    // With the key of its chain, so that a log without a beginning was altered.
                    Ok::<_, Fault>(auditor.begin(tx).await?)
                })
            })
            .await
            .context("the keyring can't be stored")?;
        Ok(keyring)
    }
}

fn first_key(place: &KeyPlace) -> anyhow::Result<MasterKey> {
    match (place.current()?, place) {
        (None, KeyPlace::Folder(folder)) => KeyPlace::make(folder),
        (None, KeyPlace::Environment { .. }) => anyhow::bail!("LATCHKEY_MASTER_KEY is missing"),
        (Some(master), _) => Ok(master),
    }
}
