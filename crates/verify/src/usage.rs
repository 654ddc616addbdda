//! Usage counters: requests per key and minute, with their cost at the price valid at that time. Collected per core, written once a second.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet, hash_map::Entry},
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread,
};

use super::{CachedKey, identity_hasher::BuildIdentityHasher, limiter::ticks};
use latchkey_crypto::random;
use latchkey_store::{
    Store, WriteLock, WriteTask,
    keys::locks::{lock_unchanging, lock_unlocked},
    usage::{self, MinuteUsage, UsageTotals},
};
use latchkey_types::{
    error::Error,
    id::{KeyId, OrganizationId},
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

/// Retention of per-minute counts, in minutes: covers every period of a month.
const RETENTION_MINUTES: i64 = 40 * (DAY_MS / MINUTE_MS);
/// For how long the last batch of an instance that has ended is remembered, in milliseconds.
const BATCH_RETENTION_MS: i64 = 7 * DAY_MS;
/// Instances write usage one after the other: two batches with the same keys and minutes would wait for each other.
const USAGE_LOCK: WriteLock = WriteLock::Task(WriteTask::Usage);
/// Keys per write. If more are used in a second, the rest waits for the next write; verification is not delayed.
const BATCH_SIZE: usize = 5000;
/// The memory of the pending entries is released when it has room for this many times their number.
const SPARE_MAX: usize = 4;

/// Usage that is not written yet.
pub(super) struct UsageCounters {
    /// One per core: a thread that records a use contends with the writer only.
    shards: Box<[Mutex<Shard>]>,
    /// Collected from the shards.
    pending: Mutex<Pending>,
    /// Identifies this instance's batches in the store.
    writer: String,
    /// Held during a write: batches are written in the order of their numbers.
    writing: tokio::sync::Mutex<()>,
    written_at: AtomicI64,
}

type Shard = HashMap<KeyId, UsageEntry, BuildIdentityHasher>;

#[derive(Default)]
struct Pending {
    entries: Shard,
    /// Number of keys in the batch that is being written; those are not in `entries`.
    in_flight: usize,
    /// Keys to write next, in descending order. Sorted, so that a batch touches adjacent database pages: 5,000 random keys out of a million
    /// would touch as many pages.
    queue: Vec<KeyId>,
    /// Empty, with spare capacity; swapped into the next collected shard so that it need not grow again.
    spare: Shard,
    /// A batch that may have been committed. Written again unchanged, so that the store can recognize it.
    in_doubt: Option<Batch>,
    /// Number of the last batch.
    last_batch: i64,
}

/// Usage that is written in one transaction.
struct Batch {
    /// Counted up by the writer.
    number: i64,
    entries: Vec<(KeyId, UsageEntry)>,
    /// Those that are left for a later batch, because other transactions are changing their keys.
    deferred: Vec<(KeyId, UsageEntry)>,
    /// Whether an earlier attempt to write it may have been committed.
    is_in_doubt: bool,
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

impl Batch {
    fn new(number: i64, entries: Vec<(KeyId, UsageEntry)>) -> Self {
        Self { number, entries, deferred: Vec::new(), is_in_doubt: false }
    }

    fn defer(&mut self, keys: &HashSet<KeyId>) {
        if !keys.is_empty() {
            self.deferred.extend(self.entries.extract_if(.., |(key, _)| keys.contains(key)));
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
        let taken = keys.filter_map(|key| self.entries.remove_entry(&key)).collect();
        // While a backlog is written, too, which can take minutes.
        let left = self.entries.len().max(BATCH_SIZE);
        if self.entries.capacity() / SPARE_MAX > left {
            self.entries.shrink_to(left);
        }
        taken
    }

    /// The batch in doubt, or else a new one; `None` if nothing is pending.
    fn next_batch(&mut self) -> Option<Batch> {
        if let Some(batch) = self.in_doubt.take() {
            return Some(batch);
        }
        let entries = self.take(BATCH_SIZE);
        if entries.is_empty() {
            return None;
        }
        self.last_batch += 1;
        Some(Batch::new(self.last_batch, entries))
    }

    /// Keeps a batch whose write failed, for the next one.
    fn keep(&mut self, mut batch: Batch, error: &Error) {
        // Not again as part of this batch, which may have been committed without them.
        for (key, usage) in batch.deferred.drain(..) {
            self.add(key, usage);
        }
        batch.is_in_doubt |= *error == Error::Uncertain;
        if batch.is_in_doubt {
            self.in_doubt = Some(batch);
            return;
        }
        for (key, usage) in batch.entries {
            self.add(key, usage);
        }
    }

    /// Keeps what is deferred of a batch that was written otherwise, and the last uses of these keys, for the next one.
    fn keep_last_uses(&mut self, batch: Batch, keys: &HashSet<KeyId>) {
        for (key, usage) in batch.deferred {
            self.add(key, usage);
        }
        for (key, usage) in batch.entries.into_iter().filter(|(key, _)| keys.contains(key)) {
            self.add(key, UsageEntry { totals: UsageTotals::default(), overflow: None, ..usage });
        }
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
        Self {
            shards: (0..cores).map(|_| Mutex::default()).collect(),
            pending: Mutex::default(),
            writer: format!("{:032x}", u128::from_be_bytes(random::bytes())),
            writing: tokio::sync::Mutex::default(),
            written_at: AtomicI64::new(ticks()),
        }
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
            Entry::Vacant(vacant) => vacant.insert(UsageEntry { organization: key.creator.organization, last: at, minute, totals, overflow: None }),
        };
        if key.secret_expires_at().is_some() {
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

    /// Writes at most [`BATCH_SIZE`] keys. Returns `false` if more are pending that can be written at once. After a failed write it returns `true`; the entries are kept
    /// for the next flush.
    pub(super) async fn flush(&self, store: &Store) -> bool {
        self.flush_batch(store, false).await
    }

    /// Flushes; if it `waits`, also the usage of keys that other transactions are changing.
    async fn flush_batch(&self, store: &Store, waits: bool) -> bool {
        let _writing = self.writing.lock().await;
        let next = {
            let mut pending = self.collect();
            let next = pending.next_batch();
            pending.in_flight = next.as_ref().map_or(0, |batch| batch.entries.len());
            next
        };
        let Some(mut batch) = next else {
            self.written_at.store(ticks(), Ordering::Relaxed);
            return true;
        };
        let written = write(store, &self.writer, &mut batch, waits).await;
        let mut pending = lock(&self.pending);
        pending.in_flight = 0;
        match written {
            Ok(locked) => {
                self.written_at.store(ticks(), Ordering::Relaxed);
                pending.keep_last_uses(batch, &locked);
                pending.entries.len() <= locked.len()
            }
            Err(error) => {
                pending.keep(batch, &error);
                true
            }
        }
    }

    /// Writes everything, unless a write fails.
    pub(super) async fn flush_all(&self, store: &Store) {
        while !self.flush(store).await {}
        // Only what was deferred is left.
        self.flush_batch(store, true).await;
    }

    /// Milliseconds since the last successful write or empty flush, and the number of keys that are pending or being written.
    pub(super) fn age(&self) -> (i64, usize) {
        let pending = lock(&self.pending);
        let in_doubt = pending.in_doubt.as_ref().map_or(0, |batch| batch.entries.len());
        (ticks() - self.written_at.load(Ordering::Relaxed), pending.entries.len() + in_doubt + pending.in_flight)
    }

    /// Deletes counts older than [`RETENTION_MINUTES`], and the records of batches older than [`BATCH_RETENTION_MS`].
    pub(super) async fn delete_old(store: &Store) {
        if let Err(error) = delete_before(store, Timestamp::now()).await {
            tracing::warn!(%error, "cannot delete old usage counts");
        }
    }
}

/// Writes a batch in one transaction, unless an earlier attempt was committed. Returns the keys of which something could not be written, because other
/// transactions are changing or using them: what it has deferred, which is nothing if it `waits`, and last uses.
async fn write(store: &Store, writer: &str, batch: &mut Batch, waits: bool) -> Result<HashSet<KeyId>, Error> {
    let mut tx = store.begin_locked(USAGE_LOCK).await?;
    let is_new = usage::record_batch(&mut tx, writer, batch.number, Timestamp::now()).await?;
    // This transaction began after an earlier attempt had ended, so the answer is certain.
    batch.is_in_doubt = false;
    if !is_new {
        return Ok(HashSet::new());
    }
    let keys = |batch: &Batch| batch.entries.iter().map(|(key, _)| *key).collect::<Vec<KeyId>>();
    // Otherwise counts, which refer to their keys, and the uses of retired secrets would wait for them, and with this batch the usage of all others.
    let mut left = lock_unchanging(&mut tx, &keys(batch), waits).await?;
    batch.defer(&left);
    usage::add(store, &mut tx, &counts(batch)).await?;
    for (digest, uses, at) in batch.entries.iter().filter_map(|(_, usage)| usage.overflow.as_ref()).flat_map(|overflow| &overflow.retired) {
        usage::add_to_retired(&mut tx, digest, *uses, *at).await?;
    }
    let keys = keys(batch);
    let unlocked: HashSet<KeyId> = lock_unlocked(&mut tx, &keys).await?.into_iter().collect();
    let last: Vec<_> = batch.entries.iter().filter(|(key, _)| unlocked.contains(key)).map(|(key, usage)| (*key, usage.last)).collect();
    usage::set_last_used(store, &mut tx, &last).await?;
    tx.commit().await?;
    left.extend(keys.into_iter().filter(|key| !unlocked.contains(key)));
    Ok(left)
}

fn counts(batch: &Batch) -> Vec<MinuteUsage> {
    let count = |key, organization| move |(minute, totals)| MinuteUsage { key, organization, minute, totals };
    let counts = batch.entries.iter().flat_map(|(key, usage)| usage.minutes().map(count(*key, usage.organization)));
    // There is none for a key of which only the last use is left to write.
    counts.filter(|count| count.totals.requests > 0).collect()
}

async fn delete_before(store: &Store, now: Timestamp) -> Result<(), Error> {
    let mut tx = store.begin_locked(USAGE_LOCK).await?;
    usage::delete_minutes_before(&mut tx, now.0.div_euclid(MINUTE_MS) - RETENTION_MINUTES).await?;
    usage::delete_batches_before(&mut tx, now.plus_ms(-BATCH_RETENTION_MS)).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evaluate::tests::client_key, tests::open_store};
    use latchkey_types::money::Money;

    fn requests(requests: i64) -> UsageEntry {
        let totals = UsageTotals { requests, cost: Money(0) };
        UsageEntry { organization: OrganizationId::new(), last: Timestamp(1), minute: 0, totals, overflow: None }
    }

    fn totals(entry: &UsageEntry) -> Vec<(i64, i64, i64)> {
        entry.minutes().map(|(minute, totals)| (minute, totals.requests, totals.cost.0)).collect()
    }

    /// See the sizes in `docs/architecture.md`.
    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<UsageEntry>() <= 56, "{}", size_of::<UsageEntry>());
    }

    #[test]
    fn memory_is_released_while_a_backlog_is_written() {
        let mut pending = Pending::default();
        (0..10 * BATCH_SIZE).for_each(|_| pending.add(KeyId::new(), requests(1)));
        let peak = pending.entries.capacity();
        for left in (0..10).rev() {
            assert_eq!(pending.next_batch().unwrap().entries.len(), BATCH_SIZE);
            assert_eq!(pending.entries.len(), left * BATCH_SIZE);
        }
        assert!(pending.entries.capacity() < peak / 2, "{} of {peak}", pending.entries.capacity());
    }

    #[test]
    fn requests_are_counted_per_minute() {
        let one = UsageTotals { requests: 1, cost: Money(5) };
        let mut entry = requests(1);
        for minute in [0, 2, 0, 1, 2, 1] {
            entry.add(minute, one);
        }
        let mut sorted = totals(&entry);
        sorted.sort_unstable();
        assert_eq!(sorted, [(0, 3, 10), (1, 2, 10), (2, 2, 10)]);
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_later_use() {
        let (mut entry, mut other) = (requests(1), requests(2));
        entry.record_retired(&[1], 1, Timestamp(7));
        other.record_retired(&[1], 2, Timestamp(5));
        other.record_retired(&[2], 4, Timestamp(9));
        other.last = Timestamp(9);
        other.add(3, UsageTotals { requests: 8, cost: Money(0) });
        entry.merge(other);
        let mut sorted = totals(&entry);
        sorted.sort_unstable();
        assert_eq!((entry.last, sorted), (Timestamp(9), vec![(0, 3, 0), (3, 8, 0)]));
        let retired = entry.overflow.unwrap().retired;
        assert_eq!(retired, [(vec![1], 3, Timestamp(7)), (vec![2], 4, Timestamp(9))]);
    }

    #[test]
    fn every_thread_records_in_a_shard() {
        let mut usage = UsageCounters::new();
        usage.shards = [Mutex::default()].into();
        let key = client_key("a");
        // Threads have different numbers, so that one of them is not 0.
        let numbers: Vec<usize> = thread::scope(|scope| {
            let record = || {
                usage.record(&key, Timestamp(MINUTE_MS));
                thread_number()
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(record)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[0] != numbers[2], "{numbers:?}");
        assert_eq!(thread_number(), thread_number());
        let pending = usage.collect();
        let entry = &pending.entries[&key.id];
        assert_eq!((totals(entry), entry.last, entry.overflow.is_none()), (vec![(1, 3, 0)], Timestamp(MINUTE_MS), true));
    }

    #[test]
    fn the_age_counts_unwritten_keys_and_the_time_since_the_last_write() {
        let usage = UsageCounters::new();
        assert!(usage.age().0 < 60_000 && usage.age().1 == 0);
        usage.written_at.fetch_sub(60_000, Ordering::Relaxed);
        assert!((60_000..120_000).contains(&usage.age().0));
        let mut pending = lock(&usage.pending);
        pending.add(KeyId::new(), requests(1));
        let batch = pending.next_batch().unwrap();
        pending.keep(batch, &Error::Uncertain);
        (0..2).for_each(|_| pending.add(KeyId::new(), requests(1)));
        pending.in_flight = 4;
        drop(pending);
        assert_eq!(usage.age().1, 1 + 2 + 4);
    }

    #[test]
    fn a_batch_stays_in_doubt_until_it_is_certain() {
        let mut pending = Pending::default();
        pending.add(KeyId::new(), requests(1));
        for _ in 0..3 {
            let batch = pending.next_batch().unwrap();
            assert_eq!(batch.number, 1);
            pending.keep(batch, &Error::Uncertain);
        }
    }

    #[test]
    fn a_batch_in_doubt_is_written_again_unchanged() {
        let (key, mut pending) = (KeyId::new(), Pending::default());
        pending.add(key, requests(1));
        let batch = pending.next_batch().unwrap();
        pending.keep(batch, &Error::Uncertain);
        pending.add(key, requests(2));
        // Whether it was committed is unknown while the database cannot be reached.
        let batch = pending.next_batch().unwrap();
        pending.keep(batch, &Error::Unavailable);
        let batch = pending.next_batch().unwrap();
        assert_eq!((batch.number, batch.entries.len(), batch.entries[0].1.totals.requests), (1, 1, 1));
        let batch = pending.next_batch().unwrap();
        assert_eq!((batch.number, batch.entries[0].1.totals.requests), (2, 2));
        pending.add(key, requests(4));
        pending.keep(batch, &Error::Unavailable);
        let batch = pending.next_batch().unwrap();
        assert_eq!((batch.number, batch.entries[0].1.totals.requests), (3, 6), "a batch that was not written joins the next one");
        assert!(pending.next_batch().is_none());
    }

    #[test]
    fn the_last_use_of_a_locked_key_is_written_later() {
        let (locked, other, mut pending) = (KeyId::new(), KeyId::new(), Pending::default());
        for key in [locked, other] {
            pending.add(key, requests(3));
        }
        let batch = pending.next_batch().unwrap();
        assert!(batch.entries.is_sorted_by_key(|(key, _)| *key), "in the order in which changes of keys lock them");
        pending.keep_last_uses(batch, &HashSet::from([locked]));
        let batch = pending.next_batch().unwrap();
        let [(key, usage)] = &batch.entries[..] else { panic!("{} entries", batch.entries.len()) };
        assert_eq!((*key, usage.last, totals(usage)), (locked, Timestamp(1), vec![(0, 0, 0)]));
    }

    #[test]
    fn what_is_deferred_is_not_in_doubt() {
        let (changing, other, mut pending) = (KeyId::new(), KeyId::new(), Pending::default());
        for key in [changing, other] {
            pending.add(key, requests(3));
        }
        let mut batch = pending.next_batch().unwrap();
        batch.defer(&HashSet::from([changing]));
        pending.keep(batch, &Error::Uncertain);
        for key in [other, changing] {
            let batch = pending.next_batch().unwrap();
            let [(next, usage)] = &batch.entries[..] else { panic!("{} entries", batch.entries.len()) };
            assert_eq!((*next, totals(usage)), (key, vec![(0, 3, 0)]));
        }
    }

    #[tokio::test]
    async fn a_committed_batch_is_not_written_again() {
        let (store, _folder) = open_store().await;
        let batch = |number, entries| Batch { is_in_doubt: true, ..Batch::new(number, entries) };
        write(&store, "a", &mut batch(1, Vec::new()), false).await.unwrap();
        // Writing this entry fails, because its key does not exist.
        let entries = || vec![(KeyId::new(), requests(1))];
        let mut repeated = batch(1, entries());
        assert_eq!(write(&store, "a", &mut repeated, false).await, Ok(HashSet::new()));
        for (writer, number) in [("a", 2), ("b", 1)] {
            let mut new = batch(number, entries());
            assert!(write(&store, writer, &mut new, false).await.is_err(), "{writer} {number}");
            assert!(!new.is_in_doubt, "it is certain that it was not written");
        }
    }
}
