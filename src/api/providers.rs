//! Services with language models, their models, and the keys that they are used with. All need *Manage Credentials*.

use leptos::prelude::*;

use crate::model::{
    fault::Fault,
    id::{ModelId, ProviderId},
    provider::{EditedProvider, ModelRow, ProviderList, ProviderRow, WantedModel, WantedProvider},
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::providers;

/// Every provider with its models, and the keys that can be chosen.
///
/// # Errors
/// `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/list", input = Json, output = Json)]
pub async fn list_providers() -> Result<ProviderList, Fault> {
    context::answer(async move |call: Call| providers::list(&call.state, &call.actor()?).await).await
}

/// Makes a provider.
///
/// # Errors
/// `Invalid` at `name`, `base_url` or `key`; `Conflict` at `name`; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/create", input = Json, output = Json)]
pub async fn create_provider(wanted: WantedProvider) -> Result<ProviderRow, Fault> {
    context::answer(async move |call: Call| providers::create(&call.state, &call.actor()?, wanted).await).await
}

/// Changes a provider, its key included. With another address it and its models lose their keys; the answer names them.
///
/// # Errors
/// `Invalid` at `name`, `base_url` or `key`; `Conflict` at `name`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/edit", input = Json, output = Json)]
pub async fn edit_provider(id: ProviderId, wanted: WantedProvider) -> Result<EditedProvider, Fault> {
    context::answer(async move |call: Call| providers::edit(&call.state, &call.actor()?, id, wanted).await).await
}

/// Deletes a provider and its models.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/delete", input = Json, output = Json)]
pub async fn delete_provider(id: ProviderId) -> Result<(), Fault> {
    context::answer(async move |call: Call| providers::delete(&call.state, &call.actor()?, id).await).await
}

/// Makes a model.
///
/// # Errors
/// `Invalid` at `name` or `key`; `Conflict` at `name`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/create-model", input = Json, output = Json)]
pub async fn create_model(provider: ProviderId, wanted: WantedModel) -> Result<ModelRow, Fault> {
    context::answer(async move |call: Call| providers::create_model(&call.state, &call.actor()?, provider, wanted).await).await
}

/// Changes a model, its own key included.
///
/// # Errors
/// `Invalid` at `name` or `key`; `Conflict` at `name`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/edit-model", input = Json, output = Json)]
pub async fn edit_model(id: ModelId, wanted: WantedModel) -> Result<ModelRow, Fault> {
    context::answer(async move |call: Call| providers::edit_model(&call.state, &call.actor()?, id, wanted).await).await
}

/// Deletes a model.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "providers/delete-model", input = Json, output = Json)]
pub async fn delete_model(id: ModelId) -> Result<(), Fault> {
    context::answer(async move |call: Call| providers::delete_model(&call.state, &call.actor()?, id).await).await
}
