//! The dialogs that store a credential, or change one. What is typed as a secret goes from its field into the call and nowhere else.

use leptos::prelude::*;

use super::{
    fields::{EndsFields, check_ends},
    tabs::{EXTERNAL, GENERAL},
};
use crate::{
    api::credentials::{create_general, create_storage, edit_general},
    model::{
        credential::{self, GENERAL_VALUE_MAX, STORAGE_SECRET_MAX, WantedStorage},
        fault::Fault,
        key::{ItemId, KeyRow, StorageProvider},
        secret::TypedSecret,
        text,
    },
    ui::{
        field::{Field, Typed},
        form::Form,
        form_dialog::FormDialog,
        select::SelectField,
    },
};

/// Asks for the credentials of a storage provider, then stores them.
#[component]
pub fn StorageDialog(
    /// Leaves without storing any.
    on_dismiss: Callback<()>,
    /// Called with the credential.
    on_done: Callback<KeyRow>,
) -> impl IntoView {
    let form = Form::new();
    let provider = RwSignal::new(StorageProvider::Aws);
    let submit = move |()| form.send(check_storage(form, provider.get_untracked()).map(create_storage), move |row| on_done.run(row));
    let choose = move |word: String| {
        if let Some(chosen) = StorageProvider::ALL.into_iter().find(|provider| provider.word() == word) {
            provider.set(chosen);
        }
    };
    let options = StorageProvider::ALL.iter().map(|provider| (provider.word().to_owned(), provider.label().to_owned())).collect();
    // The fields are made anew: what was typed for one provider is not sent to another.
    let of_provider = move || match provider.get() {
        StorageProvider::Aws => view! {
            <Field form name="key" label="Key" hint="The access key ID, such as AKIAIOSFODNN7EXAMPLE."/>
            <Field form name="secret" label="Secret" typed=Typed::Password autocomplete="new-password" hint="The secret access key."/>
            <Field form name="region" label="Region" hint="Such as eu-central-1."/>
        }
        .into_any(),
        StorageProvider::Dnanexus => view! {
            <Field form name="key" label="Key" typed=Typed::Password autocomplete="new-password" hint="An API token of your DNAnexus account."/>
        }
        .into_any(),
    };
    view! {
        <FormDialog title=EXTERNAL.title form submit=EXTERNAL.submit on_submit=submit on_dismiss>
            <Field form name="label" label=EXTERNAL.name_label hint=EXTERNAL.name_hint autofocus=true/>
            <SelectField form name="provider" label="Provider" options on_change=choose/>
            {of_provider}
            <EndsFields form/>
        </FormDialog>
    }
}

fn check_storage(form: Form, provider: StorageProvider) -> Option<WantedStorage> {
    let is_aws = provider == StorageProvider::Aws;
    let label = form.check("label", text::name);
    let key = form.check("key", |field, typed| credential::storage_key(field, typed, provider).map(typed_secret));
    let secret = if is_aws { form.check("secret", storage_secret) } else { Some(TypedSecret::default()) };
    let region = if is_aws { form.check("region", |field, typed| credential::region(field, typed).map(str::to_owned)) } else { Some(String::new()) };
    let lasting = check_ends(form);
    Some(WantedStorage { label: label?, provider, key: key?, secret: secret?, region: region?, ends: lasting?.new_end().unwrap_or_default() })
}

fn typed_secret(typed: &str) -> TypedSecret {
    TypedSecret::new(typed.to_owned())
}

fn storage_secret(field: &str, typed: &str) -> Result<TypedSecret, Fault> {
    credential::secret(field, typed, STORAGE_SECRET_MAX).map(typed_secret)
}

fn general_value(field: &str, typed: &str) -> Result<TypedSecret, Fault> {
    credential::secret(field, typed, GENERAL_VALUE_MAX).map(typed_secret)
}

/// A blank value leaves the one that is stored.
fn other_value(field: &str, typed: &str) -> Result<TypedSecret, Fault> {
    if typed.trim().is_empty() { Ok(TypedSecret::default()) } else { general_value(field, typed) }
}

/// Asks for the name and the value of a general key, then stores or changes it.
#[component]
pub fn GeneralDialog(
    /// The key, where it stands already: a blank value then leaves the one that is stored.
    key: Option<KeyRow>,
    /// Leaves things as they are.
    on_dismiss: Callback<()>,
    /// Called with the key as it is now.
    on_done: Callback<KeyRow>,
) -> impl IntoView {
    let form = Form::new();
    let id = key.as_ref().and_then(|key| if let ItemId::Credential(id) = key.id { Some(id) } else { None });
    let submit = move |()| {
        let name = form.check("name", text::name);
        let value = form.check("value", if id.is_some() { other_value } else { general_value });
        let call = name.zip(value).map(|(name, value)| async move {
            match id {
                Some(id) => edit_general(id, name, value).await,
                None => create_general(name, value).await,
            }
        });
        form.send(call, move |row| on_done.run(row));
    };
    let title = if id.is_some() { "Edit API Key" } else { GENERAL.title };
    let hint = if id.is_some() { "Leave it blank to keep the one that is stored." } else { "The key as its provider gave it to you." };
    let name = key.map(|key| key.name).unwrap_or_default();
    view! {
        <FormDialog title form submit=GENERAL.submit on_submit=submit on_dismiss>
            <Field form name="name" label=GENERAL.name_label value=name hint=GENERAL.name_hint autofocus=true/>
            <Field form name="value" label="API Key Value" typed=Typed::Password autocomplete="new-password" hint/>
        </FormDialog>
    }
}
