//! The dialog that adds or edits a provider.

use leptos::prelude::*;

use super::presets::{CUSTOM, Preset};
use crate::{
    api::providers::{create_provider, edit_provider},
    pages::settings::key_field::{check_key, key_choices},
};
use latchkey_types::{
    error::Error,
    provider::{ApiStyle, GeneralKey, ProviderRequest, ProviderRow, UpdatedProvider},
    validate,
};
use latchkey_ui::{field::Field, form::Form, form_dialog::FormDialog, select::SelectField};

#[component]
pub(super) fn ProviderDialog(
    /// The provider to edit; `None` adds one.
    provider: Option<ProviderRow>,
    /// With what the fields of a new provider are filled in.
    #[prop(default = &CUSTOM)]
    preset: &'static Preset,
    keys: Vec<GeneralKey>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let id = provider.as_ref().map(|provider| provider.id);
    let submit = move |()| {
        let request = check(form).map(|input| async move {
            match id {
                Some(id) => edit_provider(id, input).await.map(edit_message),
                None => create_provider(input).await.map(|_| "Provider added".to_owned()),
            }
        });
        form.send(request, move |message| on_done.run(message));
    };
    let (title, verb) = if id.is_some() { ("Edit provider", "Save") } else { ("Add provider", "Add provider") };
    let address_hint = if id.is_some() {
        "Changing the address unlinks the keys of this provider and its models."
    } else {
        "e.g. https://api.openai.com/v1 or https://api.anthropic.com"
    };
    let (name, style, base_url, link) = provider.map_or_else(
        || (preset.name.to_owned(), preset.style, preset.base_url.to_owned(), None),
        |provider| (provider.name, provider.style, provider.base_url, provider.link.key().map(|key| key.id)),
    );
    let styles = ApiStyle::ALL.iter().map(|style| (style.as_str().to_owned(), style.label().to_owned())).collect();
    let key_hint = if keys.is_empty() { "No general keys yet. Add one under API Keys › General Key." } else { "Only sent to this address." };
    view! {
        <FormDialog title form submit=verb on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="e.g. OpenAI" autofocus=true/>
            <SelectField form name="style" label="API" options=styles value=style.as_str() hint="API format. Most providers are OpenAI-compatible."/>
            <Field form name="base_url" label="Address" value=base_url hint=address_hint/>
            <SelectField form name="key" label="Key" options=key_choices("No key", keys) value=link.map(|id| id.to_string()).unwrap_or_default() hint=key_hint/>
        </FormDialog>
    }
}

fn check(form: Form) -> Option<ProviderRequest> {
    let name = form.check("name", validate::name);
    let style = form.check("style", |field, value| value.parse::<ApiStyle>().map_err(|_| Error::invalid(field, "Choose an API format.")));
    // The server validates the URL: the WebAssembly build contains no URL parser.
    let base_url = form.check("base_url", |field, typed| match typed.trim() {
        "" => Err(Error::invalid(field, "Enter an address, e.g. https://api.openai.com/v1.")),
        typed => Ok(typed.to_owned()),
    });
    let key = form.check("key", check_key);
    Some(ProviderRequest { name: name?, style: style?, base_url: base_url?, key: key? })
}

fn edit_message(edited: UpdatedProvider) -> String {
    if edited.unlinked.is_empty() {
        return "Changes saved".to_owned();
    }
    format!("Changes saved. The address changed, so these have no key now: {}.", edited.unlinked.join(", "))
}
