//! Key verification from an in-memory cache.

mod background;
mod cache;
mod cached_key;
mod credits;
mod evaluate;
mod identity_hasher;
mod key_set;
mod limiter;
mod loader;
mod rate_limit_interner;
mod serve_stale;
mod thread_cache;
mod usage;
mod verdict;
mod window;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use prometheus::IntCounter;
use zeroize::Zeroizing;

pub use background::{watch, write_uses};
pub use cached_key::{KnownKey, KnownLimits, OfProject};
pub use evaluate::{Ask, Code, has_scope};
pub use limiter::Rate;
pub use usage::thread_number;
pub use verdict::Judgement;

use cache::Shelf;
use credits::Reserving;
use latchkey_crypto::key_format::{self, KeyDigest, Pepper};
use latchkey_store::{self as store, Store, keys::credits::Account};
use latchkey_types::{
    id::{KeyId, OrganizationId},
    time::Timestamp,
};
use limiter::{Live, Standing, Taken, ticks};
use loader::Reader;
use serve_stale::Stale;

/// Looks up and evaluates keys.
pub struct Verifier {
    pepper: Pepper,
    reader: Arc<Reader>,
    shelf: Arc<Shelf>,
    stale: Stale,
    uses: usage::Uses,
}

impl Verifier {
    pub fn new(store: Store, pepper: Pepper) -> Self {
        Self { pepper, reader: Arc::new(Reader::new(store)), shelf: Arc::new(Shelf::new()), stale: Stale::default(), uses: usage::Uses::new() }
    }

    /// Sets for how long cached keys are still evaluated while the store is unreachable.
    pub fn serve_stale(&self, limit: Duration) {
        self.stale.set_limit(limit);
    }

    /// Returns the presented key from the cache or the store; `None` if it is forged, unknown or deleted, or if its secret was replaced.
    /// Holds no lock across an await.
    ///
    /// # Errors
    /// [`store::Error::Lost`] once the loss is detected, also for cached keys, unless serve-stale is enabled.
    pub async fn find(&self, presented: &str) -> Result<Option<Arc<KnownKey>>, store::Error> {
        if !self.is_serving() {
            return Err(store::Error::Lost);
        }
        let digest = self.pepper.digest(presented);
        let key = if let Some(key) = self.shelf.get(&digest) {
            Some(key)
        } else if !key_format::is_plausible(presented) {
            None
        } else {
            let read = Arc::clone(&self.reader).read(digest, Zeroizing::new(presented.to_owned()));
            self.shelf.get_or_read(digest, read).await?
        };
        Ok(key.filter(|key| key.is_current()))
    }

    /// Applies `read` to the presented key if it is cached, using the per-thread cache. On `None` call [`Self::find`]. Meant for the keys of
    /// API callers, which are few.
    pub fn with_recent<T>(&self, presented: &str, read: impl FnOnce(&KnownKey) -> T) -> Option<T> {
        if !self.is_serving() {
            return None;
        }
        self.shelf.with_recent(&self.pepper.digest(presented), |key| key.is_current().then(|| read(key))).flatten()
    }

    /// Whether cached keys are evaluated: the store is reachable, or serve-stale is active.
    fn is_serving(&self) -> bool {
        !self.reader.store.is_lost() || self.stale.is_served()
    }

    /// Removes one key, or all keys, from the cache after a change. The state of rate limits and credits is kept.
    pub fn forget(&self, digest: Option<&[u8]>) {
        if let Some(digest) = digest.and_then(KeyDigest::from_stored) {
            self.shelf.forget(&digest);
        } else {
            // The key set first: a concurrent read that uses the old one is then not cached.
            self.reader.signers.forget();
            self.shelf.forget_all();
        }
    }

    /// Removes several keys from the cache, by digest.
    pub fn forget_each(&self, digests: &[Vec<u8>]) {
        for digest in digests {
            self.forget(Some(digest));
        }
    }

    /// Evaluates a key of an organization. If it is valid, consumes its limits and records the use.
    pub async fn judge(&self, organization: OrganizationId, request: &Ask<'_>) -> Result<Judgement, store::Error> {
        loop {
            let found = self.find(&request.key).await?.filter(|key| key.organization == organization);
            let now = Timestamp::now();
            let code = evaluate::judge(found.as_deref(), request, now);
            let key = match found {
                Some(key) if code == Code::Valid => key,
                found => return Ok(Judgement::new(code, found, Standing::default())),
            };
            let Some(limits) = &key.limits else {
                self.note_use(&key, now);
                return Ok(Judgement::new(code, Some(key), Standing::default()));
            };
            match limits.live.take(limits, request.cost(), now) {
                Taken::Yes(remaining) => {
                    self.note_use(&key, now);
                    return Ok(Judgement::new(Code::Valid, Some(key), remaining));
                }
                Taken::RateLimited(remaining) => return Ok(Judgement::new(Code::RateLimited, Some(key), remaining)),
                Taken::Exhausted(remaining) => return Ok(Judgement::new(Code::UsageExceeded, Some(key), remaining)),
                Taken::Short(missing) if self.reserve(key.id, &limits.live, missing).await? => {}
                // The credits were changed or removed since the record was read.
                Taken::Short(_) | Taken::Outdated => self.shelf.forget(&key.digest),
            }
        }
    }

