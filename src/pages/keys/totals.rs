//! The number of keys of each kind, on the tabs.

use leptos::prelude::*;

use crate::routes;
use latchkey_types::{
    key_kind::Kind,
    listing::{KindTotal, Total},
};
use latchkey_ui::number::format_count;

/// The numbers as they were read last, provided by the layout: they stay on the tabs while another page is loading.
#[derive(Clone, Copy)]
pub(crate) struct KeyTotals(RwSignal<Vec<KindTotal>>);

impl Default for KeyTotals {
    fn default() -> Self {
        Self(RwSignal::new(Vec::new()))
    }
}

impl KeyTotals {
    /// Whether they were read before.
    pub(super) fn is_known(self) -> bool {
        self.0.with_untracked(|totals| !totals.is_empty())
    }

    /// Sets all numbers. Has no effect if the page was closed.
    pub(super) fn set_all(self, totals: Vec<KindTotal>) {
        let _ = self.0.try_set(totals);
    }

    /// Sets the number of one kind, as the list of all its keys has it.
    pub(super) fn set(self, kind: Kind, total: Total) {
        let is_changed = self.0.with_untracked(|totals| totals.iter().any(|known| known.kind == kind && known.total != total));
        if is_changed {
            self.0.update(|totals| {
                for known in totals.iter_mut().filter(|known| known.kind == kind) {
                    known.total = total;
                }
            });
        }
    }

    /// The text on the tab of the page at a path. Empty without keys.
    pub(super) fn text_of(self, path: &str) -> String {
        let is_on_page = |known: &&KindTotal| routes::page_of(known.kind).path == path;
        self.0.with(|totals| totals.iter().find(is_on_page).map(|known| text(known.total)).unwrap_or_default())
    }
}

fn text(total: Total) -> String {
    match total {
        Total { count: 0, .. } => String::new(),
        Total { count, is_exact: true } => format_count(count),
        Total { count, is_exact: false } => format_count(count) + "+",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::listing::EXACT_TOTAL_MAX;

    #[test]
    fn long_lists_have_a_lower_bound() {
        assert_eq!(text(Total::of(0)), "");
        assert_eq!(text(Total::of(1_204)), "1,204");
        assert_eq!(text(Total::of(EXACT_TOTAL_MAX + 1)), "10,000+");
    }
}
