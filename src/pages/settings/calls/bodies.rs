//! The dialog with the bodies of a call.

use leptos::{prelude::*, task::spawn_local};

use crate::api::calls::read_call_bodies;
use latchkey_types::{
    error::Error,
    id::RequestId,
    model_call::{CallBodies, CallBody},
};
use latchkey_ui::{browser, dialog::Dialog, message::AlertWithRetry};

/// Reads the bodies when it opens. Dialogs are rendered in the browser only, so bodies are never part of the HTML that the server sends.
#[component]
pub(super) fn BodiesDialog(call: RequestId, on_dismiss: Callback<()>) -> impl IntoView {
    // Data
    let result = RwSignal::new(None::<Result<CallBodies, Error>>);
    let pending = RwSignal::new(false);

    // Actions
    let load = Callback::new(move |()| {
        pending.set(true);
        spawn_local(async move {
            let response = read_call_bodies(call).await;
            if matches!(response, Err(Error::SignedOut)) {
                browser::go_to_sign_in();
                return;
            }
            // Fails if the dialog was closed.
            let _ = pending.try_set(false);
            let _ = result.try_set(Some(response));
        });
    });
    load.run(());

    // View
    let content = move || {
        result.with(|result| match result {
            None => view! { <p class="field-hint" role="status">"Loading the bodies…"</p> }.into_any(),
            Some(Ok(bodies)) => view! { {body_view("Request", &bodies.request)} {body_view("Response", &bodies.response)} }.into_any(),
            Some(Err(error)) => view! { <AlertWithRetry message=error.to_string() on_retry=load pending/> }.into_any(),
        })
    };
    view! {
        <Dialog title="Bodies" on_dismiss wide=true>
            <div class="dialog-content call-bodies">{content}</div>
        </Dialog>
    }
}

/// The body as text, exactly as it was sent.
fn body_view(label: &'static str, body: &CallBody) -> AnyView {
    let text = if body.text.is_empty() {
        view! { <p class="field-hint">"There is no body."</p> }.into_any()
    } else {
        view! { <pre class="call-bodies-text" tabindex="0" role="region" aria-label=label dir="auto">{body.text.clone()}</pre> }.into_any()
    };
    let cut = body.is_cut.then(|| view! { <p class="field-note">"The body is longer. Only its beginning is kept."</p> });
    view! { <section><h3>{label}</h3> {text} {cut}</section> }.into_any()
}
