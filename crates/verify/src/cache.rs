//! Key cache, by digest. Concurrent misses share one read. An invalidation also covers reads in progress, so that a slow read cannot put an
//! outdated record back.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, DashSet, Entry};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use moka::sync::Cache;
use tokio::time::timeout;

use super::{CachedKey, dependencies::DependencyFlags, identity_hasher::BuildIdentityHasher, thread_cache::Generation};
use latchkey_crypto::key_format::KeyDigest;
use latchkey_store::{self as store, verdict_changes::VerdictChange};

/// Largest number of cached unknown digests, about 10 MB.
const UNKNOWN_MAX: u64 = 100_000;
/// How long a caller waits for a read. Together with the interval of the change watcher it stays below the 2 s within which a lost database is
/// reported.
const READ_LIMIT: Duration = Duration::from_millis(1500);

/// Result of a read; cloned for each waiting caller.
type Found = Result<Option<Arc<CachedKey>>, ReadError>;
type PendingRead = Shared<BoxFuture<'static, Found>>;

#[derive(Debug, Clone, Copy)]
enum ReadError {
    Unavailable,
    Broken,
}

impl From<store::StoreError> for ReadError {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Unavailable => Self::Unavailable,
            other => {
                tracing::error!(error = %other, "cannot read a key");
                Self::Broken
            }
        }
    }
}

impl From<ReadError> for store::StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::Unavailable,
            // The cause is logged already.
            ReadError::Broken => Self::interrupted(),
        }
    }
}

/// A cached key, which is found by its digest. Only a pointer, because the table has room for up to twice as many.
struct CacheEntry(Arc<CachedKey>);

impl Borrow<KeyDigest> for CacheEntry {
    fn borrow(&self) -> &KeyDigest {
        &self.0.digest
    }
}

impl Hash for CacheEntry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl PartialEq for CacheEntry {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}
impl Eq for CacheEntry {}

/// A read in progress.
struct KeyRead {
    /// Reads are numbered in the order in which they begin.
    number: u64,
    pending: PendingRead,
}

pub(super) struct KeyCache {
    entries: DashSet<CacheEntry, BuildIdentityHasher>,
    /// At most one of each digest. Its lock is taken before that of an entry.
    reads: DashMap<KeyDigest, KeyRead, BuildIdentityHasher>,
    unknown: Cache<KeyDigest, ()>,
    next_read: AtomicU64,
    /// Reads with a lower number began before the last change of a dependency.
    first_current_read: AtomicU64,
    dependencies: Arc<DependencyFlags>,
    generation: Generation,
}

impl KeyCache {
    /// `dependencies`: the flags of the keys to be cached.
    pub(super) fn new(dependencies: Arc<DependencyFlags>) -> Self {
        Self {
            entries: DashSet::default(),
            reads: DashMap::default(),
            unknown: Cache::new(UNKNOWN_MAX),
            next_read: AtomicU64::new(0),
            first_current_read: AtomicU64::new(0),
            dependencies,
            generation: Generation::new(),
        }
    }

    pub(super) fn get(&self, digest: &KeyDigest) -> Option<Arc<CachedKey>> {
        let entry = self.entries.get(digest)?;
        (!entry.0.is_outdated()).then(|| Arc::clone(&entry.0))
    }

    /// Applies `read` to the key with this digest if it is cached, using the per-thread cache.
    pub(super) fn with_recent<T>(&self, digest: &KeyDigest, read: impl FnOnce(&CachedKey) -> T) -> Option<T> {
        self.generation.with(digest, || self.get(digest), read)
    }

