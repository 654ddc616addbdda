//! The selected rows and the checkboxes that select them.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use leptos::{ev, prelude::*, task::spawn_local};

use super::recent_use::recent_use;
use crate::api::keys::{self, list_row_ids};
use latchkey_types::{
    error::Error,
    key::{ItemId, KeyRow},
    listing::{Anchor, EXACT_TOTAL_MAX, RecentUse},
};
use latchkey_ui::{
    browser,
    button::IconButton,
    checkbox::Checkbox,
    grid::{
        data_source::Rows,
        row_cache::Slot,
        selection::{Selection, inclusive_range},
    },
    icon::Glyph,
    number::format_count,
};

/// The most ids of one response.
const IDS_MAX: usize = 1000;

/// The selected rows of a list. They stay selected when the list is reopened, unless they are gone or it has other filters.
///
/// "All" refers to the rows of the list as it was opened when they were selected, because keys created later were not meant. When the list is
/// reopened, it is replaced by their ids, or cleared if these are too many.
#[derive(Clone, Copy)]
pub(super) struct RowSelection {
    picked: RwSignal<Selection<ItemId>>,
    /// The row that was clicked last, where a range selection begins: the list and the row's index.
    last: StoredValue<Option<(String, usize)>>,
    /// The list that "all" refers to, if another one was opened and the ids are not loaded yet.
    all_of: RwSignal<Option<ListSize>>,
    /// Whether the next list has other filters.
    filters_changed: StoredValue<bool>,
    rows: Rows<KeyRow>,
}

/// An opened list and the number of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListSize {
    /// The cursor of its beginning.
    listing: String,
    total: usize,
    /// Whether there are no more rows than `total`.
    is_exact: bool,
}

impl ListSize {
    fn of(rows: Rows<KeyRow>) -> Self {
        Self { listing: rows.listing(), total: rows.total(), is_exact: rows.is_total_exact() }
    }

    /// Whether it is short enough to read the ids of all rows.
    const fn is_short(&self) -> bool {
        self.is_exact && self.total <= EXACT_TOTAL_MAX
    }

    /// The ids of its rows.
    async fn ids(self) -> Result<Vec<ItemId>, Error> {
        ids_between(Anchor { index: 0, cursor: self.listing }, 0..self.total).await
    }
}

/// A snapshot of the selection.
#[derive(Clone)]
pub(super) struct SelectedKeys {
    picked: Selection<ItemId>,
    list: ListSize,
    /// The selected rows that are loaded, in order.
    rows: Vec<KeyRow>,
    /// The loaded rows that are excluded from "all".
    excluded: Vec<KeyRow>,
}

impl SelectedKeys {
    /// These keys, whatever list they are in.
    pub(super) fn of(ids: Vec<ItemId>) -> Self {
        let list = ListSize { listing: String::new(), total: ids.len(), is_exact: true };
        Self { picked: Selection::of(ids), list, rows: Vec::new(), excluded: Vec::new() }
    }

    pub(super) fn count(&self) -> usize {
        self.picked.count(self.list.total)
    }

    /// Whether all rows are selected, so that the ids are only known after loading the whole list.
    pub(super) fn is_all(&self) -> bool {
        self.picked.named().is_none()
    }

    /// The selected rows that are loaded, in order.
    pub(super) fn rows(&self) -> &[KeyRow] {
        &self.rows
    }

    /// How many of the selected keys were used lately, including keys that are not loaded.
    ///
    /// # Errors
    /// `ListingGone` as for [`Self::ids`].
    pub(super) async fn recent_use(self) -> Result<RecentUse, Error> {
        if !self.is_all() {
            return Ok(recent_use(&self.rows));
        }
        let (all, excluded) = (keys::list_recent_use(self.list.listing).await?, recent_use(&self.excluded));
        Ok(RecentUse {
            within_day: all.within_day.saturating_sub(excluded.within_day),
            within_week: all.within_week.saturating_sub(excluded.within_week),
        })
    }

    /// The ids of all selected rows, including rows that are not loaded.
    ///
    /// # Errors
    /// `ListingGone` if all rows were selected and the list has expired.
    pub(super) async fn ids(self) -> Result<Vec<ItemId>, Error> {
        if let Some(named) = self.picked.named() {
            return Ok(named.iter().copied().collect());
        }
        // Not more than the number that was shown: the rows may not be counted yet.
        let all = self.list.ids().await?;
        Ok(all.into_iter().filter(|id| self.picked.contains(id)).collect())
    }
}

