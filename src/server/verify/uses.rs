//! How often and when keys were used, and what that costs at the price of that moment: gathered on each core, written once a second.

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

use super::{KnownKey, even::BuildEven, live::ticks};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, OrganizationId},
        time::{DAY_MS, MINUTE_MS, Timestamp},
    },
    server::store::{
        Store,
        usage::{self, Count, Tally},
    },
};

/// How long minutes are kept, in minutes: long enough for every period of a month.
const MINUTES_KEPT: i64 = 40 * (DAY_MS / MINUTE_MS);
/// How many keys are written at once. Where more are used in a second the others wait their turn, and verifying goes on.
const KEYS_AT_ONCE: usize = 5000;

/// What was not written yet.
pub(super) struct Uses {
    /// One for each core: a thread that notes a use meets nobody but the writer.
    cores: Box<[Mutex<Gathered>]>,
    /// Taken from the cores.
    waiting: Mutex<Waiting>,
    written_at: AtomicI64,
}

type Gathered = HashMap<KeyId, Noted, BuildEven>;

#[derive(Default)]
struct Waiting {
    noted: Gathered,
    /// Those of them that are to be written before any other, the next at the end. Sorted, so that what is written at once lies together in
    /// the database: of a million keys, 5,000 of anywhere would be on as many pages of it.
    turn: Vec<KeyId>,
    /// Emptied, for the next core whose uses are taken: one that has room from the start does not grow step by step.
    room: Gathered,
}

/// The uses of a key. Small, as there may be one for each of a million keys.
struct Noted {
    organization: OrganizationId,
    last: Timestamp,
    /// Since 1970: the minute in which it was used last, and how often in that.
    minute: i64,
    tally: Tally,
    rest: Option<Box<Rest>>,
}

/// What few keys have.
#[derive(Default)]
struct Rest {
    /// The minutes before, in which it was used too.
    earlier: Vec<(i64, Tally)>,
    /// Uses of secrets of it that were replaced, by digest.
    retired: Vec<(Vec<u8>, i64, Timestamp)>,
}

impl Noted {
    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    fn add(&mut self, minute: i64, tally: Tally) {
        if self.minute == minute {
            self.tally.add(tally);
            return;
        }
        if let Some((_, sum)) = self.rest.iter_mut().flat_map(|rest| &mut rest.earlier).find(|(earlier, _)| *earlier == minute) {
            sum.add(tally);
            return;
        }
        let before = (mem::replace(&mut self.minute, minute), mem::replace(&mut self.tally, tally));
        self.rest().earlier.push(before);
    }

    fn minutes(&self) -> impl Iterator<Item = (i64, Tally)> {
        self.rest.iter().flat_map(|rest| &rest.earlier).copied().chain([(self.minute, self.tally)])
    }

    fn note_retired(&mut self, digest: &[u8], uses: i64, at: Timestamp) {
        let retired = &mut self.rest().retired;
        match retired.iter_mut().find(|(known, ..)| known == digest) {
            Some((_, count, last)) => (*count, *last) = (*count + uses, at.max(*last)),
            None => retired.push((digest.to_vec(), uses, at)),
        }
    }

    fn merge(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        for (minute, tally) in other.minutes() {
            self.add(minute, tally);
        }
        for (digest, uses, last) in other.rest.into_iter().flat_map(|rest| rest.retired) {
            self.note_retired(&digest, uses, last);
        }
    }
}

