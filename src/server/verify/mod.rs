//! Judging keys, from memory where they are known.

mod credits;
mod even;
mod judge;
mod known;
mod live;
mod plans;
mod reader;
mod recent;
mod shelf;
mod signers;
mod stale;
mod uses;
mod verdict;
mod watch;
mod window;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use prometheus::IntCounter;
use zeroize::Zeroizing;

pub use judge::{Ask, Code, has_scope};
pub use known::{KnownKey, KnownLimits, OfProject};
pub use live::Rate;
pub use uses::thread_number;
pub use verdict::Judgement;
pub use watch::{watch, write_uses};

use super::{
    store::{self, Store, keys::credits::Account},
    token::{self, KeyDigest, Pepper},
};
use crate::model::{
    id::{KeyId, OrganizationId},
    time::Timestamp,
};
use credits::Reserving;
use live::{Live, Standing, Taken, ticks};
use reader::Reader;
use shelf::Shelf;
use stale::Stale;

/// Finds and judges keys.
pub struct Verifier {
    pepper: Pepper,
    reader: Arc<Reader>,
    shelf: Arc<Shelf>,
    stale: Stale,
    uses: uses::Uses,
}

impl Verifier {
    /// Knows no key yet.
    pub fn new(store: Store, pepper: Pepper) -> Self {
        Self { pepper, reader: Arc::new(Reader::new(store)), shelf: Arc::new(Shelf::new()), stale: Stale::default(), uses: uses::Uses::new() }
    }

    /// Lets known keys be judged for so long while the store is lost.
    pub fn serve_stale(&self, limit: Duration) {
        self.stale.set_limit(limit);
    }

    /// The key that was presented; `None` for one that is forged, unknown, deleted, or whose secret was replaced. From memory where it is
    /// known; without a lock that is held across an await.
    ///
    /// # Errors
    /// [`store::Error::Lost`] as soon as the loss was noticed, also for keys in memory, unless the operator lets those be judged.
    pub async fn find(&self, presented: &str) -> Result<Option<Arc<KnownKey>>, store::Error> {
        if !self.is_serving() {
            return Err(store::Error::Lost);
        }
        let digest = self.pepper.digest(presented);
        let known = if let Some(known) = self.shelf.get(&digest) {
            Some(known)
        } else if !token::is_plausible(presented) {
            None
        } else {
            let read = Arc::clone(&self.reader).read(digest, Zeroizing::new(presented.to_owned()));
            self.shelf.get_or_read(digest, read).await?
        };
        Ok(known.filter(|known| known.is_current()))
    }

    /// Reads the key that was presented, where it is in memory: for callers, who are few. `None` says that [`Self::find`] has to be asked.
    pub fn with_recent<T>(&self, presented: &str, read: impl FnOnce(&KnownKey) -> T) -> Option<T> {
        if !self.is_serving() {
            return None;
        }
        self.shelf.with_recent(&self.pepper.digest(presented), |known| known.is_current().then(|| read(known))).flatten()
    }

    /// Whether known keys are judged now: the store is there, or the operator wants them to be judged without it.
    fn is_serving(&self) -> bool {
        !self.reader.store.is_lost() || self.stale.is_served()
    }

    /// Forgets what is known of a key, or of all of them, after a change. The next call reads it anew; what was taken of its limits stays.
    pub fn forget(&self, digest: Option<&[u8]>) {
        if let Some(digest) = digest.and_then(KeyDigest::from_stored) {
            self.shelf.forget(&digest);
        } else {
            // The signers first: a read that goes on with the old ones is then not put away.
            self.reader.signers.forget();
            self.shelf.forget_all();
        }
    }

    /// Forgets what is known of these secrets, after a change of several.
    pub fn forget_each(&self, digests: &[Vec<u8>]) {
        for digest in digests {
            self.forget(Some(digest));
        }
    }

