//! The search field and the filters of a list.

use std::time::Duration;

use leptos::prelude::*;

use super::query_state::{EXPIRING, Filter, QueryState};
use latchkey_types::{
    key_kind::{Expiry, KindSpec, Status},
    listing::EXPIRING_DAYS,
};
use latchkey_ui::{
    browser,
    button::IconButton,
    icon::{Glyph, Icon},
    menu::{Menu, MenuAction, MenuItem},
    search::{FilterField, SearchField},
    select::{Choice, Select},
};

/// The search field. `/` focuses it from anywhere on the page.
#[component]
pub(super) fn Search(spec: &'static KindSpec, query_state: QueryState) -> impl IntoView {
    let placeholder = if spec.has_annotations { "Name, external ID or key ID" } else { "Search by name or ID" };
    view! {
        <SearchField placeholder search=from_url(query_state, Filter::Search)
            on_search=move |text: String| query_state.set_filter(Filter::Search, &text)/>
    }
}

/// The value of a filter in the URL.
fn from_url(query_state: QueryState, filter: Filter) -> Signal<String> {
    Signal::derive(move || query_state.get().filter(filter).to_owned())
}

/// The filters that are in use, also without a value.
#[derive(Clone, Copy)]
struct UsedFilters {
    query_state: QueryState,
    added: RwSignal<Vec<Filter>>,
}

impl UsedFilters {
    fn contains(self, filter: Filter) -> bool {
        self.added.with(|added| added.contains(&filter)) || !self.query_state.get().filter(filter).is_empty()
    }

    /// Shows a filter and focuses its control.
    fn add(self, filter: Filter) {
        self.set(filter, None);
        // The control is rendered first.
        set_timeout(move || focus_control(filter), Duration::ZERO);
    }

    /// Marks a filter as used, so that its field does not vanish while its text is deleted, and sets its value if there is one.
    fn set(self, filter: Filter, value: Option<&str>) {
        self.added.update(|added| {
            if !added.contains(&filter) {
                added.push(filter);
            }
        });
        if let Some(value) = value {
            self.query_state.set_filter(filter, value);
        }
    }

    fn remove(self, filter: Filter) {
        self.added.update(|added| added.retain(|other| *other != filter));
        self.query_state.set_filter(filter, "");
        // The clicked button is removed. The menu exists only in a narrow window, in which the control is removed too.
        focus_control(filter);
        browser::focus_id("filter-menu-button");
    }
}

fn focus_control(filter: Filter) {
    if let Some(body) = document().body() {
        browser::focus_first(&body, &format!(".filters [aria-label=\"{}\"]", filter.label()));
    }
}

/// The filters of a kind. In a narrow window each is shown once it is chosen from the menu.
#[component]
pub(super) fn Filters(spec: &'static KindSpec, query_state: QueryState) -> impl IntoView {
    let used = UsedFilters { query_state, added: RwSignal::new(Vec::new()) };
    let statuses = statuses(spec);
    let has_status = statuses.len() > 2;
    let of_text: &[Filter] = if spec.has_annotations { &[Filter::ExternalId, Filter::Scope] } else { &[] };
    let item = |filter: Filter| {
        let add = Callback::new(move |()| used.add(filter));
        MenuItem { label: filter.label(), glyph: Glyph::Filter, action: MenuAction::Run(add) }
    };
    let items: Vec<_> = has_status.then_some(Filter::Status).into_iter().chain(of_text.iter().copied()).map(item).collect();
    view! {
        <div class="filters">
            {has_status.then(|| view! { <StatusFilter used options=statuses/> })}
            {of_text.iter().map(|filter| view! { <TextFilter used filter=*filter/> }).collect_view()}
            {(!items.is_empty()).then(|| view! {
                <div class="filter-menu">
                    <Menu id="filter-menu" class="button" items>
                        <Icon glyph=Glyph::Filter/>
                        <span class="filter-menu-label">"Filter"</span>
                    </Menu>
                </div>
            })}
        </div>
    }
}

/// The status filter.
#[component]
fn StatusFilter(used: UsedFilters, options: Vec<Choice>) -> impl IntoView {
    view! {
        <div class="filter-status" class:filter-unused=move || !used.contains(Filter::Status)>
            <Select label=Filter::Status.label() options value=from_url(used.query_state, Filter::Status)
                on_change=move |chosen: String| used.set(Filter::Status, Some(&chosen))/>
        </div>
    }
}

/// A filter with the beginning of a value, and a button that removes it.
#[component]
fn TextFilter(used: UsedFilters, filter: Filter) -> impl IntoView {
    let is_used = Memo::new(move |_| used.contains(filter));
    let remove_label = if filter == Filter::Scope { "Remove scope filter" } else { "Remove external ID filter" };
    view! {
        <div class="filter-chip" class:filter-unused=move || !is_used.get()>
            <FilterField label=filter.label() filter=from_url(used.query_state, filter) on_filter=move |text: String| used.set(filter, Some(&text))/>
            <Show when=move || is_used.get()>
                <IconButton label=remove_label glyph=Glyph::Close on_click=move |_| used.remove(filter)/>
            </Show>
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
