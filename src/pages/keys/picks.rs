//! The rows that are picked, and the boxes that pick them.

use std::ops::Range;

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
///
/// `All` means the rows of the listing in which it was picked: a key that is made later was never meant. So it is let go of when the list
/// is opened anew, whatever for; rows that were picked by name stay so.
#[derive(Clone, Copy)]
pub struct Picks {
    picked: RwSignal<Picked<ItemId>>,
    /// The row that was picked last, where a span begins: its place, and the listing that it stands there in.
    last: StoredValue<Option<(String, usize)>>,
    rows: Rows<KeyRow>,
}

/// What was picked at one moment.
#[derive(Clone)]
pub struct Chosen {
    picked: Picked<ItemId>,
    listing: String,
    total: usize,
}

impl Chosen {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.picked.count(self.total)
    }

    /// The ids of them all, also of those that are not at hand.
    ///
    /// # Errors
    /// `ListingGone` where the server has forgotten the listing in which all were picked; what asking it can meet besides.
    pub async fn ids(self) -> Result<Vec<ItemId>, Fault> {
        if let Some(named) = self.picked.named() {
            return Ok(named.iter().copied().collect());
        }
        let all = ids_between(&self.listing, 0..self.total).await?;
        Ok(all.into_iter().filter(|id| self.picked.has(id)).collect())
    }
}

impl Picks {
    /// No row yet.
    pub fn new(rows: Rows<KeyRow>) -> Self {
        let picks = Self { picked: RwSignal::new(Picked::none()), last: StoredValue::new(None), rows };
        let listing = Memo::new(move |_| rows.listing());
        Effect::new(move |before: Option<String>| {
            let now = listing.get();
            if before.is_some_and(|before| before != now) && picks.picked.with_untracked(|picked| picked.named().is_none()) {
                picks.clear();
            }
            now
        });
        picks
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

    /// What is picked now.
    pub fn chosen(self) -> Chosen {
        untrack(|| Chosen { picked: self.picked.get(), listing: self.rows.listing(), total: self.rows.total() })
    }

    /// A click on the box of a row; with Shift, on all from the last one to here.
    fn click(self, place: usize, id: ItemId, with_shift: bool) {
        let pick = !self.picked.with_untracked(|picked| picked.has(&id));
        let listing = untrack(|| self.rows.listing());
        let last = self.last.get_value().filter(|(of, _)| with_shift && *of == listing);
        self.last.set_value(Some((listing.clone(), place)));
        self.picked.update(|picked| picked.set([id], pick));
        let Some((_, from)) = last else { return };
        let places = span(from, place);
        let at_hand: Option<Vec<_>> = untrack(|| places.clone().map(|place| id_at(self.rows, place)).collect());
        spawn_local(async move {
            let ids = match at_hand {
                Some(ids) => Ok(ids),
                None => ids_between(&listing, places).await,
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

async fn ids_between(listing: &str, places: Range<usize>) -> Result<Vec<ItemId>, Fault> {
    let mut ids = Vec::with_capacity(places.len());
    for offset in places.clone().step_by(IDS_MAX) {
        ids.extend(listed_ids(listing.to_owned(), offset, IDS_MAX.min(places.end - offset)).await?);
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