    /// Reserves more credits; concurrent callers of the same key share one reservation. Returns whether the key has a credit limit at all.
    async fn reserve(&self, id: KeyId, live: &Arc<Live>, missing: i64) -> Result<bool, store::Error> {
        let reserving = {
            let mut state = live.lock();
            if let Some(reserving) = &state.reserve().reserving {
                reserving.clone()
            } else {
                let requested = state.reserve().next_block(missing, ticks());
                let reserving = self.start_reservation(id, live, missing, requested);
                state.reserve().reserving = Some(reserving.clone());
                reserving
            }
        };
        match tokio::time::timeout(cache::READ_LIMIT, reserving).await {
            Ok(Ok(has_any)) => Ok(has_any),
            Ok(Err(())) | Err(_) => Err(store::Error::Lost),
        }
    }

    fn start_reservation(&self, id: KeyId, live: &Arc<Live>, missing: i64, requested: i64) -> Reserving {
        let (reader, live) = (Arc::clone(&self.reader), Arc::clone(live));
        let task = tokio::spawn(async move {
            let block = credits::reserve(&reader.store, id, missing, requested).await;
            let mut state = live.lock();
            state.reserve().reserving = None;
            let block = block.map_err(drop)?;
            if let Some(block) = block {
                state.reserve().add(block, ticks());
            }
            Ok(block.is_some())
        });
        async move { task.await.unwrap_or(Err(())) }.boxed().shared()
    }

    /// Credits that this instance has reserved and not spent; the store counts them as spent.
    pub fn reserved(&self, id: KeyId, account: &Account) -> i64 {
        self.reader.live_of(id).map_or(0, |live| live.lock().reserve().held_of(account.version, Timestamp::now()))
    }

    /// Records a use of a key; written to the store about once a second.
    pub fn note_use(&self, key: &KnownKey, at: Timestamp) {
        self.uses.note(key, at);
    }

    /// Writes all recorded usage.
    pub async fn flush(&self) {
        self.uses.flush_all(&self.reader.store).await;
    }

    /// Writes one batch of recorded usage; returns whether nothing is left that could be written.
    pub async fn flush_some(&self) -> bool {
        self.uses.flush(&self.reader.store).await
    }

    /// Milliseconds since the last successful write or empty flush, and the number of keys with unwritten usage.
    pub fn flush_age(&self) -> (i64, usize) {
        self.uses.age()
    }

    /// Number of cached keys, and of cached unknown digests.
    pub fn sizes(&self) -> (usize, u64) {
        self.shelf.sizes()
    }

    /// Counts reads of the store for keys that are not cached.
    pub fn store_reads(&self) -> &IntCounter {
        &self.reader.reads
    }

    /// Remaining seconds of the serve-stale window; `None` if it is not active.
    pub fn stale_seconds_left(&self) -> Option<u64> {
        self.stale.seconds_left()
    }

    /// Deletes old usage counts and idle limiters, and returns the reserved credits of keys that are no longer cached.
    pub async fn clean(&self) {
        self.return_credits_of(self.reader.forgotten_lives()).await;
        self.reader.drop_idle();
        usage::Uses::forget_old_minutes(&self.reader.store).await;
    }

    /// Returns all reserved, unspent credits; called at shutdown.
    pub async fn give_back(&self) {
        self.return_credits_of(self.reader.all_lives()).await;
    }

    async fn return_credits_of(&self, limiters: Vec<(KeyId, Arc<Live>)>) {
        for (id, live) in limiters {
            let unspent = live.lock().give_back();
            if let Some((version, until, held)) = unspent
                && held > 0
                && let Err(fault) = credits::give_back(&self.reader.store, id, version, until, held).await
            {
                tracing::warn!(%fault, key = %id, "cannot return reserved credits");
            }
        }
    }

    fn set_lost(&self, lost: bool) {
        self.stale.set_lost(lost);
        self.reader.store.set_lost(lost);
    }
}
