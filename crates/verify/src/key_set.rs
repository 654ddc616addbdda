//! Cache of the public keys that verify project keys; read again after a change. Rejecting a forged token needs no read of the store.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

use latchkey_crypto::project_token::{self, Checker, Claims};
use latchkey_store::{self as store, Store, signing_keys};

/// What a presented secret is, determined before its digest is looked up in the store.
#[derive(Debug)]
pub(super) enum Presented {
    /// A token with a valid signature of this installation.
    Token(Claims),
    /// Claims to be a project key, but is not valid.
    Forged,
    /// Any other secret.
    Other,
}

pub(super) struct Signers {
    checker: RwLock<Option<Arc<Checker>>>,
    /// Incremented by each invalidation, so that a read that began before it is not cached.
    epoch: AtomicU64,
    /// Held during a read; other callers wait for its result.
    reading: Mutex<()>,
}

impl Signers {
    pub(super) fn new() -> Self {
        Self { checker: RwLock::default(), epoch: AtomicU64::new(0), reading: Mutex::default() }
    }

    pub(super) async fn tell(&self, store: &Store, presented: &str) -> Result<Presented, store::Error> {
        if !project_token::claims_to_be_one(presented) {
            return Ok(Presented::Other);
        }
        Ok(self.checker(store).await?.check(presented).map_or(Presented::Forged, Presented::Token))
    }

    pub(super) fn forget(&self) {
        let mut cached = self.checker.write().unwrap_or_else(PoisonError::into_inner);
        self.epoch.fetch_add(1, Ordering::AcqRel);
        *cached = None;
    }

    async fn checker(&self, store: &Store) -> Result<Arc<Checker>, store::Error> {
        if let Some(cached) = self.cached() {
            return Ok(cached);
        }
        let _reading = self.reading.lock().await;
        if let Some(cached) = self.cached() {
            return Ok(cached);
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let keys = signing_keys::all(store).await?;
        let read = Arc::new(Checker::new(keys.into_iter().map(|key| (key.kid, key.public_key))));
        let mut cached = self.checker.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch.load(Ordering::Acquire) == epoch {
            *cached = Some(Arc::clone(&read));
        }
        Ok(read)
    }

    fn cached(&self) -> Option<Arc<Checker>> {
        self.checker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
