//! The dialog that adds or edits a provider.

use leptos::prelude::*;

use crate::{
    api::providers::{create_provider, edit_provider},
    pages::{
        receipt_text::receipt_text,
        settings::key_field::{check_key, key_choices},
    },
};
use latchkey_types::{
    error::Error,
    provider::{ApiStyle, GeneralKey, KNOWN_PROVIDERS, ProviderRequest, ProviderRow, UpdatedProvider},
    validate,
};
use latchkey_ui::{
    field::Field,
    form::Form,
    form_dialog::FormDialog,
    select::{Choice, SelectField},
    toast::ToastText,
};

/// The values of the fields that a known provider fills in.
struct Values {
    name: String,
    style: ApiStyle,
    base_url: String,
    credential_header: String,
}

impl Values {
    /// Of the known provider with this name; empty if there is none.
    fn of_known(name: &str) -> Self {
        let Some(known) = KNOWN_PROVIDERS.iter().find(|known| known.name == name) else {
            return Self { name: String::new(), style: ApiStyle::Openai, base_url: String::new(), credential_header: String::new() };
        };
        Self {
            name: known.name.to_owned(),
            style: known.style,
            base_url: known.base_url.to_owned(),
            credential_header: known.credential_header.unwrap_or_default().to_owned(),
        }
    }
}

/// The dialog for a new provider. Choosing a known one fills in its fields.
#[component]
pub(super) fn AddProviderDialog(
    /// Name of the known provider that is chosen at first; empty for another one.
    known: &'static str,
    keys: Vec<GeneralKey>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let chosen = RwSignal::new(known.to_owned());
    let submit = move |()| {
        form.send(check(form).map(create_provider), move |_| on_done.run("Provider added".into()));
    };
    // Keyed, so that what was typed for one provider is not kept for another.
    let render = move |name: String| fields(form, Values::of_known(&name), "e.g. https://api.openai.com/v1 or https://api.anthropic.com");
    view! {
        <FormDialog title="Add provider" form submit="Add provider" on_submit=submit on_dismiss>
            <SelectField form name="known" label="Provider" options=known_choices() value=known autofocus=true
                on_change=move |name: String| chosen.set(name)/>
            <For each=move || [chosen.get()] key=String::clone children=render/>
            {key_field(form, keys, String::new())}
        </FormDialog>
    }
}

#[component]
pub(super) fn EditProviderDialog(
    provider: ProviderRow,
    keys: Vec<GeneralKey>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let id = provider.id;
    let submit = move |()| {
        let request = check(form).map(|request| edit_provider(id, request));
        form.send(request, move |edited| on_done.run(receipt_text(edit_message(&edited.value), &edited)));
    };
    let linked = provider.link.key().map(|key| key.id.to_string()).unwrap_or_default();
    let values = Values {
        name: provider.name,
        style: provider.style,
        base_url: provider.base_url,
        credential_header: provider.credential_header.unwrap_or_default(),
    };
    view! {
        <FormDialog title="Edit provider" form submit="Save" on_submit=submit on_dismiss>
            {fields(form, values, "Changing the address unlinks the keys of this provider and its models.")}
            {key_field(form, keys, linked)}
        </FormDialog>
    }
}

fn known_choices() -> Vec<Choice> {
    let known = KNOWN_PROVIDERS.iter().map(|known| (known.name.to_owned(), known.name.to_owned()));
    std::iter::once((String::new(), "Other".to_owned())).chain(known).collect()
}

fn fields(form: Form, values: Values, address_hint: &'static str) -> AnyView {
    let styles = ApiStyle::ALL.iter().map(|style| (style.as_str().to_owned(), style.label().to_owned())).collect();
    view! {
        <Field form name="name" label="Name" value=values.name hint="e.g. OpenAI" autofocus=true/>
        <SelectField form name="style" label="API" options=styles value=values.style.as_str()
            hint="API format. Most providers are OpenAI-compatible."/>
        <Field form name="base_url" label="Address" value=values.base_url hint=address_hint/>
        <Field form name="credential_header" label="Key header" value=values.credential_header optional=true
            hint="Only if the provider expects its key in a header of its own, e.g. api-key"/>
    }
    .into_any()
}

fn key_field(form: Form, keys: Vec<GeneralKey>, value: String) -> AnyView {
    let hint = if keys.is_empty() { "No general keys yet. Add one under API Keys › General Key." } else { "Only sent to this address." };
    view! { <SelectField form name="key" label="Key" options=key_choices("No key", keys) value hint/> }.into_any()
}

fn check(form: Form) -> Option<ProviderRequest> {
    let name = form.check("name", validate::name);
    let style = form.check("style", |field, value| value.parse::<ApiStyle>().map_err(|_| Error::invalid(field, "Choose an API format.")));
    // The server validates the URL: the WebAssembly build contains no URL parser.
    let base_url = form.check("base_url", |field, typed| match typed.trim() {
        "" => Err(Error::invalid(field, "Enter an address, e.g. https://api.openai.com/v1.")),
        typed => Ok(typed.to_owned()),
    });
    let credential_header = Some(form.value("credential_header").trim().to_owned()).filter(|header| !header.is_empty());
    let key = form.check("key", check_key);
    Some(ProviderRequest { name: name?, style: style?, base_url: base_url?, credential_header, key: key? })
}

fn edit_message(edited: &UpdatedProvider) -> String {
    if edited.unlinked.is_empty() {
        return "Changes saved".to_owned();
    }
    format!("Changes saved. The address changed, so these have no key now: {}.", edited.unlinked.join(", "))
}
