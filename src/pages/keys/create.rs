//! The dialogs that make a key of ours, change one, or give it another secret.

use leptos::prelude::*;

use super::{
    fields::{self, Filled, KeyFields},
    tabs::KeyTab,
};
use crate::{
    api::keys::{create_key, edit_key, rotate_key},
    model::{
        account::Viewer,
        fault::Fault,
        key::{CreatedKey, EditedKey, GRACES, KeyRow, WantedKey},
        policy::Editable,
    },
    pages::secret::use_reveal,
    ui::{form::Form, form_dialog::FormDialog, select::SelectField},
};

/// Asks what the new key is to be, then makes it.
#[component]
pub fn CreateDialog(
    /// The kind.
    tab: &'static KeyTab,
    /// Who asks.
    viewer: Viewer,
    /// Leaves without making one.
    on_dismiss: Callback<()>,
    /// Called with the key and its secret.
    on_done: Callback<CreatedKey>,
) -> impl IntoView {
    let (form, reveal) = (Form::new(), use_reveal());
    let wanted = move |filled: Filled| {
        let Filled { name, lasting, scopes, corpora, external_id, metadata } = filled;
        WantedKey { ends: lasting.new_end().unwrap_or_default(), scopes, corpora, external_id, metadata, ..WantedKey::named(tab.kind, name) }
    };
    let submit = move |()| {
        let call = fields::check(form, tab).map(|filled| create_key(wanted(filled)));
        form.send_for_keeps(call, move |created| on_done.run(created), move |created| reveal.show(created));
    };
    view! {
        <FormDialog title=tab.title form submit=tab.submit on_submit=submit on_dismiss>
            <KeyFields form tab viewer key=None/>
        </FormDialog>
    }
}

/// Asks what is to be changed of a key, then changes it.
#[component]
pub fn EditDialog(
    /// The kind.
    tab: &'static KeyTab,
    /// Who asks.
    viewer: Viewer,
    /// The key.
    key: KeyRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called with the key as it is now.
    on_done: Callback<KeyRow>,
) -> impl IntoView {
    let form = Form::new();
    let id = key.id;
    let edited = move |filled: Filled| {
        let Filled { name, lasting, scopes, external_id, metadata, .. } = filled;
        if tab.policy().editable == Editable::All {
            EditedKey { name: Some(name), ends: lasting.new_end(), scopes, external_id, metadata, ..EditedKey::default() }
        } else {
            EditedKey { name: Some(name), ..EditedKey::default() }
        }
    };
    let submit = move |()| {
        let call = fields::check(form, tab).map(|filled| edit_key(id, edited(filled)));
        form.send(call, move |key| on_done.run(key));
    };
    view! {
        <FormDialog title="Edit key" form submit="Save" on_submit=submit on_dismiss>
            <KeyFields form tab viewer key=Some(key)/>
        </FormDialog>
    }
}

/// Asks how long the old secret is to stay good, then makes another.
#[component]
pub fn RotateDialog(
    /// The key.
    key: KeyRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called with the key and its new secret.
    on_done: Callback<CreatedKey>,
) -> impl IntoView {
    let (form, reveal) = (Form::new(), use_reveal());
    let submit = move |()| {
        let call = form.check("grace_seconds", seconds).map(|grace| rotate_key(key.id, grace));
        form.send_for_keeps(call, move |created| on_done.run(created), move |created| reveal.show(created));
    };
    let options = GRACES.iter().map(|(seconds, words)| (seconds.to_string(), (*words).to_owned())).collect();
    view! {
        <FormDialog title="Rotate this key?" form submit="Rotate" on_submit=submit on_dismiss>
            <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
            <p>"It gets a new secret at once; its name, scopes and end stay. Until the grace is over the old secret works too, so that you can change over without a break."</p>
            <SelectField form name="grace_seconds" label="Grace" options hint="How long the old secret stays good."/>
        </FormDialog>
    }
}

fn seconds(field: &str, chosen: &str) -> Result<i64, Fault> {
    chosen.parse().map_err(|_| Fault::invalid(field, "Choose how long."))
}
