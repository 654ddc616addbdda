//! Pending access requests.

use leptos::{prelude::*, task::spawn_local};

use super::context::{OpenDialog, TemplatesContext};
use crate::api::access_requests::approve_request;
use latchkey_types::{error::Error, id::AccessRequestId, key_template::RequestRow};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    focus::FocusSnapshot,
    message::Alert,
    table::{Column, RowTable},
    time::Time,
    toast::use_toasts,
};

#[component]
pub(super) fn Requests(context: TemplatesContext) -> impl IntoView {
    let toasts = use_toasts();
    let last_error = RwSignal::new(None::<Error>);
    // Requests whose approval is being sent.
    let pending = RwSignal::new(Vec::<AccessRequestId>::new());

    let approve = Callback::new(move |request: RequestRow| {
        let focus = FocusSnapshot::capture();
        pending.update(|pending| pending.push(request.id));
        spawn_local(async move {
            let result = context.handle_errors(approve_request(request.id).await);
            let _ = pending.try_update(|pending| pending.retain(|id| *id != request.id));
            match result {
                Ok(()) => {
                    let _ = last_error.try_set(None);
                    toasts.success(format!("Approved. {} can now reveal the key.", request.user));
                    context.change(|data| data.requests.retain(|other| other.id != request.id));
                    context.reload();
                    focus.restore_soon();
                }
                Err(error) => {
                    let _ = last_error.try_set(Some(error));
                }
            }
        });
    });

    let columns = vec!["Requested".into(), "User".into(), "Template".into(), Column::Hidden("Action")];
    let empty = || view! { <p class="empty-text">"No pending requests. New ones appear here automatically."</p> };
    view! {
        <section class="settings-section requests">
            <h2 id="requests" tabindex="-1">"Requests"</h2>
            {move || last_error.get().map(|error| view! { <Alert message=error.to_string()/> })}
            <RowTable label="Requests" columns rows=context.requests() empty let(request)>
                <RequestTableRow context request pending approve/>
            </RowTable>
        </section>
    }
}

#[component]
fn RequestTableRow(
    context: TemplatesContext,
    request: Memo<RequestRow>,
    pending: RwSignal<Vec<AccessRequestId>>,
    approve: Callback<RequestRow>,
) -> impl IntoView {
    let text = move |pick: fn(&RequestRow) -> String| move || request.with(pick);
    let (id, requested_at) = request.with_untracked(|request| (request.id, request.requested_at));
    let is_pending = Signal::derive(move || pending.with(|pending| pending.contains(&id)));
    view! {
        <tr aria-label=text(|request| request.user.clone())>
            <td class="cell-soft" data-label="Requested"><Time at=requested_at/></td>
            <td data-label="User">
                <span class="cell-person">
                    <span class="cell-text">{text(|request| request.user.clone())}</span> " "
                    <span class="cell-email">{text(|request| request.email.clone())}</span>
                </span>
            </td>
            <td class="cell-text" data-label="Template">{text(|request| request.template.clone())}</td>
            <td class="cell-approval">
                <Button label="Approve" variant=ButtonVariant::Primary pending=is_pending on_click=move |()| approve.run(request.get_untracked())/>
                <Button label="Reject" disabled=is_pending on_click=move |()| context.dialogs.open(OpenDialog::Reject(request.get_untracked()))/>
            </td>
        </tr>
    }
}
