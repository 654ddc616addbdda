//! The filters of the log.

use leptos::prelude::*;

use super::query_state::AuditQueryState;
use crate::pages::settings::log::{NamedFilter, PeriodFilter};
use latchkey_types::{
    audit::{ACTOR_CONSOLE, ACTOR_KEYS, AuditActor, AuditPage as Page, AuditPeriod, action_label},
    audit_action::{ACTION_GROUPS, Action, ActionGroup, TARGETS},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    search::SearchField,
    select::{Choice, Select, choices},
};

#[component]
pub(super) fn Filters(
    query_state: AuditQueryState,
    actors: Vec<AuditActor>,
    /// The loaded events, which have the names of other actors.
    page: RwSignal<Page>,
) -> impl IntoView {
    let actor_name = Callback::new(move |actor: String| page.with_untracked(|page| name_of(page, &actor)));
    let targets: Vec<_> = std::iter::once(("", "All targets")).chain(TARGETS.iter().copied()).collect();
    view! {
        <SearchField placeholder="Search events" search=query_state.filter(|query| query.search.clone())
            on_search=move |search: String| query_state.change(|query| search.trim().clone_into(&mut query.search))/>
        <div class="log-filters">
            // Another actor, such as one API key, is selected by the URL and in the details of an event.
            <NamedFilter label="Actor" all="All actors" options=actor_options(actors) value=query_state.filter(|query| query.actor.clone())
                name=actor_name on_change=move |actor: String| query_state.change(|query| query.actor = actor)/>
            <ActionSelect query_state/>
            <Select label="Target" options=choices(&targets) value=query_state.filter(|query| query.target.clone())
                on_change=move |target: String| query_state.change(|query| query.target = target)/>
            <PeriodFilter value=query_state.filter(|query| query.period.as_str().to_owned())
                on_change=move |period: AuditPeriod| query_state.change(|query| query.period = period)/>
        </div>
    }
}

/// The members, and what acts without being one.
fn actor_options(actors: Vec<AuditActor>) -> Vec<Choice> {
    let mut options = choices(&[(ACTOR_KEYS, "API keys"), (ACTOR_CONSOLE, "Command line")]);
    options.extend(actors);
    options
}

/// The name that an actor has in the events of a page.
fn name_of(page: &Page, actor: &str) -> Option<String> {
    page.events.iter().find(|event| event.actor_id == actor).map(|event| event.actor.clone())
}

/// The actions, by group.
#[component]
fn ActionSelect(query_state: AuditQueryState) -> impl IntoView {
    let value = query_state.filter(|query| query.action.clone());
    let selected = value.get_untracked();
    let option = |action: &Action| {
        let is_selected = action.code == selected;
        view! { <option value=action.code selected=is_selected>{action_label(action.code)}</option> }
    };
    let group = |group: &ActionGroup| view! { <optgroup label=group.label>{group.actions.iter().map(option).collect_view()}</optgroup> };
    view! {
        <div class="filter-select">
            <span aria-hidden="true">"Action"</span>
            <div class="select">
                <select aria-label="Action" prop:value=move || value.get()
                    on:change:target=move |event| query_state.change(|query| query.action = event.target().value())>
                    <option value="" selected=selected.is_empty()>"All actions"</option>
                    {ACTION_GROUPS.iter().map(group).collect_view()}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
        </div>
    }
}
