//! Row selection as sets of ids, independent of row positions and of the browser.

use std::{collections::BTreeSet, ops::Range};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<Id> {
    /// If true, all rows except `named` are selected, else only `named`.
    all: bool,
    named: BTreeSet<Id>,
}

impl<Id: Ord> Selection<Id> {
    pub const fn none() -> Self {
        Self { all: false, named: BTreeSet::new() }
    }

    /// Every row, including rows that are not loaded.
    pub const fn all() -> Self {
        Self { all: true, named: BTreeSet::new() }
    }

    pub fn of(ids: impl IntoIterator<Item = Id>) -> Self {
        Self { all: false, named: ids.into_iter().collect() }
    }

    /// Whether a row is selected.
    pub fn contains(&self, id: &Id) -> bool {
        self.all != self.named.contains(id)
    }

    /// Selects or deselects rows.
    pub fn set(&mut self, ids: impl IntoIterator<Item = Id>, picked: bool) {
        for id in ids {
            if picked == self.all {
                self.named.remove(&id);
            } else {
                self.named.insert(id);
            }
        }
    }

    /// Removes deleted rows, so that they count neither as selected nor as excluded.
    pub fn remove(&mut self, deleted: &[Id]) {
        for id in deleted {
            self.named.remove(id);
        }
    }

    /// Removes all rows but these, so that the others count neither as selected nor as excluded.
    pub fn retain(&mut self, ids: &BTreeSet<Id>) {
        self.named.retain(|id| ids.contains(id));
    }

    /// The number of selected rows of a list with this total.
    pub fn count(&self, total: usize) -> usize {
        if self.all { total.saturating_sub(self.named.len()) } else { self.named.len() }
    }

    /// Whether all (`true`), none (`false`) or some (`None`) rows of a list with this total are selected.
    pub fn extent(&self, total: usize) -> Option<bool> {
        match self.count(total) {
            0 => Some(false),
            count if count >= total => Some(true),
            _ => None,
        }
    }

    /// The selected ids, or `None` if they are only known after loading the whole list.
    pub fn named(&self) -> Option<&BTreeSet<Id>> {
        (!self.all).then_some(&self.named)
    }
}

/// The range between two rows in any order, both included.
pub fn inclusive_range(from: usize, to: usize) -> Range<usize> {
    from.min(to)..from.max(to) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selected_rows_can_be_deselected() {
        let mut selection = Selection::none();
        selection.set([1, 2, 3], true);
        selection.set([2], false);
        assert_eq!((selection.contains(&1), selection.contains(&2), selection.count(10)), (true, false, 2));
        assert_eq!(selection.named(), Some(&BTreeSet::from([1, 3])));
    }

    #[test]
    fn rows_can_be_excluded_from_all() {
        let mut selection = Selection::all();
        selection.set([4, 5], false);
        selection.set([5, 6], true);
        assert_eq!((selection.contains(&4), selection.contains(&5), selection.contains(&999)), (false, true, true));
        assert_eq!(selection.count(10_000), 9_999);
        assert_eq!(selection.named(), None);
    }

    #[test]
    fn forgotten_rows_are_not_counted() {
        let mut some = Selection::of([1, 2]);
        some.remove(&[2, 3]);
        assert_eq!(some.count(10), 1);
        let mut all = Selection::all();
        all.set([7], false);
        all.remove(&[7]);
        assert_eq!(all.count(9), 9);
    }

    #[test]
    fn only_retained_rows_are_counted() {
        let listed = BTreeSet::from([2, 3, 4]);
        let mut some = Selection::of([1, 2, 3]);
        some.retain(&listed);
        assert_eq!(some.named(), Some(&BTreeSet::from([2, 3])));
        let mut all = Selection::all();
        all.set([1, 2], false);
        all.retain(&listed);
        assert_eq!(all.count(listed.len()), 2);
    }

    #[test]
    fn extent_is_all_some_or_none() {
        assert_eq!(Selection::<u8>::none().extent(3), Some(false));
        assert_eq!(Selection::<u8>::all().extent(3), Some(true));
        assert_eq!(Selection::of([1, 2]).extent(3), None);
        assert_eq!(Selection::of([1, 2, 3]).extent(3), Some(true));
        assert_eq!(Selection::<u8>::all().extent(0), Some(false));
    }

    #[test]
    fn span_accepts_any_order() {
        assert_eq!(inclusive_range(3, 7), 3..8);
        assert_eq!(inclusive_range(7, 3), 3..8);
        assert_eq!(inclusive_range(5, 5), 5..6);
    }
}
