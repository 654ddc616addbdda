//! The dialogs that create and edit credentials. A typed secret is only sent in the request and is not kept anywhere else.

use leptos::{prelude::*, task::spawn_local};

use super::{
    expiry_field::{ExpiryFields, check_expiry},
    provider_prefix::provider_of,
};
use crate::api::credentials::{create_general, create_storage, edit_general, own_storage_keys, replace_storage};
use latchkey_types::{
    credential::{self, CreateExternalKeyRequest, GENERAL_VALUE_MAX, ReplaceExternalKeyRequest, STORAGE_SECRET_MAX},
    error::Error,
    id::CredentialId,
    key::{ItemId, KeyRow, RequestedExpiry, StorageProvider},
    key_kind::{CredentialKind, ListSpec},
    receipt::WithReceipt,
    secret::TypedSecret,
    validate,
};
use latchkey_ui::{
    button::Button,
    field::{Field, InputKind},
    form::Form,
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    select::SelectField,
};

const EXTERNAL: &ListSpec = CredentialKind::External.spec().list_spec();
const GENERAL: &ListSpec = CredentialKind::General.spec().list_spec();

/// Regions of Amazon Web Services that the browser offers. Others can be typed.
const AWS_REGIONS: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
];

/// Creates an external key.
#[component]
pub(super) fn StorageDialog(
    on_dismiss: Callback<()>,
    on_done: Callback<KeyRow>,
    /// Called with the user's key of the selected provider, to replace it instead.
    on_replace: Callback<KeyRow>,
) -> impl IntoView {
    let form = Form::new();
    let provider = RwSignal::new(StorageProvider::Aws);
    let own = RwSignal::new(Vec::<KeyRow>::new());
    let own_key_of = move |provider| own.with(|own| own.iter().find(|key| key.provider == Some(provider)).cloned());
    Effect::new(move || {
        spawn_local(async move {
            // Without the list, the server refuses a second key of a provider.
            let Ok(keys) = own_storage_keys().await else { return };
            // The dialog may have been closed in the meantime.
            if own.try_set(keys).is_some() || form.is_edited() {
                return;
            }
            let free = untrack(|| StorageProvider::ALL.into_iter().find(|provider| own_key_of(*provider).is_none()));
            if let Some(free) = free.filter(|free| *free != provider.get_untracked()) {
                provider.set(free);
            }
        });
    });
    let submit = move |()| form.send(check_storage(form, provider.get_untracked()).map(create_storage), move |row| on_done.run(row));
    let validate = move |()| drop(check_storage(form, provider.get_untracked()));
    let on_provider_change = move |value: String| {
        if let Some(selected) = StorageProvider::ALL.into_iter().find(|provider| provider.as_str() == value) {
            provider.set(selected);
        }
    };
    let options = StorageProvider::ALL.iter().map(|provider| (provider.as_str().to_owned(), provider.label().to_owned())).collect();
    let taken = move || own_key_of(provider.get()).map(|key| view! { <TakenProvider key on_replace/> });
    view! {
        <FormDialog title=EXTERNAL.title form submit=EXTERNAL.submit on_submit=submit on_validate=validate on_dismiss>
            <SelectField form name="provider" label="Provider" options autofocus=true
                selected=Signal::derive(move || provider.get().as_str().to_owned()) on_change=on_provider_change/>
            {taken}
            <Field form name="label" label=EXTERNAL.name_label hint=EXTERNAL.name_hint/>
            // The fields are created again, so that a value typed for one provider is not sent to another.
            {move || view! { <SecretFields form provider=provider.get()/> }}
            <ExpiryFields form/>
        </FormDialog>
    }
}

/// Says that the user has a key of the provider already, and what to do.
#[component]
fn TakenProvider(key: KeyRow, on_replace: Callback<KeyRow>) -> impl IntoView {
    let label = key.provider.map_or("this provider", StorageProvider::label);
    let text = format!("You already have a key for {label}: “{}”. Each person can add one key per provider.", key.name);
    view! {
        <div class="caution caution-action">
            <Icon glyph=Glyph::Warning/>
            <span>{text}</span>
            <Button label="Replace" on_click=move |()| on_replace.run(key.clone())/>
        </div>
    }
}

