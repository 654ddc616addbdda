//! What cached keys depend on besides their own row. One flag per creator, role, project and corpus, shared by the keys that depend on it, so
//! that a change costs the same however many keys it affects.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use dashmap::DashMap;
use latchkey_store::verdict_changes::VerdictChange;

/// Set once, when the object changes.
type Flag = Arc<AtomicBool>;

/// The current flag of each object on which a cached key depends.
#[derive(Default)]
pub(super) struct DependencyFlags(DashMap<VerdictChange, Flag>);

impl DependencyFlags {
    /// The flags of a key that is affected by these changes.
    pub(super) fn of(&self, changes: impl IntoIterator<Item = VerdictChange>) -> Dependencies {
        Dependencies(changes.into_iter().map(|change| Arc::clone(&self.0.entry(change).or_default())).collect())
    }

    /// Marks all keys outdated that depend on the changed object. Keys that are loaded later get a new flag.
    pub(super) fn set_changed(&self, change: &VerdictChange) {
        if let Some((_, flag)) = self.0.remove(change) {
            flag.store(true, Ordering::Release);
        }
    }

    /// Drops the flags on which no key depends any more.
    pub(super) fn drop_unused(&self) {
        self.0.retain(|_, flag| Arc::strong_count(flag) > 1);
    }
}

/// The flags of a creator and their role, or of what else some keys depend on.
#[derive(Default)]
pub(super) struct Dependencies(Box<[Flag]>);

impl Dependencies {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the objects has changed since the flags were taken.
    pub(super) fn have_changed(&self) -> bool {
        self.0.iter().any(|flag| flag.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::id::UserId;

    #[test]
    fn a_flag_is_kept_while_a_key_depends_on_it() {
        let (flags, creator) = (DependencyFlags::default(), VerdictChange::Creator(UserId::new()));
        let (one, other) = (flags.of([creator.clone()]), flags.of([creator.clone()]));
        flags.drop_unused();
        assert_eq!(flags.0.len(), 1);
        drop(one);
        flags.drop_unused();
        assert!(flags.0.len() == 1 && !other.have_changed());
        flags.set_changed(&creator);
        assert!(other.have_changed() && flags.0.is_empty());
        drop(flags.of([creator]));
        assert_eq!(flags.0.len(), 1);
        flags.drop_unused();
        assert!(flags.0.is_empty());
    }
}
