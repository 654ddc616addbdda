//! The dialog that asks before a provider or a model is deleted.

use leptos::prelude::*;

use crate::{
    api::providers::{delete_model, delete_provider},
    model::{
        fault::Fault,
        provider::{ModelRow, ProviderRow},
    },
    ui::{button::Weight, form::Form, form_dialog::FormDialog, number::counted},
};

/// What is to be deleted.
#[derive(Clone)]
pub enum Doomed {
    /// A provider and its models.
    Provider(ProviderRow),
    /// A model.
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
                format!(
                    "{} The keys stay.",
                    counted(i64::try_from(provider.models.len()).unwrap_or(i64::MAX), "model goes with it.", "models go with it.")
                )
            }
            _ => "Keys stay where they are.".to_owned(),
        }
    }

    /// Where somebody else was faster, what was wanted is so.
    async fn delete(self) -> Result<(), Fault> {
        let done = match self {
            Self::Provider(provider) => delete_provider(provider.id).await,
            Self::Model(model) => delete_model(model.id).await,
        };
        if done == Err(Fault::NotFound) { Ok(()) } else { done }
    }
}

/// Asks, then deletes.
#[component]
pub fn DeleteDialog(
    /// What is to be deleted.
    doomed: Doomed,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called with what was done, as a sentence.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (name, effect) = (doomed.name(), doomed.effect());
    let title = if matches!(doomed, Doomed::Provider(_)) { "Delete this provider?" } else { "Delete this model?" };
    let said = format!("“{name}” was deleted.");
    let submit = move |()| {
        let said = said.clone();
        form.send(Some(doomed.clone().delete()), move |()| on_done.run(said));
    };
    view! {
        <FormDialog title form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{name}</strong></p>
            <p>{effect}</p>
        </FormDialog>
    }
}
