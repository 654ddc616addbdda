//! Providers of language models, their models and linked keys. All functions need *Manage Credentials*.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Fault,
    id::{ModelId, ProviderId},
    provider::{EditedProvider, ModelRow, ProviderList, ProviderRow, WantedModel, WantedProvider},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, Call};
#[cfg(feature = "ssr")]
use latchkey_core::providers;

/// Returns all providers with their models, and the general keys that can be linked.
#[server(prefix = "/fn", endpoint = "providers/list", input = Json, output = Json)]
pub async fn list_providers() -> Result<ProviderList, Fault> {
    request_context::answer(async move |call: Call| providers::list(&call.state, &call.actor()?).await).await
}

#[server(prefix = "/fn", endpoint = "providers/create", input = Json, output = Json)]
pub async fn create_provider(wanted: WantedProvider) -> Result<ProviderRow, Fault> {
    request_context::answer(async move |call: Call| providers::create(&call.state, &call.actor()?, wanted).await).await
}

/// Changes a provider and its key. Changing the base URL unlinks the keys of the provider and its models; the response names them.
#[server(prefix = "/fn", endpoint = "providers/edit", input = Json, output = Json)]
pub async fn edit_provider(id: ProviderId, wanted: WantedProvider) -> Result<EditedProvider, Fault> {
    request_context::answer(async move |call: Call| providers::edit(&call.state, &call.actor()?, id, wanted).await).await
}

#[server(prefix = "/fn", endpoint = "providers/delete", input = Json, output = Json)]
pub async fn delete_provider(id: ProviderId) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| providers::delete(&call.state, &call.actor()?, id).await).await
}

#[server(prefix = "/fn", endpoint = "providers/create-model", input = Json, output = Json)]
pub async fn create_model(provider: ProviderId, wanted: WantedModel) -> Result<ModelRow, Fault> {
    request_context::answer(async move |call: Call| providers::create_model(&call.state, &call.actor()?, provider, wanted).await).await
}

/// Changes a model and its own key.
#[server(prefix = "/fn", endpoint = "providers/edit-model", input = Json, output = Json)]
pub async fn edit_model(id: ModelId, wanted: WantedModel) -> Result<ModelRow, Fault> {
    request_context::answer(async move |call: Call| providers::edit_model(&call.state, &call.actor()?, id, wanted).await).await
}

#[server(prefix = "/fn", endpoint = "providers/delete-model", input = Json, output = Json)]
pub async fn delete_model(id: ModelId) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| providers::delete_model(&call.state, &call.actor()?, id).await).await
}
