//! The table of members.

use leptos::{prelude::*, task::spawn_local};

use super::context::{MembersContext, OpenDialog};
use crate::api::members::enable_member;
use latchkey_types::{
    id::UserId,
    member::{MemberRow, MembersPageData},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    time::Time,
};

#[component]
pub(super) fn Members(context: MembersContext) -> impl IntoView {
    let menu = SharedMenu::new();
    let ids = move || context.people.with(|people| people.members.iter().map(|member| member.id).collect::<Vec<_>>());
    view! {
        <div class="table-frame">
            <table class="table" aria-label="Members">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Email"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Last seen"</th>
                        <th scope="col" class="cell-number">"Keys"</th>
                        <th scope="col">"Action"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=ids key=|id| *id let(id)>
                        <MemberTableRow context id menu/>
                    </For>
                </tbody>
            </table>
        </div>
        <MenuList menu id="member-actions"/>
    }
}

/// Rendered once and updated in place, so that its button keeps the focus.
#[component]
fn MemberTableRow(context: MembersContext, id: UserId, menu: SharedMenu) -> impl IntoView {
    let find = move |people: &MembersPageData| {
        let member = people.members.iter().find(|member| member.id == id)?;
        Some((member.clone(), people.role_name(member.role_id), people.viewer == id))
    };
    let Some(found) = context.people.select(find) else { return ().into_any() };
    let member = move || found.with(|(member, ..)| member.clone());
    let status = move || if member().disabled_at.is_some() { ("status", "Disabled") } else { ("status status-active", "Active") };
    let items = Callback::new(move |()| actions(context, &untrack(member)));
    // Viewers can't change their own role or disable themselves.
    let can_change = move || found.with(|(member, _, is_you)| !is_you && context.may_change(member.role_id));
    view! {
        <tr aria-label=move || member().name>
            <td class="cell-name">
                <span class="named">
                    <span class="cell-text">{move || member().name}</span>
                    {move || found.with(|(.., is_you)| *is_you).then(|| view! { <span class="tag">"You"</span> })}
                </span>
            </td>
            <td class="cell-soft" data-label="Email"><span class="cell-text">{move || member().email}</span></td>
            <td data-label="Role"><span class="cell-text role-name">{move || found.with(|(_, role, _)| role.clone())}</span></td>
            <td data-label="Status"><span class=move || status().0>{move || status().1}</span></td>
            <td class="cell-soft" data-label="Last seen">
                {move || match member().last_seen_at {
                    Some(at) => view! { <Time at/> }.into_any(),
                    None => view! { <span class="never">"Never"</span> }.into_any(),
                }}
            </td>
            <td class="cell-number" data-label="Keys">{move || member().keys}</td>
            <td class="cell-action">
                <Show when=can_change>
                    <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                </Show>
            </td>
        </tr>
    }
    .into_any()
}

fn actions(context: MembersContext, member: &MemberRow) -> Vec<MenuItem> {
    let open = |dialog: OpenDialog| MenuAction::Run(Callback::new(move |()| context.open_dialog.set(Some(dialog.clone()))));
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