    /// Waits for `read`, or for a read of the same digest by another caller. The read continues if its callers are cancelled.
    ///
    /// # Errors
    /// [`store::StoreError::Unavailable`], also if the read takes longer than [`READ_LIMIT`].
    pub(super) async fn get_or_read<Read>(self: &Arc<Self>, digest: KeyDigest, read: Read) -> Result<Option<Arc<CachedKey>>, store::StoreError>
    where
        Read: Future<Output = Result<Option<CachedKey>, store::StoreError>> + Send + 'static,
    {
        if self.unknown.contains_key(&digest) {
            return Ok(None);
        }
        let read_slot = self.reads.entry(digest);
        // Under the lock of the read: one that ends in the meantime has cached the key.
        if let Some(key) = self.get(&digest) {
            return Ok(Some(key));
        }
        let reading = match &read_slot {
            Entry::Occupied(read) if self.is_current(read.get().number) => Some(read.get().pending.clone()),
            Entry::Occupied(_) | Entry::Vacant(_) => None,
        };
        let reading = reading.unwrap_or_else(|| {
            let number = self.next_read.fetch_add(1, Ordering::AcqRel);
            let pending = self.begin(digest, number, read);
            read_slot.insert(KeyRead { number, pending: pending.clone() });
            pending
        });
        match timeout(READ_LIMIT, reading).await {
            Ok(found) => found.map_err(Into::into),
            Err(_) => Err(store::StoreError::Unavailable),
        }
    }

    fn begin<Read>(self: &Arc<Self>, digest: KeyDigest, number: u64, read: Read) -> PendingRead
    where
        Read: Future<Output = Result<Option<CachedKey>, store::StoreError>> + Send + 'static,
    {
        let cache = Arc::clone(self);
        let task = tokio::spawn(async move {
            let found = read.await.map(|key| key.map(Arc::new)).map_err(ReadError::from);
            cache.put(digest, number, &found);
            found
        });
        let reading = async move { task.await.unwrap_or(Err(ReadError::Broken)) };
        reading.boxed().shared()
    }

    /// Caches the result of a read if the read is still registered and no dependency has changed, that is, if nothing was invalidated since it
    /// began. The read is locked during this, and [`Self::invalidate`] waits for the lock.
    fn put(&self, digest: KeyDigest, number: u64, found: &Found) {
        let Entry::Occupied(read) = self.reads.entry(digest) else { return };
        if read.get().number != number {
            return;
        }
        if let Ok(key) = found
            && self.is_current(number)
        {
            // An insertion would keep an entry with the same digest.
            drop(self.entries.remove(&digest));
            match key {
                Some(key) => {
                    self.entries.insert(CacheEntry(Arc::clone(key)));
                }
                None => self.unknown.insert(digest, ()),
            }
        }
        read.remove();
    }

    pub(super) fn invalidate(&self, digest: &KeyDigest) {
        // The read first: while it is registered, it can cache what it has found.
        drop(self.reads.remove(digest));
        drop(self.entries.remove(digest));
        self.unknown.invalidate(digest);
        self.generation.advance();
    }

    /// Marks the keys outdated that depend on the changed object.
    pub(super) fn invalidate_dependents(&self, change: &VerdictChange) {
        // Before the flag is set: a read that began earlier may still get the next flag, and must not be cached with it.
        self.first_current_read.fetch_max(self.next_read.load(Ordering::Acquire), Ordering::AcqRel);
        self.dependencies.set_changed(change);
    }

    /// Whether no dependency has changed since the read with this number began.
    fn is_current(&self, number: u64) -> bool {
        number >= self.first_current_read.load(Ordering::Acquire)
    }

    /// Removes outdated keys, which are otherwise replaced only when they are requested.
    pub(super) fn remove_outdated(&self) {
        self.entries.retain(|entry| !entry.0.is_outdated());
        self.dependencies.drop_unused();
    }

    pub(super) fn invalidate_all(&self) {
        self.reads.clear();
        self.entries.clear();
        self.unknown.invalidate_all();
        self.generation.advance();
    }

    /// Number of cached keys, and of cached unknown digests.
    pub(super) fn sizes(&self) -> (usize, u64) {
        (self.entries.len(), self.unknown.entry_count())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        sync::{oneshot, watch},
        task::yield_now,
        time::Instant,
    };

    use super::*;
    use crate::{
        KeyCreator,
        evaluate::tests::{client_key, creator},
    };
    use latchkey_types::id::UserId;

    fn digest(byte: u8) -> KeyDigest {
        KeyDigest::from_stored(&[byte; 32]).unwrap()
    }

    fn key(byte: u8, name: &str) -> CachedKey {
        CachedKey { digest: digest(byte), ..client_key(name) }
    }

