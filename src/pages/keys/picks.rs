//! The rows that are picked, and the boxes that pick them.

use leptos::{ev, prelude::*, task::spawn_local};

use crate::{
    api::keys::listed_ids,
    grid::{
        book::Slot,
        pick::{Picked, span},
        rows::Rows,
    },
    model::{
        fault::Fault,
        key::{ItemId, KeyRow},
    },
    ui::{check::Checkbox, number::thousands},
};

/// The most ids of one answer.
const IDS_MAX: usize = 1000;

/// The rows of a list that are picked.
#[derive(Clone, Copy)]
pub struct Picks {
    picked: RwSignal<Picked<ItemId>>,
    /// The row that was picked last: where a span begins.
    last: StoredValue<Option<usize>>,
    rows: Rows<KeyRow>,
}

impl Picks {
    /// No row yet.
    pub fn new(rows: Rows<KeyRow>) -> Self {
        Self { picked: RwSignal::new(Picked::none()), last: StoredValue::new(None), rows }
    }

    /// How many are picked.
    pub fn count(self) -> usize {
        self.picked.with(|picked| picked.count(self.rows.total()))
    }

    /// Picks none.
    pub fn clear(self) {
        self.last.set_value(None);
        self.picked.set(Picked::none());
    }

    /// Picks these and no others.
    pub fn keep(self, ids: Vec<ItemId>) {
        self.last.set_value(None);
        self.picked.set(Picked::these(ids));
    }

    /// Forgets those that are gone.
    pub fn forget(self, gone: &[ItemId]) {
        self.last.set_value(None);
        self.picked.update(|picked| picked.forget(gone));
    }

    /// Forgets where a span would begin: the rows stand elsewhere now.
    pub fn forget_place(self) {
        self.last.set_value(None);
    }

    /// The ids of all that are picked, also of those that are not at hand.
    pub async fn ids(self) -> Result<Vec<ItemId>, Fault> {
        let picked = self.picked.get_untracked();
        if let Some(named) = picked.named() {
            return Ok(named.iter().copied().collect());
        }
        let all = ids_between(self.rows, 0, untrack(|| self.rows.total())).await?;
        Ok(all.into_iter().filter(|id| picked.has(id)).collect())
    }

    /// A click on the box of a row; with Shift, on all from the last one to here.
    fn click(self, place: usize, id: ItemId, with_shift: bool) {
        let pick = !self.picked.with_untracked(|picked| picked.has(&id));
        let from = self.last.get_value().filter(|_| with_shift);
        self.last.set_value(Some(place));
        self.picked.update(|picked| picked.set([id], pick));
        let Some(from) = from else { return };
        let places = span(from, place);
        spawn_local(async move {
            let at_hand: Option<Vec<_>> = untrack(|| places.clone().map(|place| id_at(self.rows, place)).collect());
            let ids = match at_hand {
                Some(ids) => Ok(ids),
                None => ids_between(self.rows, places.start, places.end).await,
            };
            if let Ok(ids) = ids {
                let _ = self.picked.try_update(|picked| picked.set(ids, pick));
            }
        });
    }

    fn click_all(self) {
        let all = self.picked.with_untracked(|picked| picked.extent(untrack(|| self.rows.total()))) == Some(true);
        self.picked.set(if all { Picked::none() } else { Picked::all() });
    }
}

fn id_at(rows: Rows<KeyRow>, place: usize) -> Option<ItemId> {
    if let Slot::Row(row) = rows.slot(place) { Some(row.id) } else { None }
}

async fn ids_between(rows: Rows<KeyRow>, first: usize, end: usize) -> Result<Vec<ItemId>, Fault> {
    let listing = rows.listing();
    let mut ids = Vec::with_capacity(end - first);
    for offset in (first..end).step_by(IDS_MAX) {
        ids.extend(listed_ids(listing.clone(), offset, IDS_MAX.min(end - offset)).await?);
    }
    Ok(ids)
}

/// The box in a row.
#[component]
pub fn PickRow(
    /// The rows that are picked.
    picks: Picks,
    /// The row's place in the list.
    place: usize,
    /// Its id.
    id: ItemId,
    /// What it is called.
    name: String,
) -> impl IntoView {
    let ticked = Signal::derive(move || Some(picks.picked.with(|picked| picked.has(&id))));
    let click = move |event: ev::MouseEvent| picks.click(place, id, event.shift_key());
    view! { <Checkbox label=format!("Select {name}") ticked on_click=click/> }
}

/// The box in the heading: every key that matches, not only those at hand.
#[component]
pub fn PickAll(
    /// The rows that are picked.
    picks: Picks,
) -> impl IntoView {
    let ticked = Signal::derive(move || picks.picked.with(|picked| picked.extent(picks.rows.total())));
    view! { <Checkbox label="Select all" ticked on_click=move |_| picks.click_all()/> }
}

/// Says how many are picked, and lets go of them.
#[component]
pub fn PickedLine(
    /// The rows that are picked.
    picks: Picks,
) -> impl IntoView {
    let words = move || match (picks.count(), picks.picked.with(|picked| picked.extent(picks.rows.total()))) {
        (0, _) => None,
        (count, Some(true)) => Some(format!("All {} selected", thousands(count))),
        (count, _) => Some(format!("{} selected", thousands(count))),
    };
    view! {
        <p class="picked" role="status">{words}</p>
        <Show when=move || words().is_some()>
            <button type="button" class="clear" aria-label="Clear selection" on:click=move |_| picks.clear()>"Clear"</button>
        </Show>
    }
}
