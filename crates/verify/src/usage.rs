//! Usage counters: requests per key and minute, with their cost at the price valid at that time. Collected per core, written once a second.

use std::{
    cell::Cell,
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread,
};

use super::{CachedKey, identity_hasher::BuildIdentityHasher, limiter::ticks};
use latchkey_store::{
    Store,
    usage::{self, MinuteUsage, UsageTotals},
};
use latchkey_types::{
    error::Error,
    id::{KeyId, OrganizationId},
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

/// Retention of per-minute counts, in minutes: covers every period of a month.
const RETENTION_MINUTES: i64 = 40 * (DAY_MS / MINUTE_MS);
/// Keys per write. If more are used in a second, the rest waits for the next write; verification is not delayed.
const BATCH_SIZE: usize = 5000;

/// Usage that is not written yet.
pub(super) struct UsageCounters {
    /// One per core: a thread that records a use contends with the writer only.
    shards: Box<[Mutex<Shard>]>,
    /// Collected from the shards.
    pending: Mutex<Pending>,
    written_at: AtomicI64,
}

type Shard = HashMap<KeyId, UsageEntry, BuildIdentityHasher>;

#[derive(Default)]
struct Pending {
    entries: Shard,
    /// Keys to write next, in descending order. Sorted, so that a batch touches adjacent database pages: 5,000 random keys out of a million
    /// would touch as many pages.
    queue: Vec<KeyId>,
    /// Empty, with spare capacity; swapped into the next collected shard so that it need not grow again.
    spare: Shard,
}

/// Unwritten usage of a key. Kept small: there may be a million of them.
struct UsageEntry {
    organization: OrganizationId,
    last: Timestamp,
    /// Minute since 1970 that `totals` counts.
    minute: i64,
    totals: UsageTotals,
    overflow: Option<Box<Overflow>>,
}

/// Data that few entries have.
#[derive(Default)]
struct Overflow {
    /// Counts of earlier minutes.
    earlier: Vec<(i64, UsageTotals)>,
    /// Counts of replaced secrets of the key: digest, count, last use.
    retired: Vec<(Vec<u8>, i64, Timestamp)>,
}

impl UsageEntry {
    fn overflow(&mut self) -> &mut Overflow {
        self.overflow.get_or_insert_default()
    }

    fn add(&mut self, minute: i64, totals: UsageTotals) {
        if self.minute == minute {
            self.totals.add(totals);
            return;
        }
        if let Some((_, sum)) = self.overflow.iter_mut().flat_map(|overflow| &mut overflow.earlier).find(|(earlier, _)| *earlier == minute) {
            sum.add(totals);
            return;
        }
        let before = (mem::replace(&mut self.minute, minute), mem::replace(&mut self.totals, totals));
        self.overflow().earlier.push(before);
    }

    fn minutes(&self) -> impl Iterator<Item = (i64, UsageTotals)> {
        self.overflow.iter().flat_map(|overflow| &overflow.earlier).copied().chain([(self.minute, self.totals)])
    }

    fn record_retired(&mut self, digest: &[u8], uses: i64, at: Timestamp) {
        let retired = &mut self.overflow().retired;
        match retired.iter_mut().find(|(other, ..)| other == digest) {
            Some((_, count, last)) => (*count, *last) = (*count + uses, at.max(*last)),
            None => retired.push((digest.to_vec(), uses, at)),
        }
    }

    fn merge(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        for (minute, totals) in other.minutes() {
            self.add(minute, totals);
        }
        for (digest, uses, last) in other.overflow.into_iter().flat_map(|overflow| overflow.retired) {
            self.record_retired(&digest, uses, last);
        }
    }
}

impl Pending {
    fn add(&mut self, key: KeyId, usage: UsageEntry) {
        match self.entries.entry(key) {
            Entry::Occupied(mut existing) => existing.get_mut().merge(usage),
            Entry::Vacant(vacant) => {
                vacant.insert(usage);
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<(KeyId, UsageEntry)> {
        if self.queue.is_empty() {
            // Release the memory of a past peak.
            self.queue.shrink_to(self.entries.len());
            self.entries.shrink_to(BATCH_SIZE);
            self.queue.extend(self.entries.keys());
            self.queue.sort_unstable_by(|one, other| other.cmp(one));
        }
        let keys = self.queue.drain(self.queue.len().saturating_sub(count)..).rev();
        keys.filter_map(|key| self.entries.remove_entry(&key)).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Index of the current thread, assigned from 0 on first use.
pub fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        OWN.set(Some(number));
        number
    })
}

impl UsageCounters {
    pub(super) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { shards: (0..cores).map(|_| Mutex::default()).collect(), pending: Mutex::default(), written_at: AtomicI64::new(ticks()) }
    }

    pub(super) fn record(&self, key: &CachedKey, at: Timestamp) {
        let totals = UsageTotals { requests: 1, cost: key.price() };
        let minute = at.0.div_euclid(MINUTE_MS);
        let mut shard = lock(&self.shards[thread_number() % self.shards.len()]);
        let entry = match shard.entry(key.id) {
            Entry::Occupied(existing) => {
                let entry = existing.into_mut();
                entry.add(minute, totals);
                entry.last = entry.last.max(at);
                entry
            }
            Entry::Vacant(vacant) => vacant.insert(UsageEntry { organization: key.organization, last: at, minute, totals, overflow: None }),
        };
        if key.secret_expires_at.is_some() {
            entry.record_retired(key.digest.as_bytes(), 1, at);
        }
    }

    /// Moves the entries of all shards to `pending`.
    fn collect(&self) -> MutexGuard<'_, Pending> {
        let mut pending = lock(&self.pending);
        let mut collected = mem::take(&mut pending.spare);
        for shard in &self.shards {
            mem::swap(&mut *lock(shard), &mut collected);
            for (key, usage) in collected.drain() {
                pending.add(key, usage);
            }
        }
        pending.spare = collected;
        pending
    }

    /// Writes at most [`BATCH_SIZE`] keys. Returns `false` if more are pending. After a failed write it returns `true`; the entries are kept
    /// for the next flush.
    pub(super) async fn flush(&self, store: &Store) -> bool {
        let batch = self.collect().take(BATCH_SIZE);
        if batch.is_empty() {
            self.written_at.store(ticks(), Ordering::Relaxed);
            return true;
        }
        let written = write(store, &batch).await;
        let mut pending = lock(&self.pending);
        match written {
            Ok(()) => self.written_at.store(ticks(), Ordering::Relaxed),
            Err(_) => {
                for (key, usage) in batch {
                    pending.add(key, usage);
                }
            }
        }
        pending.entries.is_empty() || written.is_err()
    }

    /// Writes everything, unless a write fails.
    pub(super) async fn flush_all(&self, store: &Store) {
        while !self.flush(store).await {}
    }

    /// Milliseconds since the last successful write or empty flush, and the number of pending keys.
    pub(super) fn age(&self) -> (i64, usize) {
        (ticks() - self.written_at.load(Ordering::Relaxed), lock(&self.pending).entries.len())
    }

    /// Deletes counts older than [`RETENTION_MINUTES`].
    pub(super) async fn delete_old_minutes(store: &Store) {
        let before = Timestamp::now().0.div_euclid(MINUTE_MS) - RETENTION_MINUTES;
        if let Err(error) = delete_minutes_before(store, before).await {
            tracing::warn!(%error, "cannot delete old usage counts");
        }
    }
}

/// Writes a batch in one transaction.
async fn write(store: &Store, batch: &[(KeyId, UsageEntry)]) -> Result<(), Error> {
    let last: Vec<_> = batch.iter().map(|(key, usage)| (*key, usage.last)).collect();
    let count = |key, organization| move |(minute, totals)| MinuteUsage { key, organization, minute, totals };
    let counts: Vec<_> = batch.iter().flat_map(|(key, usage)| usage.minutes().map(count(*key, usage.organization))).collect();
    let retired: Vec<_> =
        batch.iter().filter_map(|(_, usage)| usage.overflow.as_ref()).flat_map(|overflow| overflow.retired.iter().cloned()).collect();
    let mut tx = store.begin().await?;
    usage::set_last_used(store, &mut tx, &last).await?;
    usage::add(store, &mut tx, &counts).await?;
    for (digest, uses, at) in retired {
        usage::add_to_retired(&mut tx, &digest, uses, at).await?;
    }
    tx.commit().await
}

async fn delete_minutes_before(store: &Store, minute: i64) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    usage::delete_minutes_before(&mut tx, minute).await?;
    tx.commit().await
}
