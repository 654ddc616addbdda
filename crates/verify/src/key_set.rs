//! Cache of the public keys that verify project keys; read again after a change. Rejecting a forged token needs no read of the store.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

use latchkey_crypto::project_token::{self, Claims, TokenVerifier};
use latchkey_store::{self as store, Store, signing_keys};

/// What a presented secret is, determined before its digest is looked up in the store.
#[derive(Debug)]
pub(super) enum SecretForm {
    /// A token with a valid signature of this installation.
    Token(Claims),
    /// Claims to be a project key, but is not valid.
    Forged,
    /// Any other secret.
    Other,
}

pub(super) struct SigningKeyCache {
    token_verifier: RwLock<Option<Arc<TokenVerifier>>>,
    /// Incremented by each invalidation, so that a read that began before it is not cached.
    epoch: AtomicU64,
    /// Held during a read; other callers wait for its result.
    reading: Mutex<()>,
}

impl SigningKeyCache {
    pub(super) fn new() -> Self {
        Self { token_verifier: RwLock::default(), epoch: AtomicU64::new(0), reading: Mutex::default() }
    }

    pub(super) async fn classify(&self, store: &Store, presented: &str) -> Result<SecretForm, store::StoreError> {
        if !project_token::claims_to_be_project_key(presented) {
            return Ok(SecretForm::Other);
        }
        Ok(self.token_verifier(store).await?.verify(presented).map_or(SecretForm::Forged, SecretForm::Token))
    }

    pub(super) fn invalidate(&self) {
        let mut cached = self.token_verifier.write().unwrap_or_else(PoisonError::into_inner);
        self.epoch.fetch_add(1, Ordering::AcqRel);
        *cached = None;
    }

    /// Changes with each invalidation.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    async fn token_verifier(&self, store: &Store) -> Result<Arc<TokenVerifier>, store::StoreError> {
        if let Some(cached) = self.cached() {
            return Ok(cached);
        }
        let _reading = self.reading.lock().await;
        if let Some(cached) = self.cached() {
            return Ok(cached);
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let keys = signing_keys::all(store).await?;
        let read = Arc::new(TokenVerifier::new(keys.into_iter().map(|key| (key.kid, key.public_key))));
        let mut cached = self.token_verifier.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch.load(Ordering::Acquire) == epoch {
            *cached = Some(Arc::clone(&read));
        }
        Ok(read)
    }

    fn cached(&self) -> Option<Arc<TokenVerifier>> {
        self.token_verifier.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::open_store;

    #[tokio::test]
    async fn the_public_keys_are_read_once_until_they_change() {
        let (store, _folder) = open_store().await;
        let cache = SigningKeyCache::new();
        assert!(matches!(cache.classify(&store, "a").await.unwrap(), SecretForm::Other));
        assert!(cache.cached().is_none());
        // The header of a token whose `typ` is that of project keys.
        let forged = "eyJ0eXAiOiJwcm9qZWN0LWtleStqd3QifQ.e30.";
        assert!(matches!(cache.classify(&store, forged).await.unwrap(), SecretForm::Forged));
        let cached = cache.cached().unwrap();
        cache.classify(&store, forged).await.unwrap();
        assert!(Arc::ptr_eq(&cached, &cache.cached().unwrap()));
        cache.invalidate();
        assert!(cache.cached().is_none() && cache.epoch() == 1);
        cache.invalidate();
        assert_eq!(cache.epoch(), 2);
    }
}
