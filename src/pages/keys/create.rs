//! The dialogs that make a key of ours, change one, or give it another secret.

use leptos::prelude::*;

use super::{
    fields::{self, Filled, KeyFields},
    limits::{EditedLimits, at_their_field},
    tabs::KeyTab,
};
use crate::{
    api::keys::{create_key, edit_key, rotate_key},
    model::{
        account::Viewer,
        fault::Fault,
        key::{CreatedKey, EditedKey, GRACES, KeyRow, WantedKey},
        limits::Limits,
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
        let Filled { name, lasting, scopes, corpora, external_id, metadata, limits } = filled;
        WantedKey {
            kind: tab.kind,
            name,
            ends: lasting.new_end().unwrap_or_default(),
            scopes,
            corpora,
            external_id,
            metadata,
            rate_limits: limits.rate_limits,
            credits: limits.credits,
            allowed_ips: limits.allowed_ips,
        }
    };
    let submit = move |()| {
        let call = fields::check(form, tab, &Limits::default()).map(|filled| {
            let networks = filled.limits.allowed_ips.clone();
            async move { create_key(wanted(filled)).await.map_err(|fault| at_their_field(fault, &networks)) }
        });
        form.send_for_keeps(call, move |created| on_done.run(created), move |created| reveal.show(created));
    };
    view! {
        <FormDialog title=tab.title form submit=tab.submit wide=tab.policy().limited on_submit=submit on_dismiss>
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
    let (id, before) = (key.id, StoredValue::new(key.limits.clone()));
    let edited = move |filled: Filled| {
        let Filled { name, lasting, scopes, external_id, metadata, limits, .. } = filled;
        if tab.policy().editable == Editable::All {
            let EditedLimits { rate_limits, credits, allowed_ips } = before.with_value(|before| limits.edited(before));
            EditedKey { name: Some(name), ends: lasting.new_end(), scopes, external_id, metadata, rate_limits, credits, allowed_ips }
        } else {
            EditedKey { name: Some(name), ..EditedKey::default() }
        }
    };
    let submit = move |()| {
        let call = before.with_value(|before| fields::check(form, tab, before)).map(|filled| {
            let networks = filled.limits.allowed_ips.clone();
            let edited = edited(filled);
            async move { edit_key(id, edited).await.map_err(|fault| at_their_field(fault, &networks)) }
        });
        form.send(call, move |key| on_done.run(key));
    };
    view! {
        <FormDialog title="Edit key" form submit="Save" wide=tab.policy().limited on_submit=submit on_dismiss>
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