    /// A key that depends on its creator.
    fn key_of(flags: &DependencyFlags, byte: u8, name: &str, user: UserId) -> CachedKey {
        let dependencies = flags.of([VerdictChange::Creator(user)]);
        CachedKey { creator: Arc::new(KeyCreator { user, dependencies, ..creator(&[]) }), ..key(byte, name) }
    }

    /// A read of `digest(byte)` that completes when `record` is sent.
    async fn slow(byte: u8, record: oneshot::Receiver<Option<&'static str>>) -> Result<Option<CachedKey>, store::StoreError> {
        Ok(record.await.unwrap().map(|name| key(byte, name)))
    }

    /// See the sizes in `docs/architecture.md`.
    #[test]
    fn an_entry_is_one_pointer() {
        assert_eq!(size_of::<CacheEntry>(), size_of::<usize>());
    }

    #[tokio::test]
    async fn a_slow_read_does_not_restore_an_outdated_record() {
        for change in [|cache: &KeyCache| cache.invalidate(&digest(1)), KeyCache::invalidate_all] {
            for (old, new) in [(Some("old"), Some("new")), (Some("old"), None), (None, Some("new"))] {
                let cache = Arc::new(KeyCache::new(Arc::default()));
                let (send_old, old_record) = oneshot::channel();
                let first = tokio::spawn({
                    let cache = Arc::clone(&cache);
                    async move { cache.get_or_read(digest(1), slow(1, old_record)).await }
                });
                while cache.reads.is_empty() {
                    yield_now().await;
                }
                change(&cache);
                assert!(cache.reads.is_empty() && cache.entries.is_empty());
                // A caller after the change does not wait for the old read, and its result does not affect them.
                let (send_new, new_record) = oneshot::channel();
                let second = tokio::spawn({
                    let cache = Arc::clone(&cache);
                    async move { cache.get_or_read(digest(1), slow(1, new_record)).await }
                });
                while cache.reads.is_empty() {
                    yield_now().await;
                }
                send_old.send(old).unwrap();
                assert_eq!(first.await.unwrap().unwrap().map(|key| key.name.clone()), old.map(Into::into));
                send_new.send(new).unwrap();
                assert_eq!(second.await.unwrap().unwrap().map(|key| key.name.clone()), new.map(Into::into));
                let after = cache.get_or_read(digest(1), async { panic!("it is cached") }).await;
                assert_eq!(after.unwrap().map(|key| key.name.clone()), new.map(Into::into));
            }
        }
    }

