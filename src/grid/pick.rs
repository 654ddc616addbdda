//! Which rows are picked: sets of ids, without a browser. What is picked stays so wherever its row goes.

use std::{collections::BTreeSet, ops::Range};

/// The rows that are picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked<Id> {
    /// Whether all are, but for those that are named; else none are, but for those.
    all: bool,
    named: BTreeSet<Id>,
}

impl<Id: Ord> Picked<Id> {
    /// No row.
    pub const fn none() -> Self {
        Self { all: false, named: BTreeSet::new() }
    }

    /// Every row, also those that are not at hand.
    pub const fn all() -> Self {
        Self { all: true, named: BTreeSet::new() }
    }

    /// These rows.
    pub fn these(ids: impl IntoIterator<Item = Id>) -> Self {
        Self { all: false, named: ids.into_iter().collect() }
    }

    /// Whether a row is picked.
    pub fn has(&self, id: &Id) -> bool {
        self.all != self.named.contains(id)
    }

    /// Picks rows, or lets go of them.
    pub fn set(&mut self, ids: impl IntoIterator<Item = Id>, picked: bool) {
        for id in ids {
            if picked == self.all {
                self.named.remove(&id);
            } else {
                self.named.insert(id);
            }
        }
    }

    /// Forgets rows that are gone: they count no more, neither as picked nor as left out.
    pub fn forget(&mut self, gone: &[Id]) {
        for id in gone {
            self.named.remove(id);
        }
    }

    /// How many are picked, of so many.
    pub fn count(&self, total: usize) -> usize {
        if self.all { total.saturating_sub(self.named.len()) } else { self.named.len() }
    }

    /// Whether all (`true`), none (`false`) or some of so many are picked.
    pub fn extent(&self, total: usize) -> Option<bool> {
        match self.count(total) {
            0 => Some(false),
            count if count >= total => Some(true),
            _ => None,
        }
    }

    /// The rows that are picked, where they can be told without asking for the whole list.
    pub fn named(&self) -> Option<&BTreeSet<Id>> {
        (!self.all).then_some(&self.named)
    }
}

/// From one row to another, both included, whichever comes first.
pub fn span(from: usize, to: usize) -> Range<usize> {
    from.min(to)..from.max(to) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_picked_can_be_let_go_of() {
        let mut picked = Picked::none();
        picked.set([1, 2, 3], true);
        picked.set([2], false);
        assert_eq!((picked.has(&1), picked.has(&2), picked.count(10)), (true, false, 2));
        assert_eq!(picked.named(), Some(&BTreeSet::from([1, 3])));
    }

    #[test]
    fn of_all_some_can_be_left_out() {
        let mut picked = Picked::all();
        picked.set([4, 5], false);
        picked.set([5, 6], true);
        assert_eq!((picked.has(&4), picked.has(&5), picked.has(&999)), (false, true, true));
        assert_eq!(picked.count(10_000), 9_999);
        assert_eq!(picked.named(), None);
    }

    #[test]
    fn rows_that_are_gone_count_no_more() {
        let mut some = Picked::these([1, 2]);
        some.forget(&[2, 3]);
        assert_eq!(some.count(10), 1);
        let mut all = Picked::all();
        all.set([7], false);
        all.forget(&[7]);
        assert_eq!(all.count(9), 9);
    }

    #[test]
    fn the_heading_tells_all_from_some_from_none() {
        assert_eq!(Picked::<u8>::none().extent(3), Some(false));
        assert_eq!(Picked::<u8>::all().extent(3), Some(true));
        assert_eq!(Picked::these([1, 2]).extent(3), None);
        assert_eq!(Picked::these([1, 2, 3]).extent(3), Some(true));
        assert_eq!(Picked::<u8>::all().extent(0), Some(false));
    }

    #[test]
    fn a_span_runs_either_way() {
        assert_eq!(span(3, 7), 3..8);
        assert_eq!(span(7, 3), 3..8);
        assert_eq!(span(5, 5), 5..6);
    }
}
