//! Navigation below the list: range, page and rows per page.

use leptos::prelude::*;

use super::context::IssuedContext;
use latchkey_types::{issued_key::ROWS, listing::last_page};
use latchkey_ui::{
    button::Button,
    number::{format_integer, page_range},
    select::Select,
};

#[component]
pub(super) fn Pager(context: IssuedContext) -> impl IntoView {
    let query_state = context.query_state;
    let position = Memo::new(move |_| context.page.with(|page| page.as_ref().map_or((1, 0), |page| (page.page, page.count))));
    // The visible range comes from the response, the page size from the URL, which changes before the response arrives.
    let rows = Memo::new(move |_| query_state.get().rows);
    let last = Memo::new(move |_| last_page(position.get().1, rows.get()));
    // Repeated clicks count from the requested page, not from the one still shown.
    let target_page = Memo::new(move |_| query_state.get().page.clamp(1, last.get()));
    let go = move |page: i64| query_state.change(|query| query.page = page.clamp(1, last.get_untracked()));
    let typed = RwSignal::new(0_u32);
    let enter = move |text: String| {
        if let Ok(page) = text.trim().parse() {
            go(page);
        }
        // Restores the shown page number after invalid input.
        typed.update(|typed| *typed += 1);
    };
    let options = ROWS.iter().map(|rows| (rows.to_string(), rows.to_string())).collect::<Vec<_>>();
    let choose_rows = move |value: String| {
        query_state.change(|query| {
            // The first visible row stays on the page.
            let first = (query.page - 1) * query.rows;
            query.rows = value.parse().unwrap_or(ROWS[0]);
            query.page = first / query.rows + 1;
        });
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <p class="pager-range" role="status">{move || { let (page, count) = position.get(); page_range(page, rows.get(), count) }}</p>
            <span class="pager-pages">
                <Button label="Previous page" on_click=move |()| go(target_page.get_untracked() - 1) disabled=Signal::derive(move || target_page.get() <= 1)/>
                <label class="pager-page">
                    <span>"Page"</span>
                    <input type="text" inputmode="numeric" autocomplete="off" aria-label="Page"
                        prop:value=move || { typed.track(); position.get().0.to_string() } on:change:target=move |event| enter(event.target().value())/>
                    <span>{move || format!("of {}", format_integer(last.get()))}</span>
                </label>
                <Button label="Next page" on_click=move |()| go(target_page.get_untracked() + 1) disabled=Signal::derive(move || target_page.get() >= last.get())/>
            </span>
            <Select label="Rows per page" options value=Signal::derive(move || rows.get().to_string()) on_change=choose_rows/>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_page_can_be_partly_filled() {
        assert_eq!([last_page(0, 10), last_page(10, 10), last_page(11, 10), last_page(42, 10)], [1, 1, 2, 5]);
    }
}
