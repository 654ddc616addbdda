//! What is known of keys, by digest. A miss reads once however many ask; a change takes away what is there, a read that goes on included,
//! so that a slow one can't put the old record back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use moka::sync::Cache;
use tokio::time::timeout;

use super::{KnownKey, even::BuildEven, recent::Edition};
use crate::server::{store, token::KeyDigest};

/// How many unknown digests are remembered: some 10 MB of them.
const UNKNOWN_MAX: u64 = 100_000;
/// How long a caller waits for a read. With the watch's turn it stays under the 2 s in which a lost database is told.
pub(super) const READ_LIMIT: Duration = Duration::from_millis(1500);

/// What a read brought. Cloned for each who waits.
type Found = Result<Option<Arc<KnownKey>>, ReadError>;
type Reading = Shared<BoxFuture<'static, Found>>;

/// Why a read brought nothing.
#[derive(Debug, Clone, Copy)]
enum ReadError {
    Lost,
    Broken,
}

impl From<store::Error> for ReadError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Lost => Self::Lost,
            other => {
                tracing::error!(error = %other, "a key can't be read");
                Self::Broken
            }
        }
    }
}

impl From<ReadError> for store::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Lost => Self::Lost,
            // The inner text is in the log already.
            ReadError::Broken => Self::Sql(sqlx::Error::WorkerCrashed),
        }
    }
}

enum Slot {
    Known(Arc<KnownKey>),
    /// Somebody reads it; the number tells this read from a later one.
    Reading(u64, Reading),
}

/// The map.
pub(super) struct Shelf {
    slots: DashMap<KeyDigest, Slot, BuildEven>,
    unknown: Cache<KeyDigest, ()>,
    reads: AtomicU64,
    edition: Edition,
}

impl Shelf {
    /// With nothing on it.
    pub(super) fn new() -> Self {
        Self { slots: DashMap::default(), unknown: Cache::new(UNKNOWN_MAX), reads: AtomicU64::new(0), edition: Edition::new() }
    }

    /// The key with this digest, if it is here.
    pub(super) fn get(&self, digest: &KeyDigest) -> Option<Arc<KnownKey>> {
        match &*self.slots.get(digest)? {
            Slot::Known(known) => Some(Arc::clone(known)),
            Slot::Reading(..) => None,
        }
    }

    /// Reads the key with this digest, if it is here or was and nothing was forgotten since.
    pub(super) fn with_recent<T>(&self, digest: &KeyDigest, read: impl FnOnce(&KnownKey) -> T) -> Option<T> {
        self.edition.with(digest, || self.get(digest), read)
    }

    /// The key with this digest, which is not here: waits for `read`, or for the same read of another caller. The read goes on when its
    /// callers go away.
    ///
    /// # Errors
    /// [`store::Error::Lost`], also when the read takes longer than [`READ_LIMIT`].
    pub(super) async fn get_or_read<Read>(self: &Arc<Self>, digest: KeyDigest, read: Read) -> Result<Option<Arc<KnownKey>>, store::Error>
    where
        Read: Future<Output = Result<Option<KnownKey>, store::Error>> + Send + 'static,
    {
        if self.unknown.contains_key(&digest) {
            return Ok(None);
        }
        let reading = match self.slots.entry(digest) {
            Entry::Occupied(slot) => match slot.get() {
                Slot::Known(known) => return Ok(Some(Arc::clone(known))),
                Slot::Reading(_, reading) => reading.clone(),
            },
            Entry::Vacant(slot) => {
                let number = self.reads.fetch_add(1, Ordering::Relaxed);
                let reading = self.begin(digest, number, read);
                slot.insert(Slot::Reading(number, reading.clone()));
                reading
            }
        };
        match timeout(READ_LIMIT, reading).await {
            Ok(found) => found.map_err(Into::into),
            Err(_) => Err(store::Error::Lost),
        }
    }

    fn begin<Read>(self: &Arc<Self>, digest: KeyDigest, number: u64, read: Read) -> Reading
    where
        Read: Future<Output = Result<Option<KnownKey>, store::Error>> + Send + 'static,
    {
        let here = Arc::clone(self);
        let task = tokio::spawn(async move {
            let found = read.await.map(|known| known.map(Arc::new)).map_err(ReadError::from);
            here.put(digest, number, &found);
            found
        });
        let reading = async move { task.await.unwrap_or(Err(ReadError::Broken)) };
        reading.boxed().shared()
    }

    /// Puts away what a read brought, if nothing changed since it began: then its slot is there still. The slot's lock is held all the
    /// while, and [`Self::forget`] waits for it.
    fn put(&self, digest: KeyDigest, number: u64, found: &Found) {
        let Entry::Occupied(mut slot) = self.slots.entry(digest) else { return };
        if !matches!(slot.get(), Slot::Reading(own, _) if *own == number) {
            return;
        }
        match found {
            Ok(Some(known)) => {
                slot.insert(Slot::Known(Arc::clone(known)));
            }
            Ok(None) => {
                self.unknown.insert(digest, ());
                slot.remove();
            }
            Err(_) => {
                slot.remove();
            }
        }
    }

    /// Forgets this key, known or not.
    pub(super) fn forget(&self, digest: &KeyDigest) {
        drop(self.slots.remove(digest));
        self.unknown.invalidate(digest);
        self.edition.end();
    }

    /// Forgets every key.
    pub(super) fn forget_all(&self) {
        self.slots.clear();
        self.unknown.invalidate_all();
        self.edition.end();
    }

