//! Disable, enable and revoke an issued key.

use leptos::{prelude::*, task::spawn_local};

use super::context::IssuedContext;
use crate::api::issued_keys::{revoke_key, set_key_disabled};
use latchkey_types::{error::Error, id::KeyId, issued_key::IssuedRow, key_kind::Status};
use latchkey_ui::{
    browser,
    button::{ButtonVariant, IconButton},
    dialog::Dialogs,
    form::{Form, ignore_not_found},
    form_dialog::FormDialog,
    icon::Glyph,
    toast::{Toasts, use_toasts},
};

/// The buttons of a row; empty for an expired or revoked key.
#[component]
pub(super) fn RowActions(
    status: Memo<Status>,
    /// The key of a disabled holder can't be enabled here.
    is_holder_disabled: Memo<bool>,
    /// Disables or enables the key.
    #[prop(into)]
    on_toggle: Callback<()>,
    #[prop(into)] on_revoke: Callback<()>,
) -> impl IntoView {
    let is_live = Memo::new(move |_| matches!(status.get(), Status::Active | Status::Disabled));
    let toggle = move || {
        if status.get() == Status::Disabled {
            view! { <IconButton label="Enable" glyph=Glyph::Play on_click=move |_| on_toggle.run(())/> }.into_any()
        } else {
            view! { <IconButton label="Disable" glyph=Glyph::Pause on_click=move |_| on_toggle.run(())/> }.into_any()
        }
    };
    view! {
        <Show when=move || is_live.get()>
            <span class="issued-actions">
                {move || (!is_holder_disabled.get()).then(toggle)}
                <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| on_revoke.run(())/>
            </span>
        </Show>
    }
}

/// Disables or enables a key.
pub(super) fn set_disabled(context: IssuedContext, toasts: Toasts, id: KeyId, disabled: bool) {
    spawn_local(async move {
        match set_key_disabled(id, disabled).await {
            Ok(()) => toasts.success(if disabled { "Key disabled" } else { "Key enabled" }.to_owned()),
            Err(Error::SignedOut) => return browser::go_to_sign_in(),
            Err(error) => toasts.error(error.to_string()),
        }
        if context.pending.try_get_untracked().is_some() {
            context.read();
        }
    });
}

/// Succeeds also if the key is gone already.
#[component]
pub(super) fn RevokeDialog(context: IssuedContext, row: IssuedRow, revoke_dialog: Dialogs<IssuedRow>) -> impl IntoView {
    let (toasts, form) = (use_toasts(), Form::new());
    let IssuedRow { id, name, holder, .. } = row;
    let submit = move |()| {
        form.send(Some(ignore_not_found(revoke_key(id))), move |()| {
            revoke_dialog.close();
            toasts.success("Key revoked".to_owned());
            context.mark_revoked(id);
            context.read();
        });
    };
    view! {
        <FormDialog title="Revoke this key?" form submit="Revoke" variant=ButtonVariant::Danger on_submit=submit on_dismiss=revoke_dialog.dismiss>
            <p><strong class="quoted">{name}</strong> " · " {holder}</p>
            <p>"This key stops working immediately. Its holder is notified and can request another. This cannot be undone."</p>
        </FormDialog>
    }
}
