//! The selected rows and the checkboxes that select them.

use std::ops::Range;

use leptos::{ev, prelude::*, task::spawn_local};

use crate::api::keys::list_row_ids;
use latchkey_types::{
    error::Error,
    key::{ItemId, KeyRow},
};
use latchkey_ui::{
    checkbox::Checkbox,
    grid::{
        data_source::Rows,
        row_cache::Slot,
        selection::{Selection, inclusive_range},
    },
    number::format_count,
};

/// The most ids of one response.
const IDS_MAX: usize = 1000;

/// The selected rows of a list.
///
/// "All" refers to the rows of the list snapshot in which it was selected, because keys created later were not meant. It is therefore
/// cleared when the list is reopened. Individually selected rows stay selected.
#[derive(Clone, Copy)]
pub(super) struct RowSelection {
    picked: RwSignal<Selection<ItemId>>,
    /// The row that was clicked last, where a range selection begins: the list snapshot and the row's index.
    last: StoredValue<Option<(String, usize)>>,
    rows: Rows<KeyRow>,
}

/// A snapshot of the selection.
#[derive(Clone)]
pub(super) struct SelectedKeys {
    picked: Selection<ItemId>,
    listing: String,
    total: usize,
}

impl SelectedKeys {
    pub(super) fn count(&self) -> usize {
        self.picked.count(self.total)
    }

    /// The ids of all selected rows, including rows that are not loaded.
    ///
    /// # Errors
    /// `ListingGone` if all rows were selected and the list snapshot has expired on the server.
    pub(super) async fn ids(self) -> Result<Vec<ItemId>, Error> {
        if let Some(named) = self.picked.named() {
            return Ok(named.iter().copied().collect());
        }
        let all = ids_between(&self.listing, 0..self.total).await?;
        Ok(all.into_iter().filter(|id| self.picked.contains(id)).collect())
    }
}

impl RowSelection {
    pub(super) fn new(rows: Rows<KeyRow>) -> Self {
        let selection = Self { picked: RwSignal::new(Selection::none()), last: StoredValue::new(None), rows };
        let listing = Memo::new(move |_| rows.listing());
        Effect::new(move |before: Option<String>| {
            let now = listing.get();
            if before.is_some_and(|before| before != now) && selection.picked.with_untracked(|picked| picked.named().is_none()) {
                selection.clear();
            }
            now
        });
        selection
    }

    pub(super) fn count(self) -> usize {
        self.picked.with(|picked| picked.count(self.rows.total()))
    }

    pub(super) fn clear(self) {
        self.last.set_value(None);
        self.picked.set(Selection::none());
    }

    /// Selects only these rows.
    pub(super) fn select_only(self, ids: Vec<ItemId>) {
        self.last.set_value(None);
        self.picked.set(Selection::of(ids));
    }

    /// Removes deleted rows from the selection.
    pub(super) fn forget(self, gone: &[ItemId]) {
        self.last.set_value(None);
        self.picked.update(|picked| picked.remove(gone));
    }

    pub(super) fn snapshot(self) -> SelectedKeys {
        untrack(|| SelectedKeys { picked: self.picked.get(), listing: self.rows.listing(), total: self.rows.total() })
    }

    /// Handles a click on a row's checkbox. With Shift, applies to the range since the last click.
    fn click(self, index: usize, id: ItemId, with_shift: bool) {
        let select = !self.picked.with_untracked(|picked| picked.contains(&id));
        let listing = untrack(|| self.rows.listing());
        let last = self.last.get_value().filter(|(of, _)| with_shift && *of == listing);
        self.last.set_value(Some((listing.clone(), index)));
        self.picked.update(|picked| picked.set([id], select));
        let Some((_, from)) = last else { return };
        let range = inclusive_range(from, index);
        let loaded: Option<Vec<_>> = untrack(|| range.clone().map(|index| id_at(self.rows, index)).collect());
        spawn_local(async move {
            let ids = match loaded {
                Some(ids) => Ok(ids),
                None => ids_between(&listing, range).await,
            };
            if let Ok(ids) = ids {
                let _ = self.picked.try_update(|picked| picked.set(ids, select));
            }
        });
    }

    fn click_all(self) {
        let all = self.picked.with_untracked(|picked| picked.extent(untrack(|| self.rows.total()))) == Some(true);
        self.picked.set(if all { Selection::none() } else { Selection::all() });
    }
}

fn id_at(rows: Rows<KeyRow>, index: usize) -> Option<ItemId> {
    if let Slot::Row(row) = rows.slot(index) { Some(row.id) } else { None }
}

async fn ids_between(listing: &str, range: Range<usize>) -> Result<Vec<ItemId>, Error> {
    let mut ids = Vec::with_capacity(range.len());
    for offset in range.clone().step_by(IDS_MAX) {
        ids.extend(list_row_ids(listing.to_owned(), offset, IDS_MAX.min(range.end - offset)).await?);
    }
    Ok(ids)
}

/// The checkbox of a row.
#[component]
pub(super) fn RowCheckbox(
    selection: RowSelection,
    /// The row's index in the list.
    index: usize,
    id: ItemId,
    name: String,
) -> impl IntoView {
    let checked = Signal::derive(move || Some(selection.picked.with(|picked| picked.contains(&id))));
    let click = move |event: ev::MouseEvent| selection.click(index, id, event.shift_key());
    view! { <Checkbox label=format!("Select {name}") checked on_click=click/> }
}

/// The checkbox in the heading: selects all matching keys, including keys that are not loaded.
#[component]
pub(super) fn SelectAllCheckbox(selection: RowSelection) -> impl IntoView {
    let checked = Signal::derive(move || selection.picked.with(|picked| picked.extent(selection.rows.total())));
    view! { <Checkbox label="Select all" checked on_click=move |_| selection.click_all()/> }
}

/// The number of selected rows and a button that clears the selection.
#[component]
pub(super) fn SelectionStatus(selection: RowSelection) -> impl IntoView {
    let status = move || match (selection.count(), selection.picked.with(|picked| picked.extent(selection.rows.total()))) {
        (0, _) => None,
        (count, Some(true)) => Some(format!("All {} selected", format_count(count))),
        (count, _) => Some(format!("{} selected", format_count(count))),
    };
    view! {
        <p class="selection-status" role="status">{status}</p>
        <Show when=move || status().is_some()>
            <button type="button" class="clear" aria-label="Clear selection" on:click=move |_| selection.clear()>"Clear"</button>
        </Show>
    }
}
