//! Confirms the deletion of a provider or model.

use leptos::prelude::*;

use crate::api::providers::{delete_model, delete_provider};
use latchkey_types::{
    error::Fault,
    provider::{ModelRow, ProviderRow},
};
use latchkey_ui::{button::Weight, form::Form, form_dialog::FormDialog, number::counted};

/// The object to delete.
#[derive(Clone)]
pub(super) enum Doomed {
    /// Deletes its models too.
    Provider(ProviderRow),
    Model(ModelRow),
}

impl Doomed {
    fn name(&self) -> String {
        match self {
            Self::Provider(provider) => provider.name.clone(),
            Self::Model(model) => model.name.clone(),
        }
    }

    fn effect(&self) -> String {
        match self {
            Self::Provider(provider) if !provider.models.is_empty() => {
                let count = i64::try_from(provider.models.len()).unwrap_or(i64::MAX);
                format!("{} The general keys are kept.", counted(count, "model will be deleted too.", "models will be deleted too."))
            }
            _ => "The general key is kept.".to_owned(),
        }
    }

    /// Succeeds also if the object is gone already.
    async fn delete(self) -> Result<(), Fault> {
        let result = match self {
            Self::Provider(provider) => delete_provider(provider.id).await,
            Self::Model(model) => delete_model(model.id).await,
        };
        if result == Err(Fault::NotFound) { Ok(()) } else { result }
    }
}

#[component]
pub(super) fn DeleteDialog(
    doomed: Doomed,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (name, effect) = (doomed.name(), doomed.effect());
    let is_provider = matches!(doomed, Doomed::Provider(_));
    let title = if is_provider { "Delete this provider?" } else { "Delete this model?" };
    let message = if is_provider { "Provider deleted" } else { "Model deleted" };
    let submit = move |()| {
        form.send(Some(doomed.clone().delete()), move |()| on_done.run(message.to_owned()));
    };
    view! {
        <FormDialog title form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{name}</strong></p>
            <p>{effect}</p>
        </FormDialog>
    }
}
