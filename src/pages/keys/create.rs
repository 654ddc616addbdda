//! The dialogs that create, edit and rotate API keys.

use leptos::prelude::*;

use super::fields::{self, KeyFields};
use crate::{
    api::keys::{create_key, edit_key, rotate_key},
    pages::secret::use_reveal,
};
use latchkey_types::{
    account::Viewer,
    error::Error,
    key::{CreatedKey, GRACE_DEFAULT_SECONDS, GRACE_PERIODS, KeyRow},
    key_kind::KindSpec,
    receipt::WithReceipt,
};
use latchkey_ui::{
    form::Form,
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    select::SelectField,
};

/// Creates a key.
#[component]
pub(super) fn CreateDialog(
    spec: &'static KindSpec,
    viewer: Viewer,
    scopes_in_use: Vec<String>,
    on_dismiss: Callback<()>,
    on_done: Callback<CreatedKey>,
) -> impl IntoView {
    let (form, reveal, list) = (Form::new(), use_reveal(), spec.list_spec());
    let submit = move |()| {
        let call = fields::check(form, spec, None).map(|filled| {
            let lists = filled.lists();
            async move { create_key(filled.into_request(spec)).await.map_err(|error| lists.map_error(error)) }
        });
        form.send_with_fallback(call, move |created| on_done.run(created), move |created| reveal.show(created));
    };
    let validate = move |()| drop(fields::check(form, spec, None));
    view! {
        <FormDialog title=list.title form submit=list.submit wide=spec.has_limits on_submit=submit on_validate=validate on_dismiss>
            <KeyFields form spec viewer scopes_in_use key=None/>
        </FormDialog>
    }
}

/// Edits a key.
#[component]
pub(super) fn EditDialog(
    spec: &'static KindSpec,
    viewer: Viewer,
    scopes_in_use: Vec<String>,
    key: KeyRow,
    on_dismiss: Callback<()>,
    on_done: Callback<WithReceipt<KeyRow>>,
) -> impl IntoView {
    let form = Form::new();
    let (id, before) = (key.id, StoredValue::new(key.clone()));
    let submit = move |()| {
        let call = before
            .with_value(|before| fields::check_patch(form, spec, before))
            .map(|(patch, lists)| async move { edit_key(id, patch).await.map_err(|error| lists.map_error(error)) });
        form.send(call, move |key| on_done.run(key));
    };
    let validate = move |()| before.with_value(|before| drop(fields::check_patch(form, spec, before)));
    view! {
        <FormDialog title="Edit key" form submit="Save" wide=spec.has_limits on_submit=submit on_validate=validate on_dismiss>
            <KeyFields form spec viewer scopes_in_use key=Some(key)/>
        </FormDialog>
    }
}

/// Creates a new secret for a key, with a grace period for the old one.
#[component]
pub(super) fn RotateDialog(key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<WithReceipt<CreatedKey>>) -> impl IntoView {
    let (form, reveal) = (Form::new(), use_reveal());
    let submit = move |()| {
        let call = form.check("grace_seconds", seconds).map(|grace| rotate_key(key.id, grace));
        form.send_with_fallback(call, move |rotated| on_done.run(rotated), move |rotated| reveal.show(rotated.value));
    };
    let options = GRACE_PERIODS.iter().map(|(seconds, words)| (seconds.to_string(), (*words).to_owned())).collect();
    let grace = RwSignal::new(GRACE_DEFAULT_SECONDS);
    view! {
        <FormDialog title="Rotate this key?" form submit="Rotate" on_submit=submit on_dismiss>
            <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
            <p>"Creates a new secret; name, scopes and expiry stay the same. The old secret keeps working for the grace period, so you can switch without downtime."</p>
            <SelectField form name="grace_seconds" label="Grace period" options value=GRACE_DEFAULT_SECONDS.to_string()
                hint="How long the old secret keeps working." on_change=move |seconds: String| grace.set(seconds.parse().unwrap_or_default())/>
            <Show when=move || grace.get() == 0>
                <p class="caution"><Icon glyph=Glyph::Warning/> "Calls with the old secret will fail immediately."</p>
            </Show>
        </FormDialog>
    }
}

fn seconds(field: &str, value: &str) -> Result<i64, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Select a grace period."))
}
