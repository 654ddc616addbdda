//! Disable, enable and revoke an issued key.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::context::IssuedContext;
use crate::{
    api::issued_keys::{revoke_key, set_key_disabled},
    pages::receipt_text::receipt_text,
};
use latchkey_types::{
    error::Error,
    id::KeyId,
    issued_key::IssuedRow,
    key_kind::Status,
    receipt::{Done, WithReceipt},
};
use latchkey_ui::{
    browser,
    button::IconButton,
    click_guard,
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::Dialogs,
    form::{Form, ignore_not_found},
    icon::Glyph,
    number::pluralize,
    pending_action::PendingAction,
    toast::{Toasts, use_toasts},
};

/// The buttons of a row; empty for an expired or revoked key.
#[component]
pub(super) fn RowActions(
    status: Memo<Status>,
    /// The id of the element that shows the status.
    status_id: String,
    /// The key of a disabled holder can't be enabled here.
    is_holder_disabled: Memo<bool>,
    /// Whether the key is being disabled or enabled.
    pending: Signal<bool>,
    /// Disables or enables the key.
    #[prop(into)]
    on_toggle: Callback<()>,
    #[prop(into)] on_revoke: Callback<()>,
) -> impl IntoView {
    // The pressed button disappears: the result gets its focus.
    Effect::new(move |previous: Option<()>| {
        status.track();
        if previous.is_some() {
            click_guard::hold();
            let status_id = status_id.clone();
            set_timeout(move || focus_if_lost(&status_id), Duration::ZERO);
        }
    });
    let is_live = Memo::new(move |_| matches!(status.get(), Status::Active | Status::Disabled));
    let can_toggle = move |from: Status| status.get() == from && !is_holder_disabled.get();
    let disable = move || {
        can_toggle(Status::Active).then(|| view! { <IconButton label="Disable" glyph=Glyph::Pause pending on_click=move |_| on_toggle.run(())/> })
    };
    let enable = move || {
        can_toggle(Status::Disabled).then(|| view! { <IconButton label="Enable" glyph=Glyph::Play pending on_click=move |_| on_toggle.run(())/> })
    };
    // Each has a place of its own, so that none appears under the pointer after the other one.
    view! {
        <Show when=move || is_live.get()>
            <span class="issued-actions">
                <span class="issued-action">{disable}</span>
                <span class="issued-action">{enable}</span>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| on_revoke.run(())/>
            </span>
        </Show>
    }
}

fn focus_if_lost(id: &str) {
    if browser::focused().is_none() {
        browser::focus_id(id);
    }
}

/// Disables or enables a key.
pub(super) fn set_disabled(action: PendingAction, context: IssuedContext, toasts: Toasts, id: KeyId, disabled: bool) {
    action.run(set_key_disabled(id, disabled), move |result| show_result(context, toasts, id, disabled, result));
}

fn show_result(context: IssuedContext, toasts: Toasts, id: KeyId, disabled: bool, result: Result<WithReceipt<Done>, Error>) {
    match result {
        Ok(changed) if disabled => toasts.success_with_undo(receipt_text("Key disabled", &changed), enable_again(context, toasts, id)),
        Ok(_) => toasts.success("Key enabled"),
        Err(Error::SignedOut) => return browser::go_to_sign_in(),
        Err(error) => toasts.error(error.to_string()),
    }
    context.read_if_open();
}

/// Undoes a disabling. Also works after the page was closed: callbacks that are created after a response belong to no page.
fn enable_again(context: IssuedContext, toasts: Toasts, id: KeyId) -> Callback<()> {
    Callback::new(move |()| {
        spawn_local(async move {
            show_result(context, toasts, id, false, set_key_disabled(id, false).await);
        });
    })
}

/// Succeeds also if the key is gone already.
#[component]
pub(super) fn RevokeDialog(context: IssuedContext, row: IssuedRow, revoke_dialog: Dialogs<IssuedRow>) -> impl IntoView {
    let (toasts, form) = (use_toasts(), Form::new());
    let IssuedRow { id, name, holder, requests, .. } = row;
    let facts = format!("{holder} · {}", pluralize(requests, "request in this period", "requests in this period"));
    let submit = move |()| {
        form.send(Some(ignore_not_found(revoke_key(id))), move |revoked| {
            revoke_dialog.close();
            toasts.success(receipt_text("Key revoked", &revoked));
            context.mark_revoked(id);
            context.read();
        });
    };
    view! {
        <ConfirmDialog title="Revoke this key?" objects=vec![ConfirmObject { name, facts }]
            effect="This key stops working immediately. Its holder is notified and can request another. This cannot be undone."
            verb="Revoke" form on_confirm=submit on_dismiss=revoke_dialog.dismiss/>
    }
}
