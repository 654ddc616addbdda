//! The table of open invitations.

use leptos::{prelude::*, task::spawn_local};

use super::context::MembersContext;
use crate::api::members::{renew_invitation, withdraw_invitation};
use latchkey_types::{
    id::InvitationId,
    member::{InvitationState, MembersPageData},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    time::Time,
};

/// Open invitations; empty if there are none.
#[component]
pub(super) fn Invitations(context: MembersContext) -> impl IntoView {
    let menu = SharedMenu::new();
    let ids = move || context.people.with(|people| people.invitations.iter().map(|invitation| invitation.id).collect::<Vec<_>>());
    let has_invitations = Memo::new(move |_| context.people.with(|people| !people.invitations.is_empty()));
    view! {
        <Show when=move || has_invitations.get()>
            <h2 class="settings-part">"Open invitations"</h2>
            <div class="table-frame">
                <table class="table" aria-label="Open invitations">
                    <thead>
                        <tr>
                            <th scope="col">"Email"</th>
                            <th scope="col">"Role"</th>
                            <th scope="col">"Invited by"</th>
                            <th scope="col">"Expires"</th>
                            <th scope="col">"Action"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=ids key=|id| *id let(id)>
                            <InvitationTableRow context id menu/>
                        </For>
                    </tbody>
                </table>
            </div>
            <MenuList menu id="invitation-actions"/>
        </Show>
    }
}

/// Rendered once and updated in place, so that its button keeps the focus.
#[component]
fn InvitationTableRow(context: MembersContext, id: InvitationId, menu: SharedMenu) -> impl IntoView {
    let find = move |people: &MembersPageData| {
        let invitation = people.invitations.iter().find(|invitation| invitation.id == id)?;
        Some((invitation.clone(), people.role_name(invitation.role_id)))
    };
    let Some(found) = context.people.select(find) else { return ().into_any() };
    let invitation = move || found.with(|(invitation, _)| invitation.clone());
    let expires = move || match invitation().state {
        InvitationState::Open => view! { <Time at=invitation().expires_at/> }.into_any(),
        InvitationState::Expired => view! { <span class="status status-expired">"Expired"</span> }.into_any(),
        // Its sender was disabled, or can no longer grant this role.
        InvitationState::Void => view! { <span class="status">"Invalid. Create a new link."</span> }.into_any(),
    };
    let items = Callback::new(move |()| actions(context, id));
    view! {
        <tr aria-label=move || invitation().email>
            <td class="cell-name"><span class="cell-text">{move || invitation().email}</span></td>
            <td data-label="Role"><span class="cell-text role-name">{move || found.with(|(_, role)| role.clone())}</span></td>
            <td class="cell-soft" data-label="Invited by"><span class="cell-text">{move || invitation().invited_by}</span></td>
            <td class="cell-soft" data-label="Expires">{expires}</td>
            <td class="cell-action">
                <Show when=move || context.may_change(invitation().role_id)>
                    <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                </Show>
            </td>
        </tr>
    }
    .into_any()
}

fn actions(context: MembersContext, id: InvitationId) -> Vec<MenuItem> {
    let renew = Callback::new(move |()| {
        spawn_local(async move {
            match renew_invitation(id).await {
                Ok(link) => context.reveal(link),
                Err(error) => context.notify(error.to_string()),
            }
        });
    });
    let withdraw = Callback::new(move |()| {
        spawn_local(async move {
            match withdraw_invitation(id).await {
                Ok(()) => context.notify("Invitation withdrawn".to_owned()),
                Err(error) => context.notify(error.to_string()),
            }
        });
    });
    vec![
        MenuItem { label: "New link", glyph: Glyph::Reload, action: MenuAction::Run(renew) },
        MenuItem { label: "Withdraw", glyph: Glyph::Trash, action: MenuAction::Run(withdraw) },
    ]
}
