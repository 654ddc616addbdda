//! Per-thread cache of recently used keys. Most requests come from a few callers; without it every core would update the same lock and
//! reference count on every request, and contend for the same cache lines.

use std::{
    array,
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::CachedKey;
use latchkey_crypto::key_format::KeyDigest;

/// Entries per thread.
const SLOTS: usize = 16;

thread_local! {
    static RECENT: RefCell<[Option<Recent>; SLOTS]> = RefCell::new(array::from_fn(|_| None));
}

struct Recent {
    generation: u64,
    digest: KeyDigest,
    key: Arc<CachedKey>,
}

/// The generation of a key cache. Every generation is unique within the process, across all caches.
pub(super) struct Generation(AtomicU64);

impl Generation {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(next()))
    }

    /// Invalidates all thread caches; called after an entry was removed from the map.
    pub(super) fn advance(&self) {
        // Not `store`: with concurrent removals, a reader of the later generation must see both.
        self.0.swap(next(), Ordering::AcqRel);
    }

    /// Applies `read` to the key with this digest: from this thread's cache if that is of the current generation, else from `find`.
    pub(super) fn with<T>(&self, digest: &KeyDigest, find: impl FnOnce() -> Option<Arc<CachedKey>>, read: impl FnOnce(&CachedKey) -> T) -> Option<T> {
        // Loaded before `find`: a key that is removed from the map concurrently belongs to an old generation then.
        let generation = self.0.load(Ordering::Acquire);
        RECENT.with_borrow_mut(|slots| {
            let slot = &mut slots[usize::from(digest.as_bytes()[0]) % SLOTS];
            if !slot.as_ref().is_some_and(|recent| recent.generation == generation && recent.digest == *digest && !recent.key.is_outdated()) {
                *slot = find().map(|key| Recent { generation, digest: *digest, key });
            }
            slot.as_ref().map(|recent| read(&recent.key))
        })
    }
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::tests::client_key;

    #[test]
    fn a_recent_key_is_not_looked_up_again() {
        let generation = Generation::new();
        let digest = |byte: u8| KeyDigest::from_stored(&[byte; 32]).unwrap();
        let name = |byte, find: &dyn Fn() -> Option<Arc<CachedKey>>| generation.with(&digest(byte), find, |key| key.name.to_string());
        let found = |name: &'static str| move || Some(Arc::new(client_key(name)));
        let cached = || -> Option<Arc<CachedKey>> { panic!("it is cached") };
        assert_eq!(name(1, &|| None), None);
        assert_eq!(name(1, &found("a")).as_deref(), Some("a"));
        assert_eq!(name(1, &cached).as_deref(), Some("a"));
        // Both digests use the same slot.
        assert_eq!(name(17, &found("b")).as_deref(), Some("b"));
        assert_eq!(name(1, &found("c")).as_deref(), Some("c"));
        assert_eq!(name(2, &found("d")).as_deref(), Some("d"));
        assert_eq!(name(1, &cached).as_deref(), Some("c"));
        generation.advance();
        assert_eq!(name(1, &found("e")).as_deref(), Some("e"));
    }
}
