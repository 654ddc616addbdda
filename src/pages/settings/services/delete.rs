//! Confirms the deletion of a service.

use leptos::prelude::*;

use crate::{api::services::delete_service, pages::receipt_text::receipt_text};
use latchkey_types::service::ServiceRow;
use latchkey_ui::{
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    form::{Form, ignore_not_found},
    toast::ToastText,
};

#[component]
pub(super) fn DeleteDialog(
    service: ServiceRow,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let ServiceRow { id, name, base_url, .. } = service;
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_service(id))), move |deleted| on_done.run(receipt_text("Service deleted", &deleted)));
    };
    view! {
        <ConfirmDialog title="Delete this service?" objects=vec![ConfirmObject { name, facts: base_url }]
            effect="Calls through Latchkey will fail immediately. The linked key is kept. This cannot be undone."
            verb="Delete" form on_confirm=submit on_dismiss/>
    }
}
