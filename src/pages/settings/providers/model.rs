//! The dialog that adds or edits a model.

use leptos::prelude::*;

use crate::{
    api::providers::{create_model, edit_model},
    pages::settings::key_field::{check_key, key_choices},
};
use latchkey_types::{
    error::Error,
    provider::{GeneralKey, ModelRequest, ModelRow, ProviderRow},
    validate,
};
use latchkey_ui::{field::Field, form::Form, form_dialog::FormDialog, select::SelectField};

#[component]
pub(super) fn ModelDialog(
    /// The provider of a new model.
    of: Option<ProviderRow>,
    /// The model to edit.
    model: Option<ModelRow>,
    keys: Vec<GeneralKey>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (provider, id) = (of.as_ref().map(|provider| provider.id), model.as_ref().map(|model| model.id));
    let (verb, message) = if id.is_some() { ("Save", "Changes saved") } else { ("Add model", "Model added") };
    let submit = move |()| {
        let (name, key) = (form.check("name", validate::name), form.check("key", check_key));
        let input = name.zip(key).map(|(name, key)| ModelRequest { name, key });
        let request = input.map(|input| async move {
            match (id, provider) {
                (Some(id), _) => edit_model(id, input).await,
                (None, Some(provider)) => create_model(provider, input).await,
                (None, None) => Err(Error::NotFound),
            }
        });
        form.send(request, move |_| on_done.run(message.to_owned()));
    };
    let title = of.map_or_else(|| "Edit model".to_owned(), |provider| format!("Add model to {}", provider.name));
    let (name, link) = model.map_or_else(Default::default, |model| (model.name, model.link.key().map(|key| key.id.to_string()).unwrap_or_default()));
    view! {
        <FormDialog title form submit=verb on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="Model ID at the provider, e.g. gpt-5" autofocus=true/>
            <SelectField form name="key" label="Key" options=key_choices("The provider’s key", keys) value=link/>
        </FormDialog>
    }
}
