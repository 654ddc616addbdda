//! The search field and the filters of a list.

use leptos::prelude::*;

use super::query_state::{EXPIRING, Filter, QueryState};
use latchkey_types::{
    key_kind::{Expiry, KindSpec, Status},
    listing::EXPIRING_DAYS,
};
use latchkey_ui::{
    search::{FilterField, SearchField},
    select::{Choice, Select},
};

/// The search field. `/` focuses it from anywhere on the page.
#[component]
pub(super) fn Search(query_state: QueryState) -> impl IntoView {
    view! {
        <SearchField placeholder="Search by name" search=from_url(query_state, Filter::Search)
            on_search=move |text: String| query_state.set_filter(Filter::Search, &text)/>
    }
}

/// The value of a filter in the URL.
fn from_url(query_state: QueryState, filter: Filter) -> Signal<String> {
    Signal::derive(move || query_state.get().filter(filter).to_owned())
}

#[component]
pub(super) fn Filters(spec: &'static KindSpec, query_state: QueryState) -> impl IntoView {
    let statuses = statuses(spec);
    let status = (statuses.len() > 2).then(|| {
        view! {
            <Select label="Status" options=statuses value=from_url(query_state, Filter::Status)
                on_change=move |chosen: String| query_state.set_filter(Filter::Status, &chosen)/>
        }
    });
    let text = |label, filter| {
        spec.has_annotations.then(|| {
            view! { <FilterField label filter=from_url(query_state, filter) on_filter=move |text: String| query_state.set_filter(filter, &text)/> }
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

/// The options of the status filter for a kind.
fn statuses(spec: &KindSpec) -> Vec<Choice> {
    let choice = |status: Status| (status.as_str().to_owned(), status.label().to_owned());
    let mut choices = vec![(String::new(), "All".to_owned()), choice(Status::Active)];
    if spec.is_inbound() {
        choices.push(choice(Status::Disabled));
    }
    if spec.expiry != Expiry::Never {
        choices.push(choice(Status::Expired));
        choices.push((EXPIRING.to_owned(), format!("Expires within {EXPIRING_DAYS} days")));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::key_kind::{CredentialKind, KeyKind};

    #[test]
    fn status_options_depend_on_the_kind() {
        let values = |spec| statuses(spec).into_iter().map(|(value, _)| value).collect::<Vec<_>>();
        assert_eq!(values(KeyKind::Agent.spec()), ["", "active", "disabled", "expired", EXPIRING]);
        assert_eq!(values(KeyKind::Corpus.spec()), ["", "active", "disabled"]);
        assert_eq!(values(CredentialKind::External.spec()), ["", "active", "expired", EXPIRING]);
        assert_eq!(values(CredentialKind::General.spec()), ["", "active"]);
    }
}