impl RowSelection {
    pub(super) fn new(rows: Rows<KeyRow>) -> Self {
        let selection = Self {
            picked: RwSignal::new(Selection::none()),
            last: StoredValue::new(None),
            all_of: RwSignal::new(None),
            filters_changed: StoredValue::new(false),
            rows,
        };
        let list = Memo::new(move |_| ListSize::of(rows));
        Effect::new(move |before: Option<ListSize>| {
            let now = list.get();
            if let Some(before) = before.filter(|before| before.listing != now.listing) {
                selection.on_reopened(before);
            }
            now
        });
        selection
    }

    pub(super) fn count(self) -> usize {
        self.picked.with(|picked| picked.count(self.total()))
    }

    /// Whether all, none or some rows are selected.
    fn extent(self) -> Option<bool> {
        self.picked.with(|picked| picked.extent(self.total()))
    }

    /// The number of rows of the list that the selection refers to.
    fn total(self) -> usize {
        self.all_of.with(|list| list.as_ref().map(|list| list.total)).unwrap_or_else(|| self.rows.total())
    }

    pub(super) fn clear(self) {
        self.select_only(Vec::new());
    }

    /// Clears the selection, now and when the rows with the new filters are there: until then the old rows can be selected.
    pub(super) fn on_filters_changed(self) {
        self.filters_changed.set_value(true);
        self.clear();
    }

    /// Selects only these rows.
    pub(super) fn select_only(self, ids: Vec<ItemId>) {
        self.last.set_value(None);
        self.all_of.set(None);
        self.picked.set(Selection::of(ids));
    }

    /// Deselects rows on which an action has finished. Rows that were selected in the meantime stay selected.
    pub(super) fn deselect(self, ids: &[ItemId]) {
        self.picked.update(|picked| picked.set(ids.iter().copied(), false));
    }

    /// Replaces "all" by the ids that it stands for. Has no effect if the page was closed.
    pub(super) fn replace_all(self, ids: &[ItemId]) {
        let _ = self.all_of.try_set(None);
        let _ = self.picked.try_update(|picked| {
            if picked.named().is_none() {
                *picked = Selection::of(ids.iter().copied().filter(|id| picked.contains(id)));
            }
        });
    }

    /// Removes deleted rows from the selection.
    pub(super) fn forget(self, gone: &[ItemId]) {
        self.last.set_value(None);
        self.picked.update(|picked| picked.remove(gone));
    }

    /// Keeps the selected rows that are in the list which has replaced the one `before`.
    fn on_reopened(self, before: ListSize) {
        if self.filters_changed.get_value() {
            self.filters_changed.set_value(false);
            return self.clear();
        }
        if self.picked.with_untracked(|picked| picked.named().is_some()) {
            return self.drop_gone();
        }
        let of = self.all_of.get_untracked().unwrap_or(before);
        if !of.is_short() {
            return self.clear();
        }
        self.all_of.set(Some(of.clone()));
        spawn_local(async move {
            let ids = of.clone().ids().await;
            // The selection may have been replaced, or the page closed, in the meantime.
            if self.all_of.try_get_untracked().flatten() != Some(of) {
                return;
            }
            match ids {
                Ok(ids) => {
                    self.replace_all(&ids);
                    self.drop_gone();
                }
                Err(_) => self.clear(),
            }
        });
    }

    /// Deselects the rows that are not in the list. A long list is not searched for them.
    fn drop_gone(self) {
        let loaded: BTreeSet<ItemId> = self.rows.loaded().iter().map(|row| row.id).collect();
        let list = untrack(|| ListSize::of(self.rows));
        let are_loaded = self.picked.with_untracked(|picked| picked.named().is_none_or(|named| named.is_subset(&loaded)));
        if are_loaded || !list.is_short() {
            return;
        }
        if loaded.len() == list.total {
            return self.picked.update(|picked| picked.retain(&loaded));
        }
        spawn_local(async move {
            let ids = list.clone().ids().await;
            // The list may have been reopened, or the page closed, in the meantime.
            let is_current = !self.picked.is_disposed() && untrack(|| self.rows.listing()) == list.listing;
            if let Some(ids) = ids.ok().filter(|_| is_current) {
                let ids: BTreeSet<ItemId> = ids.into_iter().collect();
                self.picked.update(|picked| picked.retain(&ids));
            }
        });
    }

    pub(super) fn snapshot(self) -> SelectedKeys {
        let picked = self.picked.get_untracked();
        let (rows, others): (Vec<_>, _) = self.rows.loaded().into_iter().partition(|row| picked.contains(&row.id));
        let excluded = if picked.named().is_none() { others } else { Vec::new() };
        let list = self.all_of.get_untracked().unwrap_or_else(|| untrack(|| ListSize::of(self.rows)));
        SelectedKeys { picked, list, rows, excluded }
    }