    /// Judges a key for an organization; one that is good is taken from its limits, and its use is noted.
    ///
    /// # Errors
    /// [`store::Error::Lost`].
    pub async fn judge(&self, organization: OrganizationId, ask: &Ask<'_>) -> Result<Judgement, store::Error> {
        loop {
            let known = self.find(&ask.key).await?.filter(|key| key.organization == organization);
            let now = Timestamp::now();
            let code = judge::judge(known.as_deref(), ask, now);
            let key = match known {
                Some(key) if code == Code::Valid => key,
                known => return Ok(Judgement::new(code, known, Standing::default())),
            };
            let Some(limits) = &key.limits else {
                self.note_use(&key, now);
                return Ok(Judgement::new(code, Some(key), Standing::default()));
            };
            match limits.live.take(limits, ask.cost(), now) {
                Taken::Yes(standing) => {
                    self.note_use(&key, now);
                    return Ok(Judgement::new(Code::Valid, Some(key), standing));
                }
                Taken::RateLimited(standing) => return Ok(Judgement::new(Code::RateLimited, Some(key), standing)),
                Taken::Exhausted(standing) => return Ok(Judgement::new(Code::UsageExceeded, Some(key), standing)),
                Taken::Short(missing) if self.reserve(key.id, &limits.live, missing).await? => {}
                // Its credits were set, or taken from it, since the record was read.
                Taken::Short(_) | Taken::Outdated => self.shelf.forget(&key.digest),
            }
        }
    }

    /// Reserves more credits; those who need some of the same key meanwhile wait for the same. Answers whether the key has credits at all.
    async fn reserve(&self, id: KeyId, live: &Arc<Live>, missing: i64) -> Result<bool, store::Error> {
        let reserving = {
            let mut state = live.lock();
            if let Some(reserving) = &state.reserve().reserving {
                reserving.clone()
            } else {
                let wanted = state.reserve().next_block(missing, ticks());
                let reserving = self.begin_reserving(id, live, missing, wanted);
                state.reserve().reserving = Some(reserving.clone());
                reserving
            }
        };
        match tokio::time::timeout(shelf::READ_LIMIT, reserving).await {
            Ok(Ok(has_any)) => Ok(has_any),
            Ok(Err(())) | Err(_) => Err(store::Error::Lost),
        }
    }

    fn begin_reserving(&self, id: KeyId, live: &Arc<Live>, missing: i64, wanted: i64) -> Reserving {
        let (reader, live) = (Arc::clone(&self.reader), Arc::clone(live));
        let task = tokio::spawn(async move {
            let block = credits::reserve(&reader.store, id, missing, wanted).await;
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

    /// How many of these credits this server has reserved and not spent; they count as spent in the store.
    pub fn reserved(&self, id: KeyId, account: &Account) -> i64 {
        self.reader.live_of(id).map_or(0, |live| live.lock().reserve().held_of(account.version, Timestamp::now()))
    }

    /// Counts a call of a key; written within a second.
    pub fn note_use(&self, key: &KnownKey, at: Timestamp) {
        self.uses.note(key, at);
    }

    /// Writes the uses that were noted, all of them.
    pub async fn flush(&self) {
        self.uses.flush_all(&self.reader.store).await;
    }

    /// Writes the uses that were noted, as many as are written at once; answers whether there is nothing left that could be written.
    pub async fn flush_some(&self) -> bool {
        self.uses.flush(&self.reader.store).await
    }

    /// How many milliseconds ago uses were written, or there were none to write; and how many keys wait for it.
    pub fn flush_age(&self) -> (i64, usize) {
        self.uses.age()
    }

    /// How many keys are known, and how many secrets are known to be nobody's.
    pub fn sizes(&self) -> (usize, u64) {
        self.shelf.sizes()
    }

    /// How often the store was asked for a key that was not in memory.
    pub fn store_reads(&self) -> &IntCounter {
        &self.reader.reads
    }

    /// For how many seconds yet known keys are judged though the store is lost; `None` where they are not, or it is not lost.
    pub fn stale_seconds_left(&self) -> Option<u64> {
        self.stale.seconds_left()
    }

    /// Drops what nobody asks for any more: old counts, and limits of keys of which nothing is taken. Credits that were reserved for a key
    /// that is not known any more are given back.
    pub async fn clean(&self) {
        self.give_back_of(self.reader.forgotten_lives()).await;
        self.reader.drop_idle();
        uses::Uses::forget_old_minutes(&self.reader.store).await;
    }

    /// Gives back the credits that were reserved and not spent: at the end.
    pub async fn give_back(&self) {
        self.give_back_of(self.reader.all_lives()).await;
    }

    async fn give_back_of(&self, lives: Vec<(KeyId, Arc<Live>)>) {
        for (id, live) in lives {
            let given = live.lock().give_back();
            if let Some((version, until, held)) = given
                && held > 0
                && let Err(fault) = credits::give_back(&self.reader.store, id, version, until, held).await
            {
                tracing::warn!(%fault, key = %id, "reserved credits could not be given back");
            }
        }
    }

    /// Notes whether the store is lost.
    fn set_lost(&self, lost: bool) {
        self.stale.set_lost(lost);
        self.reader.store.set_lost(lost);
    }
}