impl Waiting {
    fn add(&mut self, key: KeyId, noted: Noted) {
        match self.noted.entry(key) {
            Entry::Occupied(mut there) => there.get_mut().merge(noted),
            Entry::Vacant(place) => {
                place.insert(noted);
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<(KeyId, Noted)> {
        if self.turn.is_empty() {
            // After a rush its room is given back.
            self.turn.shrink_to(self.noted.len());
            self.noted.shrink_to(KEYS_AT_ONCE);
            self.turn.extend(self.noted.keys());
            self.turn.sort_unstable_by(|one, other| other.cmp(one));
        }
        let keys = self.turn.drain(self.turn.len().saturating_sub(count)..).rev();
        keys.filter_map(|key| self.noted.remove_entry(&key)).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of this thread, counted from 0 as they come.
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

impl Uses {
    pub(super) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { cores: (0..cores).map(|_| Mutex::default()).collect(), waiting: Mutex::default(), written_at: AtomicI64::new(ticks()) }
    }

    pub(super) fn note(&self, key: &KnownKey, at: Timestamp) {
        let tally = Tally { requests: 1, cost: key.price() };
        let minute = at.0.div_euclid(MINUTE_MS);
        let mut gathered = locked(&self.cores[thread_number() % self.cores.len()]);
        let noted = match gathered.entry(key.id) {
            Entry::Occupied(there) => {
                let noted = there.into_mut();
                noted.add(minute, tally);
                noted.last = noted.last.max(at);
                noted
            }
            Entry::Vacant(place) => place.insert(Noted { organization: key.organization, last: at, minute, tally, rest: None }),
        };
        if key.retires_at.is_some() {
            noted.note_retired(key.digest.as_bytes(), 1, at);
        }
    }

    /// Takes in what the cores have gathered.
    fn gather(&self) -> MutexGuard<'_, Waiting> {
        let mut waiting = locked(&self.waiting);
        let mut gathered = mem::take(&mut waiting.room);
        for core in &self.cores {
            mem::swap(&mut *locked(core), &mut gathered);
            for (key, noted) in gathered.drain() {
                waiting.add(key, noted);
            }
        }
        waiting.room = gathered;
        waiting
    }

    /// Writes what was noted, at most [`KEYS_AT_ONCE`] keys of it; answers whether all of it is written. What can't be written is kept for
    /// the next time.
    pub(super) async fn flush(&self, store: &Store) -> bool {
        let batch = self.gather().take(KEYS_AT_ONCE);
        if batch.is_empty() {
            self.written_at.store(ticks(), Ordering::Relaxed);
            return true;
        }
        let written = write(store, &batch).await;
        let mut waiting = locked(&self.waiting);
        match written {
            Ok(()) => self.written_at.store(ticks(), Ordering::Relaxed),
            Err(_) => {
                for (key, noted) in batch {
                    waiting.add(key, noted);
                }
            }
        }
        waiting.noted.is_empty() || written.is_err()
    }

    /// Writes all that was noted, if the store takes it.
    pub(super) async fn flush_all(&self, store: &Store) {
        while !self.flush(store).await {}
    }

    /// How many milliseconds ago uses were written, or there were none to write; and how many keys wait.
    pub(super) fn age(&self) -> (i64, usize) {
        (ticks() - self.written_at.load(Ordering::Relaxed), locked(&self.waiting).noted.len())
    }

    /// Drops minutes that nobody asks for any more.
    pub(super) async fn forget_old_minutes(store: &Store) {
        let before = Timestamp::now().0.div_euclid(MINUTE_MS) - MINUTES_KEPT;
        let dropped: Result<(), Fault> = store.write(move |tx| Box::pin(async move { Ok(usage::delete_minutes_before(tx, before).await?) })).await;
        if let Err(fault) = dropped {
            tracing::warn!(%fault, "old counts were not dropped");
        }
    }
}

/// Writes uses, all or nothing.
async fn write(store: &Store, batch: &[(KeyId, Noted)]) -> Result<(), Fault> {
    let last: Vec<_> = batch.iter().map(|(key, noted)| (*key, noted.last)).collect();
    let count = |key, organization| move |(minute, tally)| Count { key, organization, minute, tally };
    let counts: Vec<_> = batch.iter().flat_map(|(key, noted)| noted.minutes().map(count(*key, noted.organization))).collect();
    let retired: Vec<_> = batch.iter().filter_map(|(_, noted)| noted.rest.as_ref()).flat_map(|rest| rest.retired.iter().cloned()).collect();
    let own = store.clone();
    store
        .write(move |tx| {
            Box::pin(async move {
                usage::set_last_used(&own, tx, &last).await?;
                usage::add(&own, tx, &counts).await?;
                for (digest, uses, at) in retired {
                    usage::add_to_retired(tx, &digest, uses, at).await?;
                }
                Ok(())
            })
        })
        .await
}
