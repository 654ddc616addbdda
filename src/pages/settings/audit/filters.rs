//! The filters of the log.

use leptos::prelude::*;

use super::query_state::AuditQueryState;
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
    let actor = query_state.filter(|query| query.actor.clone());
    // Choices are only added: removing one would render the focused drop-down again.
    let actors = Memo::new(move |before: Option<&Vec<Choice>>| {
        let options = before.cloned().unwrap_or_else(|| actor_choices(actors.clone()));
        actor.with(|actor| with_selected(options, actor, || page.with_untracked(|page| name_of(page, actor))))
    });
    let targets: Vec<_> = std::iter::once(("", "All targets")).chain(TARGETS.iter().copied()).collect();
    let periods: Vec<_> = AuditPeriod::ALL.iter().map(|period| (period.as_str(), period.label())).collect();
    view! {
        <SearchField placeholder="Search events" search=query_state.filter(|query| query.search.clone())
            on_search=move |search: String| query_state.change(|query| search.trim().clone_into(&mut query.search))/>
        <div class="log-filters">
            {move || view! {
                <Select label="Actor" options=actors.get() value=actor
                    on_change=move |actor: String| query_state.change(|query| query.actor = actor)/>
            }}
            <ActionSelect query_state/>
            <Select label="Target" options=choices(&targets) value=query_state.filter(|query| query.target.clone())
                on_change=move |target: String| query_state.change(|query| query.target = target)/>
            <Select label="Period" options=choices(&periods) value=query_state.filter(|query| query.period.as_str().to_owned())
                on_change=move |period: String| query_state.change(|query| query.period = period.parse().unwrap_or_default())/>
        </div>
    }
}

/// All actors, the members, and what acts without being one.
fn actor_choices(actors: Vec<AuditActor>) -> Vec<Choice> {
    let mut options = choices(&[("", "All actors"), (ACTOR_KEYS, "API keys"), (ACTOR_CONSOLE, "Command line")]);
    options.extend(actors);
    options
}

/// Adds the selected actor. Another one, such as one API key, is selected by the URL and in the details of an event.
fn with_selected(mut options: Vec<Choice>, selected: &str, name: impl FnOnce() -> Option<String>) -> Vec<Choice> {
    if options.iter().all(|(id, _)| id != selected) {
        options.push((selected.to_owned(), name().unwrap_or_else(|| selected.to_owned())));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_actor_is_always_among_the_choices() {
        let options = || actor_choices(vec![("usr_1".to_owned(), "Ada".to_owned())]);
        assert_eq!(with_selected(options(), "usr_1", || None).len(), 4);
        let options = with_selected(options(), "key_1", || Some("ci".to_owned()));
        assert_eq!(options.last(), Some(&("key_1".to_owned(), "ci".to_owned())));
    }
}
