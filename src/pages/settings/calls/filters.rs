//! The filters of the log.

use leptos::prelude::*;

use super::query_state::CallQueryState;
use crate::api::calls::CallChoices;
use latchkey_types::{
    audit::AuditPeriod,
    model_call::{CallEvent, CallPage},
};
use latchkey_ui::select::{Choice, Select, choices};

#[component]
pub(super) fn Filters(
    query_state: CallQueryState,
    choices_of_log: CallChoices,
    /// The loaded calls, which have the names of further keys.
    page: RwSignal<CallPage>,
) -> impl IntoView {
    let CallChoices { keys, models, members } = choices_of_log;
    let models = models.into_iter().map(|model| (model.clone(), model)).collect();
    let keys = keys.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let members = members.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let unknown = Callback::new(|_: String| None);
    let key_name = Callback::new(move |id: String| page.with_untracked(|page| name_of_key(page, &id)));
    let outcomes = choices(&[("", "All outcomes"), ("succeeded", "Succeeded"), ("failed", "Failed")]);
    let periods: Vec<_> = AuditPeriod::ALL.iter().map(|period| (period.as_str(), period.label())).collect();
    view! {
        <div class="log-filters">
            <NamedFilter label="Model" all="All models" options=models value=query_state.filter(|query| query.model.clone()) name=unknown
                on_change=move |model: String| query_state.change(|query| query.model = model)/>
            <NamedFilter label="Key" all="All keys" options=keys value=query_state.filter(|query| query.key.clone()) name=key_name
                on_change=move |key: String| query_state.change(|query| query.key = key)/>
            <NamedFilter label="Member" all="All members" options=members value=query_state.filter(|query| query.member.clone()) name=unknown
                on_change=move |member: String| query_state.change(|query| query.member = member)/>
            <Select label="Outcome" options=outcomes value=query_state.filter(|query| query.outcome.clone())
                on_change=move |outcome: String| query_state.change(|query| query.outcome = outcome)/>
            <Select label="Period" options=choices(&periods) value=query_state.filter(|query| query.period.as_str().to_owned())
                on_change=move |period: String| query_state.change(|query| query.period = period.parse().unwrap_or_default())/>
        </div>
    }
}

/// The name that a key has in the calls of a page.
fn name_of_key(page: &CallPage, id: &str) -> Option<String> {
    let is_of_key = |call: &&CallEvent| call.key.is_some_and(|key| key.to_string() == id);
    page.items.iter().find(is_of_key).map(|call| call.key_name.clone())
}

/// A drop-down whose selected value may be none of its options: a link or the details of a call select others.
#[component]
fn NamedFilter(
    label: &'static str,
    /// Label of the first option, which accepts all calls.
    all: &'static str,
    options: Vec<Choice>,
    value: Signal<String>,
    /// The name of a value that is no option, if it is known.
    name: Callback<String, Option<String>>,
    #[prop(into)] on_change: Callback<String>,
) -> impl IntoView {
    let first: Vec<Choice> = std::iter::once((String::new(), all.to_owned())).chain(options).collect();
    // Options are only added: removing one would render the focused drop-down again.
    let options = Memo::new(move |before: Option<&Vec<Choice>>| {
        let options = before.cloned().unwrap_or_else(|| first.clone());
        value.with(|value| with_selected(options, value, || name.run(value.clone())))
    });
    move || view! { <Select label options=options.get() value on_change/> }
}

/// Adds the selected value.
fn with_selected(mut options: Vec<Choice>, selected: &str, name: impl FnOnce() -> Option<String>) -> Vec<Choice> {
    if options.iter().all(|(value, _)| value != selected) {
        options.push((selected.to_owned(), name().unwrap_or_else(|| selected.to_owned())));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_value_is_always_among_the_options() {
        let options = || choices(&[("", "All keys"), ("key_1", "build")]);
        assert_eq!(with_selected(options(), "key_1", || None).len(), 2);
        assert_eq!(with_selected(options(), "key_2", || Some("deploy".to_owned())).last(), Some(&("key_2".to_owned(), "deploy".to_owned())));
        assert_eq!(with_selected(options(), "key_3", || None).last(), Some(&("key_3".to_owned(), "key_3".to_owned())));
    }
}
