//! Providers of language models, their models, aliases and linked keys. All functions need *Manage Credentials*.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::{AliasId, ModelId, ProviderId},
    provider::{AliasRequest, AliasRow, ModelRequest, ModelRow, OfferedModel, ProviderList, ProviderRequest, ProviderRow, UpdatedProvider},
    receipt::{Done, WithReceipt},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{etag::IfMatch, providers};

/// Returns all providers with their models, the aliases, and the general keys that can be linked.
#[server(prefix = "/fn", endpoint = "providers/list", protocol = Json)]
pub async fn list_providers() -> Result<ProviderList, Error> {
    request_context::answer(async move |call: RequestContext| providers::list(&call.state, &call.actor()?).await).await
}

#[server(prefix = "/fn", endpoint = "providers/create", protocol = Json)]
pub async fn create_provider(request: ProviderRequest) -> Result<ProviderRow, Error> {
    request_context::answer(async move |call: RequestContext| providers::create(&call.state, &call.actor()?, request).await).await
}

/// Changes a provider and its key. Changing the base URL unlinks the keys of the provider and its models; the response names them.
#[server(prefix = "/fn", endpoint = "providers/edit", protocol = Json)]
pub async fn edit_provider(id: ProviderId, request: ProviderRequest) -> Result<WithReceipt<UpdatedProvider>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        providers::edit(&call.state, &call.actor()?, id, request, IfMatch::Unconditional).await
    })
    .await
}

#[server(prefix = "/fn", endpoint = "providers/delete", protocol = Json)]
pub async fn delete_provider(id: ProviderId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| providers::delete(&call.state, &call.actor()?, id, IfMatch::Unconditional).await)
        .await
}

#[server(prefix = "/fn", endpoint = "providers/create-model", protocol = Json)]
pub async fn create_model(provider: ProviderId, request: ModelRequest) -> Result<ModelRow, Error> {
    request_context::answer(async move |call: RequestContext| providers::create_model(&call.state, &call.actor()?, provider, request).await).await
}

/// Changes a model and its own key.
#[server(prefix = "/fn", endpoint = "providers/edit-model", protocol = Json)]
pub async fn edit_model(id: ModelId, request: ModelRequest) -> Result<WithReceipt<ModelRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        providers::edit_model(&call.state, &call.actor()?, id, request, IfMatch::Unconditional).await
    })
    .await
}

#[server(prefix = "/fn", endpoint = "providers/delete-model", protocol = Json)]
pub async fn delete_model(id: ModelId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| {
        providers::delete_model(&call.state, &call.actor()?, id, IfMatch::Unconditional).await
    })
    .await
}

/// Returns the models that the provider lists, by calling it with its key. Errors of the provider are at the field `provider`.
#[server(prefix = "/fn", endpoint = "providers/offered-models", protocol = Json)]
pub async fn offered_models(provider: ProviderId) -> Result<Vec<OfferedModel>, Error> {
    request_context::answer(async move |call: RequestContext| providers::offered_models(&call.state, &call.actor()?, provider).await).await
}

#[server(prefix = "/fn", endpoint = "providers/create-alias", protocol = Json)]
pub async fn create_alias(request: AliasRequest) -> Result<AliasRow, Error> {
    request_context::answer(async move |call: RequestContext| providers::create_alias(&call.state, &call.actor()?, request).await).await
}

/// Changes the name and the targets of an alias.
#[server(prefix = "/fn", endpoint = "providers/edit-alias", protocol = Json)]
pub async fn edit_alias(id: AliasId, request: AliasRequest) -> Result<WithReceipt<AliasRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        providers::edit_alias(&call.state, &call.actor()?, id, request, IfMatch::Unconditional).await
    })
    .await
}

#[server(prefix = "/fn", endpoint = "providers/delete-alias", protocol = Json)]
pub async fn delete_alias(id: AliasId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| {
        providers::delete_alias(&call.state, &call.actor()?, id, IfMatch::Unconditional).await
    })
    .await
}
