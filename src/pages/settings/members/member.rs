//! The dialogs that change a member's role and shut a member out.

use leptos::prelude::*;

use super::{Desk, invite::chosen_role};
use crate::{
    api::members::{disable_member, set_role},
    model::{
        fault::Fault,
        id::UserId,
        people::{MemberRow, People},
        permission::Permission,
    },
    ui::{
        button::Weight,
        form::{Form, FormWrong},
        form_dialog::FormDialog,
        radio::RadioGroup,
        select::{Choice, SelectField, choices},
    },
};

const STOP: &str = "stop";
const HAND_OVER: &str = "hand-over";

/// Asks for another role, then gives it.
#[component]
pub fn RoleDialog(
    /// What the page shares.
    desk: Desk,
    /// Whose role.
    member: MemberRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
) -> impl IntoView {
    let form = Form::new();
    let name = member.name.clone();
    let submit = Callback::new(move |()| {
        let told = format!("{name} has another role now.");
        let call = form.check("role", chosen_role).map(|role| set_role(member.id, role));
        form.send(call, move |()| desk.done(told));
    });
    view! {
        <FormDialog title="Change role" form submit="Save" on_submit=submit on_dismiss>
            <p>"It counts at once for " <strong class="quoted">{member.name}</strong> " and for the keys that they made."</p>
            <SelectField form name="role" label="Role" options=desk.choices() value=member.role_id.to_string()/>
        </FormDialog>
    }
}

/// Asks what is to become of a member's keys, then shuts the member out.
#[component]
pub fn DisableDialog(
    /// What the page shares.
    desk: Desk,
    /// Whom.
    member: MemberRow,
    /// Leaves them as they are.
    on_dismiss: Callback<()>,
) -> impl IntoView {
    let form = Form::new();
    let fate = RwSignal::new(STOP.to_owned());
    let hands_over = Memo::new(move |_| fate.with(|fate| fate == HAND_OVER));
    let name = member.name.clone();
    let submit = Callback::new(move |()| {
        let told = format!("{name} is signed out everywhere and can't sign in.");
        let receiver = if hands_over.get_untracked() { form.check("receiver", chosen_member).map(Some) } else { Some(None) };
        form.send(receiver.map(|receiver| disable_member(member.id, receiver)), move |()| desk.done(told));
    });

    let receivers = untrack(|| desk.people.with(|people| receivers(desk, people, member.id)));
    let fates = if receivers.is_empty() { choices(&[(STOP, "Stop them")]) } else { choices(&[(STOP, "Stop them"), (HAND_OVER, "Hand them to")]) };
    let keys = (member.keys > 0).then(|| {
        view! {
            <RadioGroup form name="keys" label="Their keys" options=fates chosen=fate/>
            <Show when=move || hands_over.get() fallback=|| view! { <p class="field-hint">"They rest until the member is enabled again."</p> }>
                <SelectField form name="receiver" label="New holder" options=receivers.clone() hint="The keys then do what their new holder may do."/>
                <p class="field-hint">"Internal keys and project keys are not handed over: they act for whoever holds them, so they rest."</p>
            </Show>
        }
    });
    view! {
        <FormDialog title="Disable this member?" form submit="Disable" weight=Weight::Danger on_submit=submit on_dismiss>
            <p>
                <strong class="quoted">{member.name}</strong>
                " is signed out everywhere at once and can't sign in until somebody enables them again. Invitations that they sent are no longer good."
            </p>
            {keys}
            <FormWrong form about="member"/>
        </FormDialog>
    }
}

/// Who may have a member's keys: other active members who may hold keys and may do nothing that the reader may not.
fn receivers(desk: Desk, people: &People, from: UserId) -> Vec<Choice> {
    let may_hold = |member: &&MemberRow| {
        let role = people.roles.iter().find(|role| role.id == member.role_id);
        role.is_some_and(|role| role.permissions.has(Permission::ManageApiKeys) && desk.own.first_missing(role.permissions).is_none())
    };
    let others = people.members.iter().filter(|member| member.id != from && member.disabled_at.is_none());
    others.filter(may_hold).map(|member| (member.id.to_string(), format!("{} ({})", member.name, member.email))).collect()
}

fn chosen_member(field: &str, value: &str) -> Result<UserId, Fault> {
    value.parse().map_err(|_| Fault::invalid(field, "Choose a member."))
}
