//! What can be done with a key of the list.

use leptos::{prelude::*, task::spawn_local};

use super::Listing;
use crate::{
    api::issued::{revoke_key, set_key_disabled},
    model::{fault::Fault, id::KeyId, issued::IssuedRow, policy::Status},
    ui::{
        browser,
        button::{IconButton, Weight},
        form::{Form, or_gone},
        form_dialog::FormDialog,
        icon::Glyph,
        toast::{Toasts, use_toasts},
    },
};

/// The key that somebody wants to take back.
#[derive(Clone)]
pub(super) struct Asked(pub(super) IssuedRow);

/// The buttons of a row; none for a key that has ended.
#[component]
pub(super) fn RowActions(
    /// What it is now.
    status: Memo<Status>,
    /// Whether it rests because of its holder: then nothing here wakes it.
    is_holder_disabled: Memo<bool>,
    /// Puts it to rest, or wakes it.
    #[prop(into)]
    on_rest: Callback<()>,
    /// Takes it back.
    #[prop(into)]
    on_revoke: Callback<()>,
) -> impl IntoView {
    let is_live = Memo::new(move |_| matches!(status.get(), Status::Active | Status::Disabled));
    let resting = move || {
        if status.get() == Status::Disabled {
            view! { <IconButton label="Enable" glyph=Glyph::Play on_click=move |_| on_rest.run(())/> }.into_any()
        } else {
            view! { <IconButton label="Disable" glyph=Glyph::Pause on_click=move |_| on_rest.run(())/> }.into_any()
        }
    };
    view! {
        <Show when=move || is_live.get()>
            <span class="issued-actions">
                {move || (!is_holder_disabled.get()).then(resting)}
                <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| on_revoke.run(())/>
            </span>
        </Show>
    }
}

/// Puts a key to rest, or wakes it.
pub(super) fn rest(listing: Listing, toasts: Toasts, id: KeyId, disabled: bool) {
    spawn_local(async move {
        match set_key_disabled(id, disabled).await {
            Ok(()) => toasts.say(if disabled { "The key was disabled." } else { "The key was enabled." }.to_owned()),
            Err(Fault::SignedOut) => return browser::go_to_sign_in(),
            Err(fault) => toasts.warn(fault.to_string()),
        }
        if listing.pending.try_get_untracked().is_some() {
            listing.read();
        }
    });
}

/// Asks, then takes the key back. Where somebody else was faster, what was wanted is so.
#[component]
pub(super) fn RevokeDialog(
    /// The list.
    listing: Listing,
    /// The key.
    row: IssuedRow,
    /// Emptied once it is over.
    asked: RwSignal<Option<Asked>>,
) -> impl IntoView {
    let (toasts, form) = (use_toasts(), Form::new());
    let IssuedRow { id, name, holder, .. } = row;
    let said = format!("“{name}” of {holder} was revoked.");
    let submit = move |()| {
        let said = said.clone();
        form.send(Some(or_gone(revoke_key(id))), move |()| {
            asked.set(None);
            toasts.say(said);
            listing.note_revoked(id);
            listing.read();
        });
    };
    view! {
        <FormDialog title="Revoke this key?" form submit="Revoke" weight=Weight::Danger on_submit=submit on_dismiss=Callback::new(move |()| asked.set(None))>
            <p><strong class="quoted">{name}</strong> " of " {holder}</p>
            <p>"It is refused from now on, wherever it is used, and nothing brings it back. Its holder is told, and may ask for another one."</p>
        </FormDialog>
    }
}
