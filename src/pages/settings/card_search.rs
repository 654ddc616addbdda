//! The search over the cards of a page, such as those of providers.

use leptos::prelude::*;

use latchkey_ui::{number::pluralize_count, search::SearchField};

/// Number of cards from which there is a search field.
const SEARCH_FROM: usize = 8;

/// A search field and the number of cards that match, if there are many cards. The cards hide themselves.
#[component]
pub(super) fn CardSearch(
    /// The current search.
    search: RwSignal<String>,
    /// Shown while it is empty.
    placeholder: &'static str,
    /// Number of cards.
    count: Memo<usize>,
    /// Number of cards that match the search.
    matching: Memo<usize>,
    /// What a card is, in singular and plural.
    nouns: (&'static str, &'static str),
) -> impl IntoView {
    // Also while a search hides cards.
    let is_searchable = Memo::new(move |_| count.get() >= SEARCH_FROM || search.with(|search| !search.is_empty()));
    view! {
        <Show when=move || is_searchable.get()>
            <div class="provider-toolbar">
                <SearchField placeholder search on_search=move |typed: String| search.set(typed)/>
                <p class="provider-count" role="status">{move || search.with(|search| status_text(matching.get(), search, nouns))}</p>
            </div>
        </Show>
    }
}

fn status_text(matching: usize, search: &str, (one, many): (&str, &str)) -> String {
    if matching == 0 { format!("No {many} match “{search}”.") } else { pluralize_count(matching, one, many) }
}

#[cfg(test)]
mod tests {
    use super::status_text;

    #[test]
    fn status_counts_matches_or_names_the_search() {
        let text = |matching, search| status_text(matching, search, ("service", "services"));
        assert_eq!(text(0, "stripe"), "No services match “stripe”.");
        assert_eq!(text(1, ""), "1 service");
        assert_eq!(text(2, "api"), "2 services");
    }
}
