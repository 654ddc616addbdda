//! The filters of the log.

use leptos::prelude::*;

use super::query_state::CallQueryState;
use crate::{
    api::calls::CallChoices,
    pages::settings::log::{NamedFilter, PeriodFilter},
};
use latchkey_types::{
    audit::AuditPeriod,
    model_call::{CallEvent, CallPage},
};
use latchkey_ui::select::{Select, choices};

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
            <PeriodFilter value=query_state.filter(|query| query.period.as_str().to_owned())
                on_change=move |period: AuditPeriod| query_state.change(|query| query.period = period)/>
        </div>
    }
}

/// The name that a key has in the calls of a page.
fn name_of_key(page: &CallPage, id: &str) -> Option<String> {
    let is_of_key = |call: &&CallEvent| call.key.is_some_and(|key| key.to_string() == id);
    page.items.iter().find(is_of_key).map(|call| call.key_name.clone())
}
