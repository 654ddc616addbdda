//! Dialogs to change a member's role and budget, and to disable a member.

use leptos::prelude::*;

use super::{context::MembersContext, invite::chosen_role};
use crate::{
    api::members::{disable_member, set_role},
    pages::{
        receipt_text::receipt_text,
        settings::organization::budget_dialog::{BudgetDialog, BudgetOwner},
    },
};
use latchkey_types::{
    error::Error,
    id::UserId,
    member::{MemberRow, MembersPageData},
    permission::Permission,
};
use latchkey_ui::{
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    form::{Form, FormError},
    form_dialog::FormDialog,
    number::pluralize,
    radio::RadioGroup,
    select::{Choice, SelectField, choices},
    toast::ToastText,
};

const DISABLE: &str = "disable";
const TRANSFER: &str = "transfer";

#[component]
pub(super) fn RoleDialog(context: MembersContext, member: MemberRow, on_dismiss: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| {
        let request = form.check("role", chosen_role).map(|role| set_role(member.id, role));
        form.send(request, move |changed| context.done(receipt_text("Role changed", &changed)));
    });
    view! {
        <FormDialog title="Change role" form submit="Save" on_submit=submit on_dismiss>
            <p>"Takes effect immediately for " <strong class="quoted">{member.name}</strong> " and for the keys they created."</p>
            <SelectField form name="role" label="Role" options=context.choices() value=member.role_id.to_string()/>
        </FormDialog>
    }
}

/// Changes what all keys of a member may spend on language models.
#[component]
pub(super) fn MemberBudgetDialog(context: MembersContext, member: MemberRow, on_dismiss: Callback<()>) -> impl IntoView {
    let done = Callback::new(move |message: ToastText| context.done(message));
    view! {
        <BudgetDialog owner=BudgetOwner::Member(member.id) before=member.budget.map(|state| state.budget) state=member.budget on_dismiss on_done=done>
            "All calls to language models by " <strong class="quoted">{member.name}</strong> ", and with the keys they created, share this budget."
        </BudgetDialog>
    }
}

/// Disables a member. Their keys are disabled, or transferred to another member.
#[component]
pub(super) fn DisableDialog(context: MembersContext, member: MemberRow, on_dismiss: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let key_action = RwSignal::new(DISABLE.to_owned());
    let is_transfer = Memo::new(move |_| key_action.with(|action| action == TRANSFER));
    let name = member.name.clone();
    let submit = Callback::new(move |()| {
        let message = format!("{name} disabled");
        let receiver = if is_transfer.get_untracked() { form.check("receiver", parse_member).map(Some) } else { Some(None) };
        form.send(receiver.map(|receiver| disable_member(member.id, receiver)), move |disabled| context.done(receipt_text(message, &disabled)));
    });

    let facts = format!("{} · {}", member.email, pluralize(member.keys, "key", "keys"));
    let receivers = untrack(|| context.people.with(|people| receivers(context, people, member.id)));
    let key_actions = if receivers.is_empty() {
        choices(&[(DISABLE, "Disable their keys")])
    } else {
        choices(&[(DISABLE, "Disable their keys"), (TRANSFER, "Transfer their keys")])
    };
    let keys = (member.keys > 0).then(|| {
        view! {
            <RadioGroup form name="keys" label="Their keys" options=key_actions chosen=key_action/>
            <Show when=move || is_transfer.get() fallback=|| view! { <p class="field-hint">"Keys stay disabled until the member is re-enabled."</p> }>
                <SelectField form name="receiver" label="New owner" options=receivers.clone() hint="Keys get the new owner’s permissions."/>
                <p class="field-hint">"Internal and project keys can’t be transferred; they stay disabled."</p>
            </Show>
        }
    });
    view! {
        <ConfirmDialog title="Disable this member?" objects=vec![ConfirmObject { name: member.name, facts }]
            effect="They will be signed out everywhere and can’t sign in until re-enabled. Invitations they sent become invalid."
            verb="Disable" form on_confirm=submit on_dismiss>
            {keys}
            <FormError form about="member"/>
        </ConfirmDialog>
    }
}

/// Other active members who can manage API keys, and whose permissions the viewer also has.
fn receivers(context: MembersContext, people: &MembersPageData, from: UserId) -> Vec<Choice> {
    let can_receive = |member: &&MemberRow| {
        let role = people.roles.iter().find(|role| role.id == member.role_id);
        role.is_some_and(|role| role.permissions.has(Permission::ManageApiKeys) && context.own.first_missing(role.permissions).is_none())
    };
    let others = people.members.iter().filter(|member| member.id != from && member.disabled_at.is_none());
    others.filter(can_receive).map(|member| (member.id.to_string(), format!("{} ({})", member.name, member.email))).collect()
}

fn parse_member(field: &str, value: &str) -> Result<UserId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a member."))
}
