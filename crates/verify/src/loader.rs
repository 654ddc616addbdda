//! Loads keys that are not cached from the store.

use std::sync::Arc;

use dashmap::DashMap;
use prometheus::IntCounter;
use zeroize::Zeroizing;

use super::{
    CachedKey,
    budgets::{BudgetOwner, Budgets},
    credits::KeysWithReservedCredits,
    dependencies::DependencyFlags,
    identity_hasher::BuildIdentityHasher,
    key_creators::KeyCreators,
    key_set::{SecretForm, SigningKeyCache},
    limiter::Limiter,
    rate_limit_interner::RateLimitInterner,
    shared_limits::SharedLimits,
};
use latchkey_crypto::{key_format::KeyDigest, project_token::Claims};
use latchkey_store::{self as store, Store};
use latchkey_types::id::KeyId;

/// Loads keys and owns the limiter of each key.
pub(super) struct KeyLoader {
    pub(super) store: Store,
    pub(super) signing_keys: SigningKeyCache,
    pub(super) reads: IntCounter,
    interner: RateLimitInterner,
    dependencies: Arc<DependencyFlags>,
    pub(super) creators: KeyCreators,
    budgets: Arc<Budgets>,
    limiters: DashMap<KeyId, Arc<Limiter>, BuildIdentityHasher>,
    /// `None` if there is only one instance.
    shared_limits: Option<Arc<SharedLimits>>,
    pub(super) keys_with_reserved_credits: KeysWithReservedCredits,
}

impl KeyLoader {
    pub(super) fn new(store: Store, dependencies: Arc<DependencyFlags>, budgets: Arc<Budgets>, shared_limits: Option<Arc<SharedLimits>>) -> Self {
        let reads = IntCounter::new("latchkey_store_reads_total", "Keys that were not cached and were read from the database.");
        Self {
            store,
            signing_keys: SigningKeyCache::new(),
            reads: reads.expect("the metric name is valid"),
            interner: RateLimitInterner::new(),
            dependencies,
            creators: KeyCreators::default(),
            budgets,
            limiters: DashMap::default(),
            shared_limits,
            keys_with_reserved_credits: KeysWithReservedCredits::default(),
        }
    }

    /// Loads the presented key. The store is not queried for a project key whose signature is invalid.
    pub(super) async fn read(self: Arc<Self>, digest: KeyDigest, presented: Zeroizing<String>) -> Result<Option<CachedKey>, store::StoreError> {
        match self.signing_keys.classify(&self.store, &presented).await? {
            SecretForm::Token(claims) => self.find(digest, Some(&claims)).await,
            SecretForm::Other => self.find(digest, None).await,
            SecretForm::Forged => Ok(None),
        }
    }

    async fn find(&self, digest: KeyDigest, claims: Option<&Claims>) -> Result<Option<CachedKey>, store::StoreError> {
        self.reads.inc();
        let record = store::keys::find_by_digest(&mut *self.store.connection().await?, digest.as_bytes()).await?;
        let load = |record| {
            let creator = self.creators.of(&record, &self.dependencies);
            CachedKey::from_record(&record, digest, &self.interner, &self.dependencies, creator, |id| self.get_or_create(id))
        };
        let key = record.and_then(load);
        if let Some(key) = &key {
            self.budgets.observe(BudgetOwner::Key(key.id), key.budget());
        }
        Ok(key.filter(|key| key.matches_claims(claims)))
    }

    pub(super) fn get_or_create(&self, id: KeyId) -> Arc<Limiter> {
        let new = || self.shared_limits.as_ref().map(|limits| Limiter::shared(Arc::clone(limits), id)).unwrap_or_default();
        Arc::clone(&self.limiters.entry(id).or_insert_with(|| Arc::new(new())))
    }

    /// `None` if this instance has not loaded the key.
    pub(super) fn find_limiter(&self, id: KeyId) -> Option<Arc<Limiter>> {
        self.limiters.get(&id).map(|limiter| Arc::clone(&limiter))
    }

    /// Drops limiters that are idle and whose keys are no longer cached: deleted, or changed and not requested since. Also creators without keys.
    pub(super) fn drop_idle(&self) {
        self.creators.drop_unused();
        self.limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1 || !limiter.is_idle());
    }
}
