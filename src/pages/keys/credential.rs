//! The dialogs that store a credential, or change one. What is typed as a secret goes from its field into the call and nowhere else.

use leptos::prelude::*;

use super::{
    fields::{EndsFields, check_ends},
    tabs::{EXTERNAL, GENERAL},
};
use crate::{
    api::credentials::{create_general, create_storage, edit_general},
    model::{
        credential::WantedStorage,
        fault::Fault,
        key::{KeyRow, StorageProvider},
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
    let key = form.check("key", |field, typed| given(field, typed, "Enter the key."));
    let secret = if is_aws { form.check("secret", |field, typed| given(field, typed, "Enter the secret.")) } else { Some(TypedSecret::default()) };
    let region = if is_aws { form.check("region", region) } else { Some(String::new()) };
    let ends = check_ends(form);
    Some(WantedStorage { label: label?, provider, key: key?, secret: secret?, region: region?, ends: ends?.unwrap_or_default() })
}

fn given(field: &str, typed: &str, missing: &str) -> Result<TypedSecret, Fault> {
    let typed = typed.trim();
    if typed.is_empty() { Err(Fault::invalid(field, missing)) } else { Ok(TypedSecret::new(typed.to_owned())) }
}

fn region(field: &str, typed: &str) -> Result<String, Fault> {
    let typed = typed.trim();
    if typed.is_empty() { Err(Fault::invalid(field, "Enter the region.")) } else { Ok(typed.to_owned()) }
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
    let id = key.as_ref().map(|key| key.id);
    let submit = move |()| {
        let name = form.check("name", text::name);
        let done = move |row| on_done.run(row);
        match id {
            Some(id) => {
                let value = TypedSecret::new(form.value("value").trim().to_owned());
                form.send(name.map(|name| edit_general(id, name, value)), done);
            }
            None => {
                let value = form.check("value", |field, typed| given(field, typed, "Enter the value."));
                form.send(name.zip(value).map(|(name, value)| create_general(name, value)), done);
            }
        }
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
