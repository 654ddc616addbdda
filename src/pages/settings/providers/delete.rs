//! Confirms the deletion of a provider, model or alias.

use leptos::prelude::*;

use crate::{
    api::providers::{delete_alias, delete_model, delete_provider},
    pages::receipt_text::receipt_text,
};
use latchkey_types::{
    error::Error,
    provider::{AliasRow, ModelRow, ProviderRow},
    receipt::{Done, WithReceipt},
};
use latchkey_ui::{
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    form::{Form, FormError, ignore_not_found},
    number::pluralize,
    toast::ToastText,
};

/// The field at which conflicts are shown.
const CONFLICT: &str = "conflict";

/// The object to delete.
#[derive(Clone)]
pub(super) enum DeleteTarget {
    /// Deletes its models too.
    Provider(ProviderRow),
    Model(ModelRow),
    Alias(AliasRow),
}

impl DeleteTarget {
    fn name(&self) -> String {
        match self {
            Self::Provider(provider) => provider.name.clone(),
            Self::Model(model) => model.name.clone(),
            Self::Alias(alias) => alias.name.clone(),
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::Provider(_) => "Delete this provider?",
            Self::Model(_) => "Delete this model?",
            Self::Alias(_) => "Delete this alias?",
        }
    }

    /// Text of the toast.
    const fn message(&self) -> &'static str {
        match self {
            Self::Provider(_) => "Provider deleted",
            Self::Model(_) => "Model deleted",
            Self::Alias(_) => "Alias deleted",
        }
    }

    fn effect(&self) -> String {
        match self {
            Self::Provider(provider) if !provider.models.is_empty() => {
                let count = i64::try_from(provider.models.len()).unwrap_or(i64::MAX);
                format!("{} The general keys are kept.", pluralize(count, "model will be deleted too.", "models will be deleted too."))
            }
            Self::Provider(_) => "The general key is kept.".to_owned(),
            Self::Model(_) => "Calls to this name will be refused. The general key is kept.".to_owned(),
            Self::Alias(_) => "Calls to this name will be refused. Its models are kept.".to_owned(),
        }
    }

    /// Succeeds also if the object is gone already.
    async fn delete(self) -> Result<WithReceipt<Done>, Error> {
        let result = match self {
            Self::Provider(provider) => ignore_not_found(Box::pin(delete_provider(provider.id))).await,
            Self::Model(model) => ignore_not_found(Box::pin(delete_model(model.id))).await,
            Self::Alias(alias) => ignore_not_found(Box::pin(delete_alias(alias.id))).await,
        };
        result.map_err(without_field)
    }
}

/// The dialog has no fields: a conflict, such as an alias that needs the model, is an error of the whole form.
fn without_field(error: Error) -> Error {
    match error {
        Error::Conflict { message, .. } | Error::Invalid { message, .. } => Error::conflict(CONFLICT, message),
        other => other,
    }
}

#[component]
pub(super) fn DeleteDialog(
    target: DeleteTarget,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let (name, effect, title, message) = (target.name(), target.effect(), target.title(), target.message());
    let submit = move |()| {
        form.send(Some(target.clone().delete()), move |deleted| on_done.run(receipt_text(message, &deleted)));
    };
    view! {
        <ConfirmDialog title objects=ConfirmObject::only(name) effect verb="Delete" form on_confirm=submit on_dismiss>
            <FormError form about=CONFLICT/>
        </ConfirmDialog>
    }
}
