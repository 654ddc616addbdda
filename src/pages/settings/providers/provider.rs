//! The dialog that asks for a provider.

use leptos::prelude::*;

use super::model::key_choices;
use crate::{
    api::providers::{create_provider, edit_provider},
    model::{
        fault::Fault,
        id::CredentialId,
        provider::{EditedProvider, GeneralKey, ProviderRow, Style, WantedProvider},
        text,
    },
    ui::{field::Field, form::Form, form_dialog::FormDialog, select::SelectField},
};

/// Asks for a provider, then makes or changes it.
#[component]
pub fn ProviderDialog(
    /// The provider, where it stands already.
    provider: Option<ProviderRow>,
    /// The keys that can be chosen.
    keys: Vec<GeneralKey>,
    /// Leaves things as they are.
    on_dismiss: Callback<()>,
    /// Called with what was done, as a sentence.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let id = provider.as_ref().map(|provider| provider.id);
    let submit = move |()| {
        let call = check(form).map(|wanted| async move {
            match id {
                Some(id) => edit_provider(id, wanted).await.map(edited),
                None => create_provider(wanted).await.map(|made| format!("“{}” was added.", made.name)),
            }
        });
        form.send(call, move |said| on_done.run(said));
    };
    let title = if id.is_some() { "Edit provider" } else { "Add provider" };
    let address_hint = if id.is_some() {
        "With another address the provider and its models lose their keys: link them again afterwards."
    } else {
        "Such as https://api.openai.com/v1, or https://api.anthropic.com."
    };
    let (name, style, base_url, link) = provider.map_or_else(
        || (String::new(), Style::Openai, String::new(), None),
        |provider| (provider.name, provider.style, provider.base_url, provider.link.key().map(|key| key.id)),
    );
    let styles = Style::ALL.iter().map(|style| (style.word().to_owned(), style.label().to_owned())).collect();
    let key_hint =
        if keys.is_empty() { "There is none yet: store one on the tab General Key of the API keys." } else { "It is sent to this address alone." };
    view! {
        <FormDialog title form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="What your team calls it, such as “OpenAI”." autofocus=true/>
            <SelectField form name="style" label="API" options=styles value=style.word() hint="How it is spoken to. Most speak as OpenAI does."/>
            <Field form name="base_url" label="Address" value=base_url hint=address_hint/>
            <SelectField form name="key" label="Key" options=key_choices("No key", keys) value=link.map(|id| id.to_string()).unwrap_or_default() hint=key_hint/>
        </FormDialog>
    }
}

fn check(form: Form) -> Option<WantedProvider> {
    let name = form.check("name", text::name);
    let style = form.check("style", |field, word| word.parse::<Style>().map_err(|_| Fault::invalid(field, "Choose one.")));
    // What an address may be is for the server to say: the browser's program holds no reader of URLs.
    let base_url = form.check("base_url", |field, typed| match typed.trim() {
        "" => Err(Fault::invalid(field, "Enter an address, such as https://api.openai.com/v1.")),
        typed => Ok(typed.to_owned()),
    });
    let key = form.check("key", check_key);
    Some(WantedProvider { name: name?, style: style?, base_url: base_url?, key: key? })
}

/// The key that was chosen, or none.
pub fn check_key(field: &str, chosen: &str) -> Result<Option<CredentialId>, Fault> {
    if chosen.is_empty() {
        return Ok(None);
    }
    chosen.parse().map(Some).map_err(|_| Fault::invalid(field, "Choose one."))
}

fn edited(edited: EditedProvider) -> String {
    let name = edited.provider.name;
    if edited.unlinked.is_empty() {
        return format!("“{name}” was saved.");
    }
    format!("“{name}” was saved. Its address is another, so these have no key now: {}.", edited.unlinked.join(", "))
}
