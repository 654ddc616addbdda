//! `/api/v1/providers`.

use axum::{Json as JsonResponse, extract::State, http::StatusCode};

use super::{
    caller::Authorized,
    conditional::{Attempts, Located, Precondition, Tagged},
    path_id::PathId,
};
use latchkey_core::{actor::Actor, etag::IfMatch, providers};
use latchkey_http::{AppState, body::Json, problem::Problem};
use latchkey_types::{
    error::Error,
    id::{self, ProviderId},
    provider::ProviderRow,
    rest::providers::{CreateProvider, EditProvider, Provider, Providers},
};

/// An error of the rules, with the name that requests of this API have for the linked key.
pub(super) fn with_field_name(error: Error) -> Error {
    match error {
        Error::Invalid { field, message } if field == "key" => Error::invalid("credential", message),
        other => other,
    }
}

/// List providers
#[utoipa::path(
    get,
    path = "/api/v1/providers",
    operation_id = "listProviders",
    tag = "models",
    responses((status = 200, description = "All providers of language models, by name.", body = Providers)),
)]
pub(crate) async fn list(State(state): State<AppState>, Authorized(actor): Authorized) -> Result<JsonResponse<Providers>, Problem> {
    let list = providers::list(&state, &actor).await?;
    Ok(JsonResponse(Providers { items: list.providers.into_iter().map(Into::into).collect() }))
}

/// Create a provider
///
/// Linking a credential also needs the scope `credentials:write`.
#[utoipa::path(
    post,
    path = "/api/v1/providers",
    operation_id = "createProvider",
    tag = "models",
    request_body(content = CreateProvider, examples(
        ("openai" = (summary = "The OpenAI API", value = json!({
            "name": "OpenAI", "style": "openai", "base_url": "https://api.openai.com/v1",
        }))),
        ("anthropic" = (summary = "The Anthropic API", value = json!({
            "name": "Anthropic", "style": "anthropic", "base_url": "https://api.anthropic.com",
        }))),
        ("azure" = (summary = "A key in another header", value = json!({
            "name": "Azure", "style": "openai", "base_url": "https://example.openai.azure.com/openai/v1", "credential_header": "api-key",
        }))),
    )),
    responses(
        Located<201, Provider>,
        (status = 409, description = "`conflict`: a provider with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateProvider>,
) -> Result<Located<201, Provider>, Problem> {
    let row = providers::create(&state, &actor, request.into()).await.map_err(with_field_name)?;
    Ok(Located::new(row, |provider: Provider| provider))
}

/// Get a provider
#[utoipa::path(
    get,
    path = "/api/v1/providers/{id}",
    operation_id = "getProvider",
    tag = "models",
    params(PathId<id::Provider>),
    responses(Tagged<Provider>),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Provider>,
) -> Result<Tagged<Provider>, Problem> {
    Ok(providers::get(&state, &actor, id).await?.into())
}

/// Update a provider
///
/// Omitted fields keep their value. A new base URL unlinks the credentials of the provider and of its models; another credential in the same
/// request is linked. Linking a credential also needs the scope `credentials:write`.
#[utoipa::path(
    patch,
    path = "/api/v1/providers/{id}",
    operation_id = "editProvider",
    tag = "models",
    params(PathId<id::Provider>, Precondition),
    request_body(content = EditProvider, examples(
        ("move" = (summary = "Another base URL", value = json!({ "base_url": "https://gateway.example.com/v1" }))),
        ("unlink" = (summary = "No credential", value = json!({ "credential": null }))),
    )),
    responses(
        Tagged<Provider>,
        (status = 409, description = "`conflict`: a provider with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Provider>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditProvider>,
) -> Result<Tagged<Provider>, Problem> {
    Ok(apply(&state, &actor, id, &request, &if_match).await?.into())
}

/// Changes the given fields of a provider. A concurrent change of other fields is not overwritten.
async fn apply(state: &AppState, actor: &Actor, id: ProviderId, request: &EditProvider, if_match: &IfMatch) -> Result<ProviderRow, Error> {
    let mut attempts = Attempts::new(if_match);
    loop {
        let before = providers::get(state, actor, id).await?;
        let only_if = attempts.next(&before)?;
        match providers::edit(state, actor, id, request.clone().apply(&before), only_if).await {
            Err(Error::Outdated) => {}
            result => return result.map(|updated| updated.provider).map_err(with_field_name),
        }
    }
}

/// Delete a provider
///
/// Also deletes its models: calls of them fail immediately. Linked credentials are kept. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/providers/{id}",
    operation_id = "deleteProvider",
    tag = "models",
    params(PathId<id::Provider>, Precondition),
    responses(
        (status = 204, description = "Provider deleted."),
        (status = 409, description = "`conflict`: an alias or a fallback of another provider's model uses one of its models."),
    ),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Provider>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    providers::delete(&state, &actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
