//! The dialog that changes a budget: of the organization, of its new agent keys, or of a member.

use leptos::prelude::*;

use crate::{
    api::{
        members::set_member_budget,
        organization::{set_agent_budget, set_organization_budget},
    },
    pages::{
        keys::budget::{self, BudgetFields},
        receipt_text::receipt_text,
    },
};
use latchkey_types::{
    budget::{Budget, BudgetState},
    error::Error,
    id::UserId,
    receipt::{Done, WithReceipt},
};
use latchkey_ui::{form::Form, form_dialog::FormDialog, toast::ToastText};

/// Whose budget is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BudgetOwner {
    Organization,
    /// The default of new agent keys.
    AgentKeys,
    Member(UserId),
}

impl BudgetOwner {
    const fn title(self) -> &'static str {
        match self {
            Self::Organization => "Change budget of all calls",
            Self::AgentKeys => "Change budget of new agent keys",
            Self::Member(_) => "Change budget",
        }
    }

    async fn save(self, budget: Option<Budget>) -> Result<WithReceipt<Done>, Error> {
        match self {
            Self::Organization => set_organization_budget(budget).await,
            Self::AgentKeys => set_agent_budget(budget).await.map(|()| Done {}.into()),
            Self::Member(user) => set_member_budget(user, budget).await,
        }
    }
}

/// Changes a budget.
#[component]
pub(crate) fn BudgetDialog(
    owner: BudgetOwner,
    /// The current budget.
    before: Option<Budget>,
    /// What is spent of it, if that is known.
    state: Option<BudgetState>,
    on_dismiss: Callback<()>,
    /// Called with the message for the toast.
    on_done: Callback<ToastText>,
    /// What the budget is for.
    children: Children,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let call = budget::check(form).map(|choice| owner.save(choice.budget()));
        form.send(call, move |saved| on_done.run(receipt_text("Budget saved", &saved)));
    };
    let validate = move |()| {
        // It shows the errors.
        let _ = budget::check(form);
    };
    let note = state.as_ref().map(budget::used).unwrap_or_default();
    view! {
        <FormDialog title=owner.title() form submit="Save" on_submit=submit on_validate=validate on_dismiss>
            <p>{children()}</p>
            <BudgetFields form before=before.into() note/>
        </FormDialog>
    }
}
