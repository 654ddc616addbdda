//! Providers of language models, their models and linked keys. All functions need *Manage Credentials*.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::{ModelId, ProviderId},
    provider::{ModelRequest, ModelRow, ProviderList, ProviderRequest, ProviderRow, UpdatedProvider},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::providers;

/// Returns all providers with their models, and the general keys that can be linked.
#[server(prefix = "/fn", endpoint = "providers/list", input = Json, output = Json)]
pub async fn list_providers() -> Result<ProviderList, Error> {
    request_context::answer(async move |call: RequestContext| providers::list(&call.state, &call.actor()?).await).await
}

#[server(prefix = "/fn", endpoint = "providers/create", input = Json, output = Json)]
pub async fn create_provider(request: ProviderRequest) -> Result<ProviderRow, Error> {
    request_context::answer(async move |call: RequestContext| providers::create(&call.state, &call.actor()?, request).await).await
}

/// Changes a provider and its key. Changing the base URL unlinks the keys of the provider and its models; the response names them.
#[server(prefix = "/fn", endpoint = "providers/edit", input = Json, output = Json)]
pub async fn edit_provider(id: ProviderId, request: ProviderRequest) -> Result<UpdatedProvider, Error> {
    request_context::answer(async move |call: RequestContext| providers::edit(&call.state, &call.actor()?, id, request).await).await
}

#[server(prefix = "/fn", endpoint = "providers/delete", input = Json, output = Json)]
pub async fn delete_provider(id: ProviderId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| providers::delete(&call.state, &call.actor()?, id).await).await
}

#[server(prefix = "/fn", endpoint = "providers/create-model", input = Json, output = Json)]
pub async fn create_model(provider: ProviderId, request: ModelRequest) -> Result<ModelRow, Error> {
    request_context::answer(async move |call: RequestContext| providers::create_model(&call.state, &call.actor()?, provider, request).await).await
}

/// Changes a model and its own key.
#[server(prefix = "/fn", endpoint = "providers/edit-model", input = Json, output = Json)]
pub async fn edit_model(id: ModelId, request: ModelRequest) -> Result<ModelRow, Error> {
    request_context::answer(async move |call: RequestContext| providers::edit_model(&call.state, &call.actor()?, id, request).await).await
}

#[server(prefix = "/fn", endpoint = "providers/delete-model", input = Json, output = Json)]
pub async fn delete_model(id: ModelId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| providers::delete_model(&call.state, &call.actor()?, id).await).await
}
