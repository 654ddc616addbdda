//! Judging keys, from memory where they are known.

mod judge;
mod known;
mod signers;
mod uses;
mod watch;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use secrecy::ExposeSecret;

pub use judge::{Ask, Code, Verdict};
pub use known::{KnownKey, OfProject};
pub use watch::{watch, write_uses};

use super::{
    project_keys::token::Claims,
    store::{self, Store},
    token::{self, KeyDigest, Pepper},
};
use crate::model::{id::OrganizationId, time::Timestamp};
use signers::{Presented, Signers};

/// Finds and judges keys.
pub struct Verifier {
    store: Store,
    pepper: Pepper,
    signers: Signers,
    known: DashMap<KeyDigest, Arc<KnownKey>>,
    /// Counts the changes that were applied, so that a read that began before one does not overwrite it.
    epoch: AtomicU64,
    uses: uses::Uses,
}

impl Verifier {
    /// Knows no key yet.
    pub fn new(store: Store, pepper: Pepper) -> Self {
        Self { store, pepper, signers: Signers::new(), known: DashMap::new(), epoch: AtomicU64::new(0), uses: uses::Uses::default() }
    }

    /// The key that was presented; `None` for one that is forged, unknown, deleted, or whose secret was replaced.
    ///
    /// # Errors
    /// [`store::Error::Lost`] as soon as the loss was noticed, also for keys in memory.
    pub async fn find(&self, presented: &str) -> Result<Option<Arc<KnownKey>>, store::Error> {
        if self.store.is_lost() {
            return Err(store::Error::Lost);
        }
        if !token::is_plausible(presented) {
            return Ok(None);
        }
        let digest = self.pepper.digest(presented);
        let known = self.known.get(&digest).map(|known| Arc::clone(&known));
        let known = match known {
            Some(known) => Some(known),
            None => match self.signers.tell(&self.store, presented).await? {
                Presented::Token(claims) => self.read(digest, Some(&claims)).await?,
                Presented::Other => self.read(digest, None).await?,
                Presented::Forged => None,
            },
        };
        Ok(known.filter(|known| known.retires_at.is_none_or(|end| Timestamp::now() < end)))
    }

    async fn read(&self, digest: KeyDigest, claims: Option<&Claims>) -> Result<Option<Arc<KnownKey>>, store::Error> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let record = store::keys::find_by_digest(&self.store, digest.as_bytes()).await?;
        let known = record.and_then(|record| KnownKey::read(&record, digest)).filter(|known| known.is_as_signed(claims));
        let Some(known) = known.map(Arc::new) else { return Ok(None) };
        // The entry holds its shard of the map, and so does `forget`: either this sees the new epoch, or `forget` sees this entry.
        let entry = self.known.entry(digest);
        if self.epoch.load(Ordering::Acquire) == epoch {
            entry.insert(Arc::clone(&known));
        }
        Ok(Some(known))
    }

    /// Forgets what is known of a key, or of all of them, after a change. The next call reads it anew.
    pub fn forget(&self, digest: Option<&[u8]>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        if let Some(digest) = digest.and_then(KeyDigest::from_stored) {
            drop(self.known.remove(&digest));
        } else {
            self.known.clear();
            self.signers.forget();
        }
    }

    /// Forgets what is known of these secrets, after a change of several.
    pub fn forget_each(&self, digests: &[Vec<u8>]) {
        for digest in digests {
            self.forget(Some(digest));
        }
    }

    /// Judges a key for an organization, and notes its use.
    ///
    /// # Errors
    /// [`store::Error::Lost`].
    pub async fn judge(&self, organization: OrganizationId, ask: &Ask) -> Result<Verdict, store::Error> {
        let known = self.find(ask.key.expose_secret()).await?.filter(|key| key.organization == organization);
        let now = Timestamp::now();
        let verdict = judge::judge(known.as_deref(), ask, now);
        if let Some(known) = known.filter(|_| verdict.code == Code::Valid) {
            self.note_use(&known, now);
        }
        Ok(verdict)
    }

    /// Counts a call of a key; written within a second.
    pub fn note_use(&self, key: &KnownKey, at: Timestamp) {
        self.uses.note(key, at);
    }

    /// Writes the uses that were noted.
    pub async fn flush(&self) {
        self.uses.flush(&self.store).await;
    }

    /// Drops counts that nobody asks for any more.
    pub async fn forget_old_counts(&self) {
        uses::Uses::forget_old_minutes(&self.store).await;
    }
}
