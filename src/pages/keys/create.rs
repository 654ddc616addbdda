//! The dialogs that create, edit and rotate API keys.

use leptos::prelude::*;

use super::{
    fields::{self, Filled, KeyFields},
    limits::{EditedLimits, at_their_field},
    tabs::KeyTab,
};
use crate::{
    api::keys::{create_key, edit_key, rotate_key},
    pages::secret::use_reveal,
};
use latchkey_types::{
    account::Viewer,
    error::Fault,
    key::{CreatedKey, EditedKey, GRACES, KeyRow, WantedKey},
    key_kind::Editable,
    limits::Limits,
};
use latchkey_ui::{form::Form, form_dialog::FormDialog, select::SelectField};

/// Creates a key.
#[component]
pub(super) fn CreateDialog(tab: &'static KeyTab, viewer: Viewer, on_dismiss: Callback<()>, on_done: Callback<CreatedKey>) -> impl IntoView {
    let (form, reveal) = (Form::new(), use_reveal());
    let request = move |filled: Filled| {
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
            async move { create_key(request(filled)).await.map_err(|fault| at_their_field(fault, &networks)) }
        });
        form.send_for_keeps(call, move |created| on_done.run(created), move |created| reveal.show(created));
    };
    view! {
        <FormDialog title=tab.title form submit=tab.submit wide=tab.policy().limited on_submit=submit on_dismiss>
            <KeyFields form tab viewer key=None/>
        </FormDialog>
    }
}

/// Edits a key.
#[component]
pub(super) fn EditDialog(tab: &'static KeyTab, viewer: Viewer, key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<KeyRow>) -> impl IntoView {
    let form = Form::new();
    let (id, before) = (key.id, StoredValue::new(key.limits.clone()));
    let patch = move |filled: Filled| {
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
            let patch = patch(filled);
            async move { edit_key(id, patch).await.map_err(|fault| at_their_field(fault, &networks)) }
        });
        form.send(call, move |key| on_done.run(key));
    };
    view! {
        <FormDialog title="Edit key" form submit="Save" wide=tab.policy().limited on_submit=submit on_dismiss>
            <KeyFields form tab viewer key=Some(key)/>
        </FormDialog>
    }
}

/// Creates a new secret for a key, with a grace period for the old one.
#[component]
pub(super) fn RotateDialog(key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<CreatedKey>) -> impl IntoView {
    let (form, reveal) = (Form::new(), use_reveal());
    let submit = move |()| {
        let call = form.check("grace_seconds", seconds).map(|grace| rotate_key(key.id, grace));
        form.send_for_keeps(call, move |created| on_done.run(created), move |created| reveal.show(created));
    };
    let options = GRACES.iter().map(|(seconds, words)| (seconds.to_string(), (*words).to_owned())).collect();
    view! {
        <FormDialog title="Rotate this key?" form submit="Rotate" on_submit=submit on_dismiss>
            <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
            <p>"Creates a new secret; name, scopes and expiry stay the same. The old secret keeps working for the grace period, so you can switch without downtime."</p>
            <SelectField form name="grace_seconds" label="Grace period" options hint="How long the old secret keeps working"/>
        </FormDialog>
    }
}

fn seconds(field: &str, value: &str) -> Result<i64, Fault> {
    value.parse().map_err(|_| Fault::invalid(field, "Select a grace period."))
}