/// Replaces the secrets of an external key.
#[component]
pub(super) fn ReplaceDialog(key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<WithReceipt<KeyRow>>) -> impl IntoView {
    let form = Form::new();
    let (provider, id) = (key.provider.unwrap_or(StorageProvider::Aws), credential_id(&key));
    let check = move || {
        let (secrets, expiry) = (check_secrets(form, provider), check_new_expiry(form));
        let (StorageSecrets { key, secret, region }, expiry) = (secrets?, expiry?);
        Some(ReplaceExternalKeyRequest { key, secret, region, expiry })
    };
    let submit = move |()| {
        let call = check().zip(id).map(|(request, id)| replace_storage(id, request));
        form.send(call, move |row| on_done.run(row));
    };
    view! {
        <FormDialog title="Replace external key" form submit="Replace" on_submit=submit on_validate=move |()| drop(check()) on_dismiss>
            <p>
                <strong class="quoted">{key.name}</strong>
                " ("
                {provider.label()}
                ") keeps its label. Imports use the new values from now on."
            </p>
            <SecretFields form provider/>
            <ExpiryFields form/>
        </FormDialog>
    }
}

/// The fields for the secrets of a storage provider.
#[component]
fn SecretFields(form: Form, provider: StorageProvider) -> impl IntoView {
    match provider {
        StorageProvider::Aws => view! {
            <Field form name="key" label="Key" hint="Access key ID, e.g. AKIAIOSFODNN7EXAMPLE"/>
            <Field form name="secret" label="Secret" kind=InputKind::Password autocomplete="new-password"
                hint="Secret access key. It must be allowed to list and read the bucket (s3:ListBucket, s3:GetObject)."/>
            <Field form name="region" label="Region" suggestions=AWS_REGIONS hint="e.g. eu-central-1"/>
        }
        .into_any(),
        StorageProvider::Dnanexus => view! {
            <Field form name="key" label="Key" kind=InputKind::Password autocomplete="new-password" hint="API token from your DNAnexus account"/>
        }
        .into_any(),
    }
}

/// The values of [`SecretFields`]. Those that the provider does not use are empty.
struct StorageSecrets {
    key: TypedSecret,
    secret: TypedSecret,
    region: String,
}

fn check_secrets(form: Form, provider: StorageProvider) -> Option<StorageSecrets> {
    let is_aws = provider == StorageProvider::Aws;
    let key = form.check("key", |field, typed| credential::storage_key(field, typed, provider).map(typed_secret));
    let secret = if is_aws { form.check("secret", storage_secret) } else { Some(TypedSecret::default()) };
    let region = if is_aws { form.check("region", |field, typed| credential::region(field, typed).map(str::to_owned)) } else { Some(String::new()) };
    Some(StorageSecrets { key: key?, secret: secret?, region: region? })
}

fn check_storage(form: Form, provider: StorageProvider) -> Option<CreateExternalKeyRequest> {
    let label = form.check("label", validate::name);
    let secrets = check_secrets(form, provider);
    let expiry = check_new_expiry(form);
    let StorageSecrets { key, secret, region } = secrets?;
    Some(CreateExternalKeyRequest { label: label?, provider, key, secret, region, expiry: expiry? })
}

fn check_new_expiry(form: Form) -> Option<RequestedExpiry> {
    check_expiry(form).map(|change| change.new_expiry().unwrap_or_default())
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

const fn credential_id(key: &KeyRow) -> Option<CredentialId> {
    if let ItemId::Credential(id) = key.id { Some(id) } else { None }
}

/// Creates or edits a general key.
#[component]
pub(super) fn GeneralDialog(
    /// The key to edit. An empty value then keeps the stored one.
    key: Option<KeyRow>,
    on_dismiss: Callback<()>,
    on_done: Callback<WithReceipt<KeyRow>>,
) -> impl IntoView {
    let form = Form::new();
    let id = key.as_ref().and_then(credential_id);
    let check = move || {
        let name = form.check("name", validate::name);
        let value = form.check("value", if id.is_some() { optional_general_value } else { general_value });
        name.zip(value)
    };
    let submit = move |()| {
        let call = check().map(|(name, value)| async move {
            match id {
                Some(id) => edit_general(id, name, value).await,
                None => create_general(name, value).await.map(Into::into),
            }
        });
        form.send(call, move |row| on_done.run(row));
    };
    let provider = RwSignal::new("");
    let note = move || match provider.get() {
        "" => String::new(),
        name => format!("Looks like a key of {name}."),
    };
    let title = if id.is_some() { "Edit API Key" } else { GENERAL.title };
    let hint = if id.is_some() { "Leave blank to keep the stored value" } else { "Paste the key from your provider, e.g. sk-…" };
    let name = key.map(|key| key.name).unwrap_or_default();
    view! {
        <FormDialog title form submit=GENERAL.submit on_submit=submit on_validate=move |()| drop(check()) on_dismiss>
            <Field form name="name" label=GENERAL.name_label value=name hint=GENERAL.name_hint autofocus=true/>
            <Field form name="value" label="API Key Value" kind=InputKind::Password autocomplete="new-password" hint note=Signal::derive(note)
                on_input=move |typed: String| provider.set(provider_of(&typed).unwrap_or_default())/>
        </FormDialog>
    }
}