    /// Handles a click on a row's checkbox. With Shift, applies to the range since the last click.
    fn click(self, index: usize, id: ItemId, with_shift: bool) {
        let select = !self.picked.with_untracked(|picked| picked.contains(&id));
        let listing = untrack(|| self.rows.listing());
        let last = self.last.get_value().filter(|(of, _)| with_shift && *of == listing);
        self.last.set_value(Some((listing, index)));
        self.picked.update(|picked| picked.set([id], select));
        if let Some((_, from)) = last {
            self.set_range(inclusive_range(from, index), select);
        }
    }

    /// Selects or deselects a row by the keyboard.
    pub(super) fn toggle(self, index: usize, id: ItemId) {
        self.click(index, id, false);
    }

    /// Selects the rows from `anchor` to `to`, after those from `anchor` to `from` were selected.
    pub(super) fn extend(self, anchor: usize, from: usize, to: usize) {
        let (before, now) = (inclusive_range(anchor, from), inclusive_range(anchor, to));
        self.last.set_value(Some((untrack(|| self.rows.listing()), anchor)));
        self.set_range(before.start..before.end.min(now.start), false);
        self.set_range(before.start.max(now.end)..before.end, false);
        self.set_range(now, true);
    }

    /// Selects or deselects the rows of a range, including rows that are not loaded.
    fn set_range(self, range: Range<usize>, select: bool) {
        let loaded: Option<Vec<_>> = untrack(|| range.clone().map(|index| id_at(self.rows, index)).collect());
        if let Some(ids) = loaded {
            return self.picked.update(|picked| picked.set(ids, select));
        }
        let (listing, anchor) = untrack(|| (self.rows.listing(), self.rows.anchor_before(range.start)));
        let Some(anchor) = anchor else { return };
        spawn_local(async move {
            let ids = ids_between(anchor, range).await;
            // The selection may have been cleared, or the page closed, in the meantime.
            let is_current = self.last.try_get_value().flatten().is_some_and(|(of, _)| of == listing);
            if let Some(ids) = ids.ok().filter(|_| is_current) {
                let _ = self.picked.try_update(|picked| picked.set(ids, select));
            }
        });
    }

    fn click_all(self) {
        let all = untrack(|| self.extent()) == Some(true);
        self.all_of.set(None);
        self.picked.set(if all { Selection::none() } else { self.every_row() });
    }

    /// A selection of all rows, by their ids if they are loaded.
    fn every_row(self) -> Selection<ItemId> {
        let loaded = self.rows.loaded();
        let is_complete = untrack(|| self.rows.is_total_exact() && self.rows.total() == loaded.len());
        if is_complete { Selection::of(loaded.iter().map(|row| row.id)) } else { Selection::all() }
    }
}

fn id_at(rows: Rows<KeyRow>, index: usize) -> Option<ItemId> {
    if let Slot::Row(row) = rows.slot(index) { Some(row.id) } else { None }
}

/// The ids of the rows in a range, from a known position at or before it.
async fn ids_between(anchor: Anchor, range: Range<usize>) -> Result<Vec<ItemId>, Error> {
    let (mut ids, mut first, mut next) = (Vec::new(), range.start, Some(anchor));
    while let Some(anchor) = next.filter(|_| first < range.end) {
        let page = list_row_ids(anchor, first, IDS_MAX.min(range.end - first)).await?;
        first += page.ids.len();
        next = page.end;
        ids.extend(page.ids);
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
    let checked = Signal::derive(move || selection.extent());
    view! { <Checkbox label="Select all" checked on_click=move |_| selection.click_all()/> }
}

/// The number of selected rows and a button that clears the selection.
#[component]
pub(super) fn SelectionStatus(selection: RowSelection) -> impl IntoView {
    let status = move || match (selection.count(), selection.extent()) {
        (0, _) => None,
        (count, Some(true)) if count > 1 => Some(format!("All {} selected", format_count(count))),
        (count, _) => Some(format!("{} selected", format_count(count))),
    };
    let clear = move |_: ev::MouseEvent| {
        selection.clear();
        // The clicked button is removed. Not to the search field, in which the keys of the list are text.
        set_timeout(|| browser::focus_id("content"), Duration::ZERO);
    };
    view! {
        <p class="selection-status" role="status">{status}</p>
        <Show when=move || status().is_some()>
            <IconButton label="Clear selection" glyph=Glyph::Close on_click=clear/>
        </Show>
    }
}
