//! The table of open invitations.

use leptos::{prelude::*, task::spawn_local};

use super::context::MembersContext;
use crate::api::members::{renew_invitation, withdraw_invitation};
use latchkey_types::{
    id::InvitationId,
    member::{InvitationRow, InvitationState},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    table::RowTable,
    time::Time,
};

/// Open invitations; empty if there are none.
#[component]
pub(super) fn Invitations(context: MembersContext) -> impl IntoView {
    let menu = SharedMenu::new();
    let invitations = context.people.rows(|people| &people.invitations, |invitation| invitation.id);
    view! {
        <Show when=move || !invitations.is_empty()>
            <h2 class="settings-section">"Open invitations"</h2>
            <RowTable label="Open invitations" columns=vec!["Email", "Role", "Invited by", "Expires", "Action"] rows=invitations let(invitation)>
                <InvitationTableRow context invitation menu/>
            </RowTable>
            <MenuList menu id="invitation-actions"/>
        </Show>
    }
}

#[component]
fn InvitationTableRow(context: MembersContext, invitation: Memo<InvitationRow>, menu: SharedMenu) -> impl IntoView {
    let id = invitation.with_untracked(|invitation| invitation.id);
    let role_id = move || invitation.with(|invitation| invitation.role_id);
    let expires = move || match invitation.get().state {
        InvitationState::Open => view! { <Time at=invitation.get().expires_at/> }.into_any(),
        InvitationState::Expired => view! { <span class="status status-expired">"Expired"</span> }.into_any(),
        // Its sender was disabled, or can no longer grant this role.
        InvitationState::Void => view! { <span class="status">"Invalid. Create a new link."</span> }.into_any(),
    };
    let items = Callback::new(move |()| actions(context, id));
    view! {
        <tr aria-label=move || invitation.get().email>
            <td class="cell-name"><span class="cell-text">{move || invitation.get().email}</span></td>
            <td data-label="Role"><span class="cell-text role-name">{move || context.people.with(|people| people.role_name(role_id()))}</span></td>
            <td class="cell-soft" data-label="Invited by"><span class="cell-text">{move || invitation.get().invited_by}</span></td>
            <td class="cell-soft" data-label="Expires">{expires}</td>
            <td class="cell-action">
                <Show when=move || context.may_change(role_id())>
                    <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                </Show>
            </td>
        </tr>
    }
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
