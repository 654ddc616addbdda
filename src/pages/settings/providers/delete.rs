//! Confirms the deletion of a provider or model.

use leptos::prelude::*;

use crate::api::providers::{delete_model, delete_provider};
use latchkey_types::{
    error::Error,
    provider::{ModelRow, ProviderRow},
};
use latchkey_ui::{
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    form::Form,
    number::pluralize,
};

/// The object to delete.
#[derive(Clone)]
pub(super) enum DeleteTarget {
    /// Deletes its models too.
    Provider(ProviderRow),
    Model(ModelRow),
}

impl DeleteTarget {
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
                format!("{} The general keys are kept.", pluralize(count, "model will be deleted too.", "models will be deleted too."))
            }
            _ => "The general key is kept.".to_owned(),
        }
    }

    /// Succeeds also if the object is gone already.
    async fn delete(self) -> Result<(), Error> {
        let result = match self {
            Self::Provider(provider) => delete_provider(provider.id).await,
            Self::Model(model) => delete_model(model.id).await,
        };
        if result == Err(Error::NotFound) { Ok(()) } else { result }
    }
}

#[component]
pub(super) fn DeleteDialog(
    target: DeleteTarget,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (name, effect) = (target.name(), target.effect());
    let is_provider = matches!(target, DeleteTarget::Provider(_));
    let title = if is_provider { "Delete this provider?" } else { "Delete this model?" };
    let message = if is_provider { "Provider deleted" } else { "Model deleted" };
    let submit = move |()| {
        form.send(Some(target.clone().delete()), move |()| on_done.run(message.to_owned()));
    };
    view! {
        <ConfirmDialog title objects=ConfirmObject::only(name) effect verb="Delete" form on_confirm=submit on_dismiss/>
    }
}