    /// How many keys are known, and how many digests are known to be nobody's.
    pub(super) fn sizes(&self) -> (usize, u64) {
        (self.slots.len(), self.unknown.entry_count())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        sync::oneshot,
        time::{Instant, sleep},
    };

    use super::*;
    use crate::server::verify::judge::tests::known_client;

    fn digest(byte: u8) -> KeyDigest {
        KeyDigest::from_stored(&[byte; 32]).unwrap()
    }

    /// A store that answers when it is told to.
    async fn slow(answer: oneshot::Receiver<Option<&'static str>>) -> Result<Option<KnownKey>, store::Error> {
        Ok(answer.await.unwrap().map(known_client))
    }

    #[tokio::test]
    async fn a_slow_read_that_began_before_a_change_does_not_put_the_old_record_back() {
        for change in [|shelf: &Shelf| shelf.forget(&digest(1)), Shelf::forget_all] {
            for (old, new) in [(Some("old"), Some("new")), (Some("old"), None), (None, Some("new"))] {
                let shelf = Arc::new(Shelf::new());
                let (answer_old, old_answer) = oneshot::channel();
                let first = tokio::spawn({
                    let shelf = Arc::clone(&shelf);
                    async move { shelf.get_or_read(digest(1), slow(old_answer)).await }
                });
                while shelf.slots.is_empty() {
                    sleep(Duration::from_millis(1)).await;
                }
                change(&shelf);
                // Whoever asks after the change does not wait for the old read, and the old answer changes nothing for them.
                let (answer_new, new_answer) = oneshot::channel();
                let second = tokio::spawn({
                    let shelf = Arc::clone(&shelf);
                    async move { shelf.get_or_read(digest(1), slow(new_answer)).await }
                });
                sleep(Duration::from_millis(5)).await;
                answer_old.send(old).unwrap();
                assert_eq!(first.await.unwrap().unwrap().map(|key| key.name.clone()), old.map(Into::into));
                answer_new.send(new).unwrap();
                assert_eq!(second.await.unwrap().unwrap().map(|key| key.name.clone()), new.map(Into::into));
                let after = shelf.get_or_read(digest(1), async { panic!("it is known") }).await;
                assert_eq!(after.unwrap().map(|key| key.name.clone()), new.map(Into::into));
            }
        }
    }

    #[tokio::test]
    async fn what_a_thread_met_is_not_read_after_a_change_nor_of_another_map() {
        let (shelf, other) = (Arc::new(Shelf::new()), Shelf::new());
        let name = |shelf: &Shelf| shelf.with_recent(&digest(1), |key| key.name.clone());
        for (change, brings) in [(None, "a"), (Some(Shelf::forget_all as fn(&Shelf)), "b"), (Some(|shelf| shelf.forget(&digest(1))), "c")] {
            if let Some(change) = change {
                assert!(name(&shelf).is_some());
                change(&shelf);
            }
            assert_eq!(name(&shelf), None, "it is not here");
            shelf.get_or_read(digest(1), async { Ok(Some(known_client(brings))) }).await.unwrap();
            assert_eq!((name(&shelf), name(&shelf)), (Some(brings.into()), Some(brings.into())));
            assert_eq!(name(&other), None);
        }
    }

    #[tokio::test]
    async fn a_miss_reads_once_however_many_ask() {
        let (shelf, reads) = (Arc::new(Shelf::new()), Arc::new(AtomicU64::new(0)));
        for (byte, brings) in [(1, Some("a")), (2, None)] {
            let callers: Vec<_> = (0..64)
                .map(|_| {
                    let (shelf, reads) = (Arc::clone(&shelf), Arc::clone(&reads));
                    let read = async move {
                        reads.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(20)).await;
                        Ok(brings.map(known_client))
                    };
                    tokio::spawn(async move { shelf.get_or_read(digest(byte), read).await })
                })
                .collect();
            for caller in callers {
                assert_eq!(caller.await.unwrap().unwrap().is_some(), brings.is_some());
            }
            assert_eq!(reads.swap(0, Ordering::Relaxed), 1);
        }
        shelf.unknown.run_pending_tasks();
        assert_eq!(shelf.sizes(), (1, 1));
    }

    #[tokio::test]
    async fn a_read_that_fails_fails_for_all_who_wait_and_for_nobody_after_them() {
        let shelf = Arc::new(Shelf::new());
        let lost = || async {
            sleep(Duration::from_millis(20)).await;
            Err(store::Error::Lost)
        };
        let (one, other) = tokio::join!(shelf.get_or_read(digest(1), lost()), shelf.get_or_read(digest(1), lost()));
        assert!(matches!((one, other), (Err(store::Error::Lost), Err(store::Error::Lost))));
        let found = shelf.get_or_read(digest(1), async { Ok(Some(known_client("a"))) }).await.unwrap();
        assert_eq!(found.unwrap().name, "a".into());
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_a_lost_one_and_a_caller_that_goes_away_takes_nothing_with_it() {
        let shelf = Arc::new(Shelf::new());
        let begun = Instant::now();
        let hangs = shelf.get_or_read(digest(1), async { std::future::pending().await }).await;
        assert!(matches!(hangs, Err(store::Error::Lost)) && begun.elapsed() < Duration::from_secs(2));

        let (answer, answered) = oneshot::channel();
        let gone = timeout(Duration::from_millis(5), shelf.get_or_read(digest(2), slow(answered))).await;
        assert!(gone.is_err());
        answer.send(Some("a")).unwrap();
        let found = shelf.get_or_read(digest(2), async { panic!("it is being read") }).await.unwrap();
        assert_eq!(found.unwrap().name, "a".into());
    }
}
