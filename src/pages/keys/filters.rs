//! What narrows a list: the search, and the filters beside it.

use leptos::prelude::*;

use super::{
    place::{EXPIRING, Filter, ListPlace},
    tabs::KeyTab,
};
use crate::{
    model::{
        listing::EXPIRING_DAYS,
        policy::{Expiry, Status},
    },
    ui::{
        search::{FilterField, SearchField},
        select::{Choice, Select},
    },
};

/// The search field. Searches while one types; `/` leads to it from anywhere on the page.
#[component]
pub fn Search(
    /// What is searched for.
    place: ListPlace,
) -> impl IntoView {
    view! {
        <SearchField placeholder="Search by name" search=in_address(place, Filter::Search)
            on_search=move |text: String| place.narrow(Filter::Search, &text)/>
    }
}

/// What the address says of a filter.
fn in_address(place: ListPlace, filter: Filter) -> Signal<String> {
    Signal::derive(move || place.get().filter(filter).to_owned())
}

/// The filters that a kind has.
#[component]
pub fn Filters(
    /// The kind.
    tab: &'static KeyTab,
    /// What is looked for.
    place: ListPlace,
) -> impl IntoView {
    let statuses = statuses(tab);
    let status = (statuses.len() > 2).then(|| {
        view! {
            <Select label="Status" options=statuses value=in_address(place, Filter::Status)
                on_change=move |chosen: String| place.narrow(Filter::Status, &chosen)/>
        }
    });
    let text = |label, filter| {
        tab.policy().annotated.then(|| {
            view! { <FilterField label filter=in_address(place, filter) on_filter=move |text: String| place.narrow(filter, &text)/> }
        })
    };
    view! {
        <div class="filters">
            {status}
            {text("External ID", Filter::ExternalId)}
            {text("Scope", Filter::Scope)}
        </div>
    }
}

/// What the keys of a kind can be, as choices.
fn statuses(tab: &KeyTab) -> Vec<Choice> {
    let choice = |status: Status| (status.word().to_owned(), status.label().to_owned());
    let mut choices = vec![(String::new(), "All".to_owned()), choice(Status::Active)];
    if tab.is_inbound() {
        choices.push(choice(Status::Disabled));
    }
    if tab.policy().expiry != Expiry::Never {
        choices.push(choice(Status::Expired));
        choices.push((EXPIRING.to_owned(), format!("Expires within {EXPIRING_DAYS} days")));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::keys::tabs::{AGENT, CORPUS, EXTERNAL, GENERAL};

    #[test]
    fn a_kind_is_filtered_by_what_it_can_be() {
        let words = |tab| statuses(tab).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(words(&AGENT), ["", "active", "disabled", "expired", EXPIRING]);
        assert_eq!(words(&CORPUS), ["", "active", "disabled"]);
        assert_eq!(words(&EXTERNAL), ["", "active", "expired", EXPIRING]);
        assert_eq!(words(&GENERAL), ["", "active"]);
    }
}
