//! Pending access requests.

use leptos::{prelude::*, task::spawn_local};

use super::{context::Desk, dialogs::Asked};
use crate::api::access_requests::approve_request;
use latchkey_types::{error::Fault, id::KeyRequestId, key_template::RequestRow};
use latchkey_ui::{
    button::{Button, Weight},
    focus::FocusPlace,
    message::Alert,
    time::Time,
    toast::use_toasts,
};

#[component]
pub(super) fn Requests(desk: Desk) -> impl IntoView {
    let toasts = use_toasts();
    let last_error = RwSignal::new(None::<Fault>);
    // Requests whose approval is being sent.
    let pending = RwSignal::new(Vec::<KeyRequestId>::new());

    let approve = Callback::new(move |request: RequestRow| {
        let focus = FocusPlace::note();
        pending.update(|pending| pending.push(request.id));
        spawn_local(async move {
            let result = desk.heard(approve_request(request.id).await);
            let _ = pending.try_update(|pending| pending.retain(|id| *id != request.id));
            match result {
                Ok(()) => {
                    let _ = last_error.try_set(None);
                    toasts.say(format!("Approved. {} can now reveal the key.", request.user));
                    desk.change(|data| data.requests.retain(|other| other.id != request.id));
                    desk.reload();
                    focus.restore_soon();
                }
                Err(fault) => {
                    let _ = last_error.try_set(Some(fault));
                }
            }
        });
    });

    let ids = move || desk.with(|data| data.requests.iter().map(|request| request.id).collect::<Vec<_>>());
    let is_empty = Memo::new(move |_| desk.with(|data| data.requests.is_empty()));
    let list = move || {
        if is_empty.get() {
            return view! { <p class="nothing">"No pending requests. New ones appear here automatically."</p> }.into_any();
        }
        view! {
            <div class="table-frame">
                <table class="table" aria-labelledby="requests">
                    <thead>
                        <tr>
                            <th scope="col">"Requested"</th>
                            <th scope="col">"User"</th>
                            <th scope="col">"Template"</th>
                            <th scope="col"><span class="visually-hidden">"Action"</span></th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=ids key=|id| *id let(id)>
                            <RequestTableRow desk id pending approve/>
                        </For>
                    </tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="settings-part requests">
            <h2 id="requests" tabindex="-1">"Requests"</h2>
            {move || last_error.get().map(|fault| view! { <Alert message=fault.to_string()/> })}
            {list}
        </section>
    }
}

#[component]
fn RequestTableRow(desk: Desk, id: KeyRequestId, pending: RwSignal<Vec<KeyRequestId>>, approve: Callback<RequestRow>) -> impl IntoView {
    let request = desk.request(id)?;
    let text = move |pick: fn(&RequestRow) -> String| move || request.with(pick);
    let requested_at = request.with_untracked(|request| request.requested_at);
    let is_pending = Signal::derive(move || pending.with(|pending| pending.contains(&id)));
    Some(view! {
        <tr aria-label=text(|request| request.user.clone())>
            <td class="cell-soft" data-label="Requested"><Time at=requested_at/></td>
            <td data-label="User">
                <span class="cell-person">
                    <span class="cell-text">{text(|request| request.user.clone())}</span> " "
                    <span class="cell-email">{text(|request| request.email.clone())}</span>
                </span>
            </td>
            <td class="cell-text" data-label="Template">{text(|request| request.template.clone())}</td>
            <td class="cell-decide">
                <Button label="Approve" weight=Weight::Primary pending=is_pending on_click=move |()| approve.run(request.get_untracked())/>
                <Button label="Reject" disabled=is_pending on_click=move |()| desk.asked.set(Some(Asked::Reject(request.get_untracked())))/>
            </td>
        </tr>
    })
}
