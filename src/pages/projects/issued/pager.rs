//! Below the list: where in it one is, and the way to other pages.

use leptos::prelude::*;

use super::Listing;
use crate::{
    model::issued::ROWS,
    ui::{button::Button, number::grouped, select::Select},
};

/// The last page of so many rows.
const fn last_page(count: i64, rows: i64) -> i64 {
    if count <= rows { 1 } else { (count - 1) / rows + 1 }
}

/// `11–20 of 42`.
fn place_in_words(page: i64, rows: i64, count: i64) -> String {
    let first = (page - 1) * rows + 1;
    format!("{}–{} of {}", grouped(first), grouped((page * rows).min(count)), grouped(count))
}

#[component]
pub(super) fn Pager(listing: Listing) -> impl IntoView {
    let place = listing.place;
    let at = Memo::new(move |_| listing.page.with(|page| page.as_ref().map_or((1, 0), |page| (page.page, page.count))));
    // Which rows are shown is known by the answer, how many there are on a page by the address, which is ahead of it for a moment.
    let rows = Memo::new(move |_| place.get().rows);
    let last = Memo::new(move |_| last_page(at.get().1, rows.get()));
    // A click counts from where the last one leads, though its answer be on the way.
    let heading_for = Memo::new(move |_| place.get().page.clamp(1, last.get()));
    let go = move |page: i64| place.change(|wish| wish.page = page.clamp(1, last.get_untracked()));
    let typed = RwSignal::new(0_u32);
    let enter = move |text: String| {
        if let Ok(page) = text.trim().parse() {
            go(page);
        }
        // What is no page is put back.
        typed.update(|typed| *typed += 1);
    };
    let options = ROWS.iter().map(|rows| (rows.to_string(), rows.to_string())).collect::<Vec<_>>();
    let choose = move |word: String| {
        place.change(|wish| {
            // The first row that is shown stays on the page.
            let first = (wish.page - 1) * wish.rows;
            wish.rows = word.parse().unwrap_or(ROWS[0]);
            wish.page = first / wish.rows + 1;
        });
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <p class="pager-place" role="status">{move || { let (page, count) = at.get(); place_in_words(page, rows.get(), count) }}</p>
            <span class="pager-pages">
                <Button label="Previous page" on_click=move |()| go(heading_for.get_untracked() - 1) disabled=Signal::derive(move || heading_for.get() <= 1)/>
                <label class="pager-page">
                    <span>"Page"</span>
                    <input type="text" inputmode="numeric" autocomplete="off" aria-label="Page"
                        prop:value=move || { typed.track(); at.get().0.to_string() } on:change:target=move |event| enter(event.target().value())/>
                    <span>{move || format!("of {}", grouped(last.get()))}</span>
                </label>
                <Button label="Next page" on_click=move |()| go(heading_for.get_untracked() + 1) disabled=Signal::derive(move || heading_for.get() >= last.get())/>
            </span>
            <Select label="Rows per page" options value=Signal::derive(move || rows.get().to_string()) on_change=choose/>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_as_people_count() {
        assert_eq!(place_in_words(2, 10, 42), "11–20 of 42");
        assert_eq!(place_in_words(5, 10, 42), "41–42 of 42");
        assert_eq!(place_in_words(1, 100, 1), "1–1 of 1");
        assert_eq!([last_page(0, 10), last_page(10, 10), last_page(11, 10), last_page(42, 10)], [1, 1, 2, 5]);
    }
}
