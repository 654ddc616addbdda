//! The keys that a thread met last. Most calls come from a few callers: what is known of them would else be counted, locked and released by
//! every core for every call, and the cores would take the same lines of memory from each other all the time.

use std::{
    array,
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::KnownKey;
use crate::server::token::KeyDigest;

/// How many keys a thread has at hand.
const PLACES: usize = 16;

thread_local! {
    static RECENT: RefCell<[Option<Recent>; PLACES]> = RefCell::new(array::from_fn(|_| None));
}

struct Recent {
    edition: u64,
    digest: KeyDigest,
    key: Arc<KnownKey>,
}

/// The state of a map of keys. No two maps are ever of the same edition, and none is of one again.
pub(super) struct Edition(AtomicU64);

impl Edition {
    /// Of a map that is new.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(next()))
    }

    /// After something was taken out of the map: no thread reads any more what it met before.
    pub(super) fn end(&self) {
        // Not `store`: of two changes at once, whoever sees the later edition sees what both took out.
        self.0.swap(next(), Ordering::AcqRel);
    }

    /// Reads the key with this digest: the one that this thread met last, if it is of this edition, or else what `find` brings.
    pub(super) fn with<T>(&self, digest: &KeyDigest, find: impl FnOnce() -> Option<Arc<KnownKey>>, read: impl FnOnce(&KnownKey) -> T) -> Option<T> {
        // Before the key is found: what is taken out of the map meanwhile is of an edition that ended.
        let edition = self.0.load(Ordering::Acquire);
        RECENT.with_borrow_mut(|places| {
            let place = &mut places[usize::from(digest.as_bytes()[0]) % PLACES];
            if !place.as_ref().is_some_and(|recent| recent.edition == edition && recent.digest == *digest) {
                *place = find().map(|key| Recent { edition, digest: *digest, key });
            }
            place.as_ref().map(|recent| read(&recent.key))
        })
    }
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
