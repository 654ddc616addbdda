//! The dialogs that create and edit credentials. A typed secret is only sent in the request and is not kept anywhere else.

use leptos::prelude::*;

use super::expiry_field::{ExpiryFields, check_expiry};
use crate::api::credentials::{create_general, create_storage, edit_general};
use latchkey_types::{
    credential::{self, CreateExternalKeyRequest, GENERAL_VALUE_MAX, STORAGE_SECRET_MAX},
    error::Error,
    key::{ItemId, KeyRow, StorageProvider},
    key_kind::{CredentialKind, ListSpec},
    secret::TypedSecret,
    validate,
};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    form_dialog::FormDialog,
    select::SelectField,
};

const EXTERNAL: &ListSpec = CredentialKind::External.spec().list_spec();
const GENERAL: &ListSpec = CredentialKind::General.spec().list_spec();

/// Creates an external key.
#[component]
pub(super) fn StorageDialog(on_dismiss: Callback<()>, on_done: Callback<KeyRow>) -> impl IntoView {
    let form = Form::new();
    let provider = RwSignal::new(StorageProvider::Aws);
    let submit = move |()| form.send(check_storage(form, provider.get_untracked()).map(create_storage), move |row| on_done.run(row));
    let on_provider_change = move |value: String| {
        if let Some(selected) = StorageProvider::ALL.into_iter().find(|provider| provider.as_str() == value) {
            provider.set(selected);
        }
    };
    let options = StorageProvider::ALL.iter().map(|provider| (provider.as_str().to_owned(), provider.label().to_owned())).collect();
    // The fields are created again, so that a value typed for one provider is not sent to another.
    let provider_fields = move || match provider.get() {
        StorageProvider::Aws => view! {
            <Field form name="key" label="Key" hint="Access key ID, e.g. AKIAIOSFODNN7EXAMPLE"/>
            <Field form name="secret" label="Secret" kind=InputKind::Password autocomplete="new-password" hint="Secret access key"/>
            <Field form name="region" label="Region" hint="e.g. eu-central-1"/>
        }
        .into_any(),
        StorageProvider::Dnanexus => view! {
            <Field form name="key" label="Key" kind=InputKind::Password autocomplete="new-password" hint="API token from your DNAnexus account"/>
        }
        .into_any(),
    };
    view! {
        <FormDialog title=EXTERNAL.title form submit=EXTERNAL.submit on_submit=submit on_dismiss>
            <Field form name="label" label=EXTERNAL.name_label hint=EXTERNAL.name_hint autofocus=true/>
            <SelectField form name="provider" label="Provider" options on_change=on_provider_change/>
            {provider_fields}
            <ExpiryFields form/>
        </FormDialog>
    }
}

fn check_storage(form: Form, provider: StorageProvider) -> Option<CreateExternalKeyRequest> {
    let is_aws = provider == StorageProvider::Aws;
    let label = form.check("label", validate::name);
    let key = form.check("key", |field, typed| credential::storage_key(field, typed, provider).map(typed_secret));
    let secret = if is_aws { form.check("secret", storage_secret) } else { Some(TypedSecret::default()) };
    let region = if is_aws { form.check("region", |field, typed| credential::region(field, typed).map(str::to_owned)) } else { Some(String::new()) };
    let expiry = check_expiry(form);
    Some(CreateExternalKeyRequest {
        label: label?,
        provider,
        key: key?,
        secret: secret?,
        region: region?,
        expiry: expiry?.new_expiry().unwrap_or_default(),
    })
}

fn typed_secret(typed: &str) -> TypedSecret {
    TypedSecret::new(typed.to_owned())
}

fn storage_secret(field: &str, typed: &str) -> Result<TypedSecret, Error> {
    credential::secret(field, typed, STORAGE_SECRET_MAX).map(typed_secret)
}

fn general_value(field: &str, typed: &str) -> Result<TypedSecret, Error> {
    credential::secret(field, typed, GENERAL_VALUE_MAX).map(typed_secret)
}

/// An empty value keeps the stored one.
fn optional_general_value(field: &str, typed: &str) -> Result<TypedSecret, Error> {
    if typed.trim().is_empty() { Ok(TypedSecret::default()) } else { general_value(field, typed) }
}

/// Creates or edits a general key.
#[component]
pub(super) fn GeneralDialog(
    /// The key to edit. An empty value then keeps the stored one.
    key: Option<KeyRow>,
    on_dismiss: Callback<()>,
    on_done: Callback<KeyRow>,
) -> impl IntoView {
    let form = Form::new();
    let id = key.as_ref().and_then(|key| if let ItemId::Credential(id) = key.id { Some(id) } else { None });
    let submit = move |()| {
        let name = form.check("name", validate::name);
        let value = form.check("value", if id.is_some() { optional_general_value } else { general_value });
        let call = name.zip(value).map(|(name, value)| async move {
            match id {
                Some(id) => edit_general(id, name, value).await,
                None => create_general(name, value).await,
            }
        });
        form.send(call, move |row| on_done.run(row));
    };
    let title = if id.is_some() { "Edit API Key" } else { GENERAL.title };
    let hint = if id.is_some() { "Leave blank to keep the stored value" } else { "Paste the key from your provider, e.g. sk-…" };
    let name = key.map(|key| key.name).unwrap_or_default();
    view! {
        <FormDialog title form submit=GENERAL.submit on_submit=submit on_dismiss>
            <Field form name="name" label=GENERAL.name_label value=name hint=GENERAL.name_hint autofocus=true/>
            <Field form name="value" label="API Key Value" kind=InputKind::Password autocomplete="new-password" hint/>
        </FormDialog>
    }
}
