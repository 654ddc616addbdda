//! The public keys that tokens are checked with: read once, and anew after a change. A forged token costs no read of the store.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

use crate::server::{
    project_keys::token::{self, Checker, Claims},
    store::{self, Store, signing_keys},
};

/// What the presented is, before the store is asked for its digest.
#[derive(Debug)]
pub(super) enum Presented {
    /// A token that we signed.
    Token(Claims),
    /// It claims to be one, and is none.
    Forged,
    /// Any other secret.
    Other,
}

/// Tells our own tokens from others.
pub(super) struct Signers {
    checker: RwLock<Option<Arc<Checker>>>,
    /// Counts what was forgotten, so that a read that began before does not come back.
    epoch: AtomicU64,
    /// Held by whoever reads; the others wait for what that brings.
    reading: Mutex<()>,
}

impl Signers {
    pub(super) fn new() -> Self {
        Self { checker: RwLock::default(), epoch: AtomicU64::new(0), reading: Mutex::default() }
    }

    /// What this is.
    ///
    /// # Errors
    /// [`store::Error::Lost`].
    pub(super) async fn tell(&self, store: &Store, presented: &str) -> Result<Presented, store::Error> {
        if !token::claims_to_be_one(presented) {
            return Ok(Presented::Other);
        }
        Ok(self.checker(store).await?.check(presented).map_or(Presented::Forged, Presented::Token))
    }

    /// Reads the keys anew when they are needed next.
    pub(super) fn forget(&self) {
        let mut known = self.checker.write().unwrap_or_else(PoisonError::into_inner);
        self.epoch.fetch_add(1, Ordering::AcqRel);
        *known = None;
    }

    async fn checker(&self, store: &Store) -> Result<Arc<Checker>, store::Error> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let keys = signing_keys::all(store).await?;
        let read = Arc::new(Checker::new(keys.into_iter().map(|key| (key.kid, key.public_key))));
        let mut known = self.checker.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch.load(Ordering::Acquire) == epoch {
            *known = Some(Arc::clone(&read));
        }
        Ok(read)
    }

    fn known(&self) -> Option<Arc<Checker>> {
        self.checker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
