//! Loads keys that are not cached from the store.

use std::sync::Arc;

use dashmap::DashMap;
use prometheus::IntCounter;
use zeroize::Zeroizing;

use super::{
    KnownKey,
    identity_hasher::BuildEven,
    key_set::{Presented, Signers},
    limiter::Live,
    rate_limit_interner::Plans,
};
use latchkey_crypto::{key_format::KeyDigest, project_token::Claims};
use latchkey_store::{self as store, Store};
use latchkey_types::id::KeyId;

/// Loads keys and owns the limiter of each key.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) signers: Signers,
    pub(super) reads: IntCounter,
    plans: Plans,
    limiters: DashMap<KeyId, Arc<Live>, BuildEven>,
}

impl Reader {
    pub(super) fn new(store: Store) -> Self {
        let reads = IntCounter::new("latchkey_store_reads_total", "Keys that were not cached and were read from the database.");
        Self { store, signers: Signers::new(), reads: reads.expect("the metric name is valid"), plans: Plans::new(), limiters: DashMap::default() }
    }

    /// Loads the presented key. The store is not queried for a project key whose signature is invalid.
    pub(super) async fn read(self: Arc<Self>, digest: KeyDigest, presented: Zeroizing<String>) -> Result<Option<KnownKey>, store::Error> {
        match self.signers.tell(&self.store, &presented).await? {
            Presented::Token(claims) => self.find(digest, Some(&claims)).await,
            Presented::Other => self.find(digest, None).await,
            Presented::Forged => Ok(None),
        }
    }

    async fn find(&self, digest: KeyDigest, claims: Option<&Claims>) -> Result<Option<KnownKey>, store::Error> {
        self.reads.inc();
        let record = store::keys::find_by_digest(&self.store, digest.as_bytes()).await?;
        let key = record.and_then(|record| KnownKey::read(&record, digest, &self.plans, |id| self.get_or_create(id)));
        Ok(key.filter(|key| key.is_as_signed(claims)))
    }

    fn get_or_create(&self, id: KeyId) -> Arc<Live> {
        Arc::clone(&self.limiters.entry(id).or_default())
    }

    /// `None` if this instance has not loaded the key.
    pub(super) fn live_of(&self, id: KeyId) -> Option<Arc<Live>> {
        self.limiters.get(&id).map(|live| Arc::clone(&live))
    }

    pub(super) fn all_lives(&self) -> Vec<(KeyId, Arc<Live>)> {
        self.limiters.iter().map(|entry| (*entry.key(), Arc::clone(entry.value()))).collect()
    }

    /// Limiters of keys that are no longer cached: deleted, or changed and not requested since.
    pub(super) fn forgotten_lives(&self) -> Vec<(KeyId, Arc<Live>)> {
        let unreferenced = self.limiters.iter().filter(|live| Arc::strong_count(live) == 1);
        unreferenced.map(|live| (*live.key(), Arc::clone(live.value()))).collect()
    }

    /// Drops limiters that are unreferenced and idle.
    pub(super) fn drop_idle(&self) {
        self.limiters.retain(|_, live| Arc::strong_count(live) > 1 || !live.is_idle());
    }
}
