//! The dialog that asks for a model.

use leptos::prelude::*;

use super::provider::check_key;
use crate::{
    api::providers::{create_model, edit_model},
    model::{
        fault::Fault,
        provider::{GeneralKey, ModelRow, ProviderRow, WantedModel},
        text,
    },
    ui::{
        field::Field,
        form::Form,
        form_dialog::FormDialog,
        select::{Choice, SelectField},
    },
};

/// The keys that can be chosen, below the words for none.
pub fn key_choices(none: &str, keys: Vec<GeneralKey>) -> Vec<Choice> {
    let lines = keys.into_iter().map(|key| (key.id.to_string(), format!("{} ({})", key.name, key.mask)));
    std::iter::once((String::new(), none.to_owned())).chain(lines).collect()
}

/// Asks for a model, then makes or changes it.
#[component]
pub fn ModelDialog(
    /// Whose it is to be, where it is new.
    of: Option<ProviderRow>,
    /// The model, where it stands already.
    model: Option<ModelRow>,
    /// The keys that can be chosen.
    keys: Vec<GeneralKey>,
    /// Leaves things as they are.
    on_dismiss: Callback<()>,
    /// Called with what was done, as a sentence.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (provider, id) = (of.as_ref().map(|provider| provider.id), model.as_ref().map(|model| model.id));
    let submit = move |()| {
        let (name, key) = (form.check("name", text::name), form.check("key", check_key));
        let wanted = name.zip(key).map(|(name, key)| WantedModel { name, key });
        let call = wanted.map(|wanted| async move {
            match (id, provider) {
                (Some(id), _) => edit_model(id, wanted).await,
                (None, Some(provider)) => create_model(provider, wanted).await,
                (None, None) => Err(Fault::NotFound),
            }
        });
        form.send(call, move |model| on_done.run(format!("“{}” was saved.", model.name)));
    };
    let title = of.map_or_else(|| "Edit model".to_owned(), |provider| format!("Add model to {}", provider.name));
    let (name, link) = model.map_or_else(Default::default, |model| (model.name, model.link.key().map(|key| key.id.to_string()).unwrap_or_default()));
    view! {
        <FormDialog title form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="As the provider knows it, such as “gpt-5”." autofocus=true/>
            <SelectField form name="key" label="Key" options=key_choices("The provider's key", keys) value=link/>
        </FormDialog>
    }
}
