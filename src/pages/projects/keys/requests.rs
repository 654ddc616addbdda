//! The requests that wait.

use leptos::{prelude::*, task::spawn_local};

use super::{desk::Desk, dialogs::Asked};
use crate::{
    api::requests::approve_request,
    model::{fault::Fault, id::KeyRequestId, template::RequestRow},
    ui::{
        button::{Button, Weight},
        message::Alert,
        time::Time,
        toast::use_toasts,
    },
};

/// The list `Requests`.
#[component]
pub fn Requests(
    /// The page.
    desk: Desk,
) -> impl IntoView {
    let toasts = use_toasts();
    let trouble = RwSignal::new(None::<Fault>);
    // The one that is on its way.
    let pending = RwSignal::new(None::<KeyRequestId>);

    let approve = Callback::new(move |request: RequestRow| {
        if pending.get_untracked().is_some() {
            return;
        }
        pending.set(Some(request.id));
        spawn_local(async move {
            let answer = desk.heard(approve_request(request.id).await);
            let _ = pending.try_set(None);
            match answer {
                Ok(()) => {
                    let _ = trouble.try_set(None);
                    toasts.say(format!("{} may now reveal the key “{}”.", request.user, request.template));
                    desk.change(|data| data.requests.retain(|other| other.id != request.id));
                    desk.reload();
                }
                Err(fault) => {
                    let _ = trouble.try_set(Some(fault));
                }
            }
        });
    });

    let all = move || desk.with(|data| data.requests.clone());
    let is_empty = Memo::new(move |_| desk.with(|data| data.requests.is_empty()));
    let list = move || {
        if is_empty.get() {
            return view! { <p class="nothing">"Nobody waits for a key. Who asks for one shows up here at once."</p> }.into_any();
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
                        <For each=all key=|request| request.id let(request)>
                            <Line desk request pending approve/>
                        </For>
                    </tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="settings-part requests">
            <h2 id="requests">"Requests"</h2>
            {move || trouble.get().map(|fault| view! { <Alert message=fault.to_string()/> })}
            {list}
        </section>
    }
}

#[component]
fn Line(desk: Desk, request: RequestRow, pending: RwSignal<Option<KeyRequestId>>, approve: Callback<RequestRow>) -> impl IntoView {
    let (id, name) = (request.id, request.user.clone());
    let (approved, rejected) = (request.clone(), request.clone());
    let is_pending = Signal::derive(move || pending.get() == Some(id));
    view! {
        <tr aria-label=name>
            <td class="cell-soft" data-label="Requested"><Time at=request.requested_at/></td>
            <td data-label="User">
                <span class="cell-person"><span class="cell-text">{request.user}</span> " " <span class="cell-email">{request.email}</span></span>
            </td>
            <td class="cell-text" data-label="Template">{request.template}</td>
            <td class="cell-decide">
                <Button label="Approve" weight=Weight::Primary pending=is_pending on_click=move |()| approve.run(approved.clone())/>
                <Button label="Reject" on_click=move |()| desk.asked.set(Some(Asked::Reject(rejected.clone())))/>
            </td>
        </tr>
    }
}
