//! Ed25519 keys that sign receipts. They are not those of project keys: a verifier of project keys must not accept them. The private key is wrapped
//! in the keyring as `receipt <kid>` and deleted when it is replaced. The public key is kept as long as the receipts that it verifies.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{Core, project_keys::PublicKey, vault::Vault};
use latchkey_crypto::signing_key::SigningKey;
use latchkey_store::{Store, Tx, keyring, receipts};
use latchkey_types::{error::Error, time::Timestamp};

/// Lifetime of a key in days. The first receipt after that creates the next one.
const LIFETIME_DAYS: i64 = 90;
/// How long the public keys stay in memory: another instance may have created one.
const REREAD_AFTER: Duration = Duration::from_secs(1);

/// Name of the private key in the keyring.
fn name_in_keyring(kid: &str) -> String {
    format!("receipt {kid}")
}

/// The keys in memory.
#[derive(Default)]
pub(super) struct ReceiptKeys {
    /// The key that signed last.
    unwrapped: Mutex<Option<Arc<SigningKey>>>,
    /// The public keys, and when they were read. Locked during a read; other callers wait for its result.
    published: tokio::sync::Mutex<Option<(Instant, Arc<[PublicKey]>)>>,
}

/// The key that signs receipts.
pub(super) struct CurrentKey {
    pub(super) key: Arc<SigningKey>,
    /// Whether this transaction created it.
    pub(super) is_new: bool,
}

impl ReceiptKeys {
    /// The current key. It is created if there is none or the last one exceeded its lifetime.
    ///
    /// # Errors
    /// `Internal` if the stored key cannot be decrypted.
    pub(super) async fn current(&self, tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<CurrentKey, Error> {
        let stored = receipts::current_key(tx).await?.filter(|key| now < key.created_at.plus_days(LIFETIME_DAYS));
        let Some(stored) = stored else { return self.replace(tx, vault, now).await };
        let unwrapped = self.unwrapped().clone().filter(|key| key.kid == stored.kid);
        let key = match unwrapped {
            Some(key) => key,
            None => Arc::new(SigningKey::from_seed(vault.unwrap(tx, &name_in_keyring(&stored.kid)).await?)),
        };
        if key.public_key[..] != stored.public_key[..] {
            tracing::error!(kid = stored.kid, "the stored public key of receipts was altered: the key is replaced");
            return self.replace(tx, vault, now).await;
        }
        *self.unwrapped() = Some(Arc::clone(&key));
        Ok(CurrentKey { key, is_new: false })
    }

    /// Replaces the key and deletes its private half.
    async fn replace(&self, tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<CurrentKey, Error> {
        for retired in receipts::retire_keys(tx, now).await? {
            keyring::delete(tx, &name_in_keyring(&retired)).await?;
        }
        let key = SigningKey::generate();
        let wrapped = vault.wrap(tx, &name_in_keyring(&key.kid), key.seed()).await?;
        keyring::insert(tx, &wrapped).await?;
        receipts::insert_key(tx, &key.kid, &key.public_key, now).await?;
        Ok(CurrentKey { key: Arc::new(key), is_new: true })
    }

    fn unwrapped(&self) -> MutexGuard<'_, Option<Arc<SigningKey>>> {
        self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The public keys, as they were within [`REREAD_AFTER`].
    async fn published(&self, store: &Store) -> Result<Arc<[PublicKey]>, Error> {
        let mut published = self.published.lock().await;
        if let Some((read_at, keys)) = &*published
            && read_at.elapsed() < REREAD_AFTER
        {
            return Ok(Arc::clone(keys));
        }
        let read_at = Instant::now();
        let keys: Arc<[PublicKey]> = receipts::public_keys(store).await?.into_iter().map(Into::into).collect();
        *published = Some((read_at, Arc::clone(&keys)));
        Ok(keys)
    }

    /// The next request for the public keys reads them.
    pub(super) async fn reread(&self) {
        *self.published.lock().await = None;
    }
}

/// The public keys of all receipts that are kept. Needs no permission. Anyone may request them, so they are read once a second at most.
///
/// # Errors
/// `Unavailable` while the database is unavailable.
pub async fn public_keys(core: &Core) -> Result<Arc<[PublicKey]>, Error> {
    core.receipt_issuer.keys().published(&core.store).await
}
