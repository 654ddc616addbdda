//! The organization's budgets for language models, and how long their calls are logged.

use leptos::prelude::*;

use super::{
    budget_dialog::{BudgetDialog, BudgetOwner},
    call_log::{CallLogDialog, days_text},
};
use crate::{api::organization::read_organization_budgets, pages::keys::budget::format};
use latchkey_types::{
    budget::{Budget, BudgetState},
    organization::OrganizationBudgets,
};
use latchkey_ui::{
    button::Button,
    dialog::use_dialogs,
    message::AlertWithRetry,
    resource::Refetchable,
    toast::{ToastText, use_toasts},
};

/// The open dialog, with the current value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenDialog {
    AllCalls(Option<BudgetState>),
    AgentKeys(Option<Budget>),
    CallLog(i64),
}

#[component]
pub(super) fn LanguageModels(first: OrganizationBudgets) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let budgets = Refetchable::new(first);
    let dialogs = use_dialogs::<OpenDialog>();

    // Actions
    let reload = Callback::new(move |()| budgets.refetch(read_organization_budgets));
    let done = dialogs.done(move |message: ToastText| {
        toasts.success(message);
        reload.run(());
    });
    let open = move |dialog: fn(&OrganizationBudgets) -> OpenDialog| Callback::new(move |()| dialogs.open(untrack(|| budgets.with(dialog))));

    // View
    let all_calls = move || budgets.with(|budgets| budgets.budget.as_ref().map_or_else(no_budget, format::state));
    let agent_keys = move || budgets.with(|budgets| budgets.agent_budget.as_ref().map_or_else(no_budget, format::budget));
    let call_log = move || budgets.with(|budgets| days_text(budgets.call_log_days));
    let on_dismiss = dialogs.dismiss;
    let dialog = move |open| match open {
        OpenDialog::AllCalls(state) => view! {
            <BudgetDialog owner=BudgetOwner::Organization before=state.map(|state| state.budget) state on_dismiss on_done=done>
                "All calls to language models share this budget: those with keys of this organization, and those of “Try it”."
            </BudgetDialog>
        }
        .into_any(),
        OpenDialog::AgentKeys(before) => view! {
            <BudgetDialog owner=BudgetOwner::AgentKeys before state=None on_dismiss on_done=done>
                "New agent keys start with this budget, unless another one is chosen. Existing keys keep theirs."
            </BudgetDialog>
        }
        .into_any(),
        OpenDialog::CallLog(days) => view! { <CallLogDialog days on_dismiss on_done=done/> }.into_any(),
    };
    view! {
        <section class="settings-card" aria-labelledby="organization-models">
            <h2 id="organization-models">"Language models"</h2>
            {move || budgets.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
            <dl class="properties">
                <div>
                    <dt>"Budget of all calls"</dt>
                    <dd class="property-action">
                        <span>{all_calls}</span>
                        <Button label="Change budget" on_click=open(|budgets| OpenDialog::AllCalls(budgets.budget))/>
                    </dd>
                </div>
                <div>
                    <dt>"New agent keys"</dt>
                    <dd class="property-action">
                        <span>{agent_keys}</span>
                        <Button label="Change default" on_click=open(|budgets| OpenDialog::AgentKeys(budgets.agent_budget))/>
                    </dd>
                </div>
                <div>
                    <dt>"Call log"</dt>
                    <dd class="property-action">
                        <span>{call_log}</span>
                        <Button label="Change days" on_click=open(|budgets| OpenDialog::CallLog(budgets.call_log_days))/>
                    </dd>
                </div>
            </dl>
        </section>
        {dialogs.render(dialog)}
    }
}

fn no_budget() -> String {
    "No budget".to_owned()
}