    #[tokio::test]
    async fn a_changed_dependency_outdates_cached_keys_and_reads_in_progress() {
        let (ada, other) = (UserId::new(), UserId::new());
        let flags = Arc::<DependencyFlags>::default();
        let cache = Arc::new(KeyCache::new(Arc::clone(&flags)));
        for (byte, of) in [(1, ada), (2, other)] {
            cache.get_or_read(digest(byte), std::future::ready(Ok(Some(key_of(&flags, byte, "old", of))))).await.unwrap();
        }
        let (send_old, old_record) = oneshot::channel();
        let reading = tokio::spawn({
            let (cache, flags) = (Arc::clone(&cache), Arc::clone(&flags));
            let read = async move {
                let name = old_record.await.unwrap();
                // As late as possible: the read gets the flag that the change has left.
                Ok(Some(key_of(&flags, 3, name, ada)))
            };
            async move { cache.get_or_read(digest(3), read).await }
        });
        while cache.reads.is_empty() {
            yield_now().await;
        }
        cache.invalidate_dependents(&VerdictChange::Creator(ada));
        assert!(cache.get(&digest(1)).is_none() && cache.with_recent(&digest(1), |_| ()).is_none(), "it is outdated");
        assert!(cache.get(&digest(2)).is_some(), "it has another creator");
        // The read in progress is neither joined nor cached.
        let joined = cache.get_or_read(digest(3), std::future::ready(Ok(Some(key_of(&flags, 3, "new", ada))))).await.unwrap();
        send_old.send("old").unwrap();
        assert_eq!(reading.await.unwrap().unwrap().unwrap().name, "old".into());
        assert_eq!(joined.unwrap().name, "new".into());
        assert_eq!(cache.get(&digest(3)).unwrap().name, "new".into());
        cache.remove_outdated();
        assert_eq!(cache.entries.len(), 2);
        assert!(cache.get_or_read(digest(1), std::future::ready(Ok(Some(key_of(&flags, 1, "new", ada))))).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn the_thread_cache_ends_with_a_change_and_is_per_map() {
        let (cache, other) = (Arc::new(KeyCache::new(Arc::default())), KeyCache::new(Arc::default()));
        let name = |cache: &KeyCache| cache.with_recent(&digest(1), |key| key.name.clone());
        for (change, new_name) in
            [(None, "a"), (Some(KeyCache::invalidate_all as fn(&KeyCache)), "b"), (Some(|cache| cache.invalidate(&digest(1))), "c")]
        {
            if let Some(change) = change {
                assert!(name(&cache).is_some());
                change(&cache);
            }
            assert_eq!(name(&cache), None, "it is not cached");
            cache.get_or_read(digest(1), async { Ok(Some(key(1, new_name))) }).await.unwrap();
            assert_eq!((name(&cache), name(&cache)), (Some(new_name.into()), Some(new_name.into())));
            assert_eq!(name(&other), None);
        }
    }

    #[tokio::test]
    async fn concurrent_misses_share_one_read() {
        let (cache, reads) = (Arc::new(KeyCache::new(Arc::default())), Arc::new(AtomicU64::new(0)));
        for (byte, record) in [(1, Some("a")), (2, None)] {
            let (waiting, complete) = (Arc::new(AtomicU64::new(0)), watch::Sender::new(false));
            let callers: Vec<_> = (0..64)
                .map(|_| {
                    let (cache, reads, waiting, mut completed) = (Arc::clone(&cache), Arc::clone(&reads), Arc::clone(&waiting), complete.subscribe());
                    let read = async move {
                        reads.fetch_add(1, Ordering::Relaxed);
                        completed.wait_for(|completed| *completed).await.unwrap();
                        Ok(record.map(|name| key(byte, name)))
                    };
                    tokio::spawn(async move {
                        waiting.fetch_add(1, Ordering::Relaxed);
                        cache.get_or_read(digest(byte), read).await
                    })
                })
                .collect();
            // The runtime has one thread, so a caller that has started also waits for the read.
            while waiting.load(Ordering::Relaxed) < 64 {
                yield_now().await;
            }
            complete.send_replace(true);
            for caller in callers {
                assert_eq!(caller.await.unwrap().unwrap().is_some(), record.is_some());
            }
            assert_eq!(reads.swap(0, Ordering::Relaxed), 1);
        }
        cache.unknown.run_pending_tasks();
        assert_eq!(cache.sizes(), (1, 1));
    }

    #[tokio::test]
    async fn a_failed_read_fails_for_waiting_callers_only() {
        let cache = Arc::new(KeyCache::new(Arc::default()));
        // The runtime has one thread, so the read runs when both callers wait for it.
        let lost = || async { Err(store::StoreError::Unavailable) };
        let (one, other) = tokio::join!(cache.get_or_read(digest(1), lost()), cache.get_or_read(digest(1), lost()));
        assert!(matches!((one, other), (Err(store::StoreError::Unavailable), Err(store::StoreError::Unavailable))));
        let found = cache.get_or_read(digest(1), async { Ok(Some(key(1, "a"))) }).await.unwrap();
        assert_eq!(found.unwrap().name, "a".into());
    }

    #[tokio::test]
    async fn a_hanging_store_is_lost_and_a_read_outlives_its_caller() {
        let cache = Arc::new(KeyCache::new(Arc::default()));
        // Real time: the limit of a read.
        let begun = Instant::now();
        let hangs = cache.get_or_read(digest(1), async { std::future::pending().await }).await;
        assert!(matches!(hangs, Err(store::StoreError::Unavailable)) && begun.elapsed() < Duration::from_secs(2));

        let (send, record) = oneshot::channel();
        let gone = timeout(Duration::from_millis(5), cache.get_or_read(digest(2), slow(2, record))).await;
        assert!(gone.is_err());
        send.send(Some("a")).unwrap();
        let found = cache.get_or_read(digest(2), async { panic!("it is being read") }).await.unwrap();
        assert_eq!(found.unwrap().name, "a".into());
    }
}
