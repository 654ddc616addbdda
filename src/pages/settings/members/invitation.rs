//! The row of an open invitation in the table of members.

use leptos::{prelude::*, task::spawn_local};

use super::context::MembersContext;
use crate::api::members::{renew_invitation, withdraw_invitation};
use latchkey_types::{
    id::InvitationId,
    member::{InvitationRow, InvitationState},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, SharedMenu},
    time::Time,
};

#[component]
pub(super) fn InvitationTableRow(context: MembersContext, invitation: Memo<InvitationRow>, menu: SharedMenu) -> impl IntoView {
    let id = invitation.with_untracked(|invitation| invitation.id);
    let role_id = move || invitation.with(|invitation| invitation.role_id);
    let hint = move || match invitation.get().state {
        InvitationState::Open => view! { <span class="status-hint">"Expires " <Time at=invitation.get().expires_at/></span> }.into_any(),
        InvitationState::Expired => view! { <span class="status-hint status-soon">"Expired. Create a new link."</span> }.into_any(),
        // Its sender was disabled, or can no longer grant this role.
        InvitationState::Void => view! { <span class="status-hint status-soon">"Invalid. Create a new link."</span> }.into_any(),
    };
    let items = Callback::new(move |()| actions(context, id));
    view! {
        <tr aria-label=move || invitation.get().email>
            <td class="cell-name">
                <span class="name-with-tag">
                    <span class="avatar avatar-invited" aria-hidden="true">"@"</span>
                    <span class="cell-text">{move || invitation.get().email}</span>
                </span>
            </td>
            <td class="cell-soft"><span class="cell-text" dir="auto">"Invited by " {move || invitation.get().invited_by}</span></td>
            <td data-label="Role"><span class="cell-text">{move || context.people.with(|people| people.role_label(role_id()))}</span></td>
            <td data-label="Status"><div class="status-with-hint"><span class="status">"Invited"</span>{hint}</div></td>
            <td class="cell-soft" data-label="Last seen"><span class="no-value">"Never"</span></td>
            <td class="cell-number" data-label="Keys"><span class="no-value">"–"</span></td>
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
                Err(error) => context.fail(&error),
            }
        });
    });
    let withdraw = Callback::new(move |()| {
        spawn_local(async move {
            match withdraw_invitation(id).await {
                Ok(()) => context.notify("Invitation withdrawn".to_owned()),
                Err(error) => context.fail(&error),
            }
        });
    });
    vec![
        MenuItem { label: "New link", glyph: Glyph::Reload, action: MenuAction::Run(renew) },
        MenuItem { label: "Withdraw", glyph: Glyph::Trash, action: MenuAction::Danger(withdraw) },
    ]
}
