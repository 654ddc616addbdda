//! The published public keys. Anyone may request them, so they are kept in memory.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use super::PublicKey;
use crate::Core;
use latchkey_store as store;
use latchkey_types::{error::Error, time::Timestamp};

/// For how long a retired key may still be published after its last token has ended. New keys are published immediately.
const REREAD_AFTER: Duration = Duration::from_mins(5);

/// The public keys in memory, until the signing keys change.
#[derive(Default)]
pub struct PublicKeyCache {
    cached: RwLock<Option<CachedKeys>>,
    /// Held during a read; other callers wait for its result.
    reading: Mutex<()>,
}

struct CachedKeys {
    epoch: u64,
    read_at: Instant,
    keys: Arc<[PublicKey]>,
}

impl PublicKeyCache {
    fn get(&self, epoch: u64) -> Option<Arc<[PublicKey]>> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        let is_current = |cached: &&CachedKeys| cached.epoch == epoch && cached.read_at.elapsed() < REREAD_AFTER;
        cached.as_ref().filter(is_current).map(|cached| Arc::clone(&cached.keys))
    }
}

/// The public keys of all tokens that can be valid: the current signing key, and each earlier one until its last token expires. Needs no
/// permission.
///
/// # Errors
/// `Unavailable` while the database is unavailable: changes by other instances are then not seen.
pub async fn public_keys(core: &Core) -> Result<Arc<[PublicKey]>, Error> {
    core.store.read()?;
    let cache = &core.public_keys;
    if let Some(keys) = cache.get(core.verifier.signing_keys_epoch()) {
        return Ok(keys);
    }
    let _reading = cache.reading.lock().await;
    // Before the read, so that a change during it makes the result outdated.
    let epoch = core.verifier.signing_keys_epoch();
    if let Some(keys) = cache.get(epoch) {
        return Ok(keys);
    }
    let read_at = Instant::now();
    let rows = store::signing_keys::in_use(&core.store, Timestamp::now()).await?;
    let keys: Arc<[PublicKey]> = rows.into_iter().map(Into::into).collect();
    *cache.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(CachedKeys { epoch, read_at, keys: Arc::clone(&keys) });
    Ok(keys)
}
