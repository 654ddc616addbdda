//! The table of members.

use leptos::{prelude::*, task::spawn_local};

use super::context::{MembersContext, OpenDialog};
use crate::api::members::enable_member;
use latchkey_types::{id::UserId, member::MemberRow};
use latchkey_ui::{
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    table::{Column, RowTable},
    time::Time,
};

#[component]
pub(super) fn Members(context: MembersContext) -> impl IntoView {
    let menu = SharedMenu::new();
    let members = context.people.rows(|people| &people.members, |member| member.id);
    let columns = vec!["Name".into(), "Email".into(), "Role".into(), "Status".into(), "Last seen".into(), Column::Number("Keys"), "Action".into()];
    view! {
        <RowTable label="Members" columns rows=members let(member)>
            <MemberTableRow context member menu/>
        </RowTable>
        <MenuList menu id="member-actions"/>
    }
}

#[component]
fn MemberTableRow(context: MembersContext, member: Memo<MemberRow>, menu: SharedMenu) -> impl IntoView {
    let id = member.with_untracked(|member| member.id);
    let role = move || context.people.with(|people| people.role_name(member.with(|member| member.role_id)));
    let is_you = move || context.people.with(|people| people.viewer == id);
    let status = move || if member.get().disabled_at.is_some() { ("status", "Disabled") } else { ("status status-active", "Active") };
    let items = Callback::new(move |()| actions(context, &member.get_untracked()));
    // Viewers can't change their own role or disable themselves.
    let can_change = move || !is_you() && context.may_change(member.with(|member| member.role_id));
    view! {
        <tr aria-label=move || member.get().name>
            <td class="cell-name">
                <span class="name-with-tag">
                    <span class="cell-text">{move || member.get().name}</span>
                    {move || is_you().then(|| view! { <span class="tag">"You"</span> })}
                </span>
            </td>
            <td class="cell-soft" data-label="Email"><span class="cell-text">{move || member.get().email}</span></td>
            <td data-label="Role"><span class="cell-text role-name">{role}</span></td>
            <td data-label="Status"><span class=move || status().0>{move || status().1}</span></td>
            <td class="cell-soft" data-label="Last seen">
                {move || match member.get().last_seen_at {
                    Some(at) => view! { <Time at/> }.into_any(),
                    None => view! { <span class="no-value">"Never"</span> }.into_any(),
                }}
            </td>
            <td class="cell-number" data-label="Keys">{move || member.get().keys}</td>
            <td class="cell-action">
                <Show when=can_change>
                    <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                </Show>
            </td>
        </tr>
    }
}

fn actions(context: MembersContext, member: &MemberRow) -> Vec<MenuItem> {
    let open = |dialog| MenuAction::Run(context.dialogs.opener(dialog));
    let role = MenuItem { label: "Change role", glyph: Glyph::Person, action: open(OpenDialog::Role(member.clone())) };
    let toggle = if member.disabled_at.is_some() {
        let (id, name) = (member.id, member.name.clone());
        let enable = Callback::new(move |()| enable(context, id, name.clone()));
        MenuItem { label: "Enable", glyph: Glyph::Check, action: MenuAction::Run(enable) }
    } else {
        MenuItem { label: "Disable", glyph: Glyph::Close, action: open(OpenDialog::Disable(member.clone())) }
    };
    vec![role, toggle]
}

fn enable(context: MembersContext, id: UserId, name: String) {
    spawn_local(async move {
        match enable_member(id).await {
            Ok(()) => context.notify(format!("{name} enabled")),
            Err(error) => context.notify(error.to_string()),
        }
    });
}
