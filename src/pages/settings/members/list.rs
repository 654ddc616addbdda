//! The table of members and invitations.

use leptos::{prelude::*, task::spawn_local};

use super::{
    context::{MembersContext, OpenDialog},
    invitation::InvitationTableRow,
};
use crate::{
    api::members::enable_member,
    pages::{keys::budget::format, layout::initials},
    routes,
};
use latchkey_types::{id::UserId, member::MemberRow};
use latchkey_ui::{
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    rows::ForRows,
    table::{Column, Table},
    time::Time,
};

/// The members, then those who are invited.
#[component]
pub(super) fn Members(context: MembersContext) -> impl IntoView {
    let menu = SharedMenu::new();
    let members = context.people.rows(|people| &people.members, |member| member.id);
    let invitations = context.people.rows(|people| &people.invitations, |invitation| invitation.id);
    let columns: Vec<Column> =
        vec!["Name".into(), "Email".into(), "Role".into(), "Status".into(), "Last seen".into(), Column::Number("Keys"), Column::Hidden("Action")];
    view! {
        <Table label="Members" columns>
            <ForRows rows=members let(member)><MemberTableRow context member menu/></ForRows>
            <ForRows rows=invitations let(invitation)><InvitationTableRow context invitation menu/></ForRows>
        </Table>
        <MenuList menu id="member-actions"/>
    }
}

#[component]
fn MemberTableRow(context: MembersContext, member: Memo<MemberRow>, menu: SharedMenu) -> impl IntoView {
    let id = member.with_untracked(|member| member.id);
    let role = move || context.people.with(|people| people.role_label(member.with(|member| member.role_id)));
    let is_you = Memo::new(move |_| context.people.with(|people| people.viewer == id));
    let status = move || if member.get().disabled_at.is_some() { ("status status-disabled", "Disabled") } else { ("status status-active", "Active") };
    let spent = move || {
        let spent = member.with(|member| member.budget.as_ref().map(|state| format!("Spent {}", format::state(state))));
        spent.map(|spent| view! { <span class="status-hint">{spent}</span> })
    };
    view! {
        <tr aria-label=move || member.get().name>
            <td class="cell-name">
                <span class="name-with-tag">
                    <span class="avatar" aria-hidden="true">{move || member.with(|member| initials(&member.name))}</span>
                    <span class="cell-text" dir="auto">{move || member.get().name}</span>
                    {move || is_you.get().then(|| view! { <span class="tag">"You"</span> })}
                </span>
            </td>
            <td class="cell-soft" data-label="Email"><span class="cell-text">{move || member.get().email}</span></td>
            <td data-label="Role"><span class="cell-text">{role}</span></td>
            <td data-label="Status"><div class="status-with-hint"><span class=move || status().0>{move || status().1}</span>{spent}</div></td>
            <td class="cell-soft" data-label="Last seen">
                {move || match member.get().last_seen_at {
                    Some(at) => view! { <Time at/> }.into_any(),
                    None => view! { <span class="no-value">"Never"</span> }.into_any(),
                }}
            </td>
            <td class="cell-number" data-label="Keys">{move || member.get().keys}</td>
            <td class="cell-action"><MemberActions context member is_you menu/></td>
        </tr>
    }
}

/// The actions on a member. Members can't change their own role or disable themselves: their own row links to their profile.
#[component]
fn MemberActions(context: MembersContext, member: Memo<MemberRow>, is_you: Memo<bool>, menu: SharedMenu) -> impl IntoView {
    let id = member.with_untracked(|member| member.id);
    let items = Callback::new(move |()| actions(context, &member.get_untracked()));
    let can_change = Memo::new(move |_| context.may_change(member.with(|member| member.role_id)));
    move || {
        if is_you.get() {
            view! { <a href=routes::PROFILE.path title="Someone else must change your role">{routes::PROFILE.label}</a> }.into_any()
        } else if can_change.get() {
            view! { <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton> }
                .into_any()
        } else {
            view! { <span class="no-value" title="This role has permissions that you don’t have">"Locked"</span> }.into_any()
        }
    }
}

fn actions(context: MembersContext, member: &MemberRow) -> Vec<MenuItem> {
    let open = |dialog| MenuAction::Run(context.dialogs.opener(dialog));
    let role = MenuItem { label: "Change role", glyph: Glyph::Person, action: open(OpenDialog::Role(member.clone())) };
    let budget = MenuItem { label: "Change budget", glyph: Glyph::Chart, action: open(OpenDialog::Budget(member.clone())) };
    let toggle = if member.disabled_at.is_some() {
        let (id, name) = (member.id, member.name.clone());
        let enable = Callback::new(move |()| enable(context, id, name.clone()));
        MenuItem { label: "Enable", glyph: Glyph::Check, action: MenuAction::Run(enable) }
    } else {
        MenuItem { label: "Disable", glyph: Glyph::Close, action: open(OpenDialog::Disable(member.clone())) }
    };
    vec![role, budget, toggle]
}

fn enable(context: MembersContext, id: UserId, name: String) {
    spawn_local(async move {
        match enable_member(id).await {
            Ok(()) => context.notify(format!("{name} enabled")),
            Err(error) => context.fail(&error),
        }
    });
}
