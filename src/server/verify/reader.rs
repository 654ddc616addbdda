//! Reads keys from the store, when they are not in memory.

use std::sync::Arc;

use dashmap::DashMap;
use prometheus::IntCounter;
use zeroize::Zeroizing;

use super::{
    KnownKey,
    even::BuildEven,
    live::Live,
    plans::Plans,
    signers::{Presented, Signers},
};
use crate::{
    model::id::KeyId,
    server::{
        project_keys::token::Claims,
        store::{self, Store},
        token::KeyDigest,
    },
};

/// Where keys come from, and what they have taken of their limits.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) signers: Signers,
    /// How often the store was asked for a key.
    pub(super) reads: IntCounter,
    plans: Plans,
    lives: DashMap<KeyId, Arc<Live>, BuildEven>,
}

impl Reader {
    pub(super) fn new(store: Store) -> Self {
        let reads = IntCounter::new("latchkey_store_reads_total", "Keys that were not in memory and were looked for in the database.");
        Self {
            store,
            signers: Signers::new(),
            reads: reads.expect("the name is one that Prometheus takes"),
            plans: Plans::new(),
            lives: DashMap::default(),
        }
    }

    /// The key that was presented; a token that claims to be ours is looked for only when we signed it.
    ///
    /// # Errors
    /// [`store::Error::Lost`].
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
        let known = record.and_then(|record| KnownKey::read(&record, digest, &self.plans, |id| self.live(id)));
        Ok(known.filter(|known| known.is_as_signed(claims)))
    }

    fn live(&self, id: KeyId) -> Arc<Live> {
        Arc::clone(&self.lives.entry(id).or_default())
    }

    /// What a key has taken, if it was used here.
    pub(super) fn live_of(&self, id: KeyId) -> Option<Arc<Live>> {
        self.lives.get(&id).map(|live| Arc::clone(&live))
    }

    /// Everything that was taken.
    pub(super) fn all_lives(&self) -> Vec<(KeyId, Arc<Live>)> {
        self.lives.iter().map(|entry| (*entry.key(), Arc::clone(entry.value()))).collect()
    }

    /// What was taken of keys that are not known any more: they were deleted, or changed and not asked for since.
    pub(super) fn forgotten_lives(&self) -> Vec<(KeyId, Arc<Live>)> {
        let forgotten = self.lives.iter().filter(|live| Arc::strong_count(live) == 1);
        forgotten.map(|live| (*live.key(), Arc::clone(live.value()))).collect()
    }

    /// Drops what nobody asks for and nothing would be lost with.
    pub(super) fn drop_idle(&self) {
        self.lives.retain(|_, live| Arc::strong_count(live) > 1 || !live.is_idle());
    }
}
