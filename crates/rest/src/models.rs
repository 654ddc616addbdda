//! `/api/v1/models`, and the creation of models at `/api/v1/providers/{id}/models`.

use axum::{Json as JsonResponse, extract::State, http::StatusCode};

use super::{
    caller::Authorized,
    conditional::{Attempts, Located, Precondition, Tagged},
    path_id::PathId,
    providers::with_field_name,
};
use latchkey_core::{actor::Actor, etag::IfMatch, providers};
use latchkey_http::{AppState, body::Json, problem::Problem};
use latchkey_types::{
    error::Error,
    id::{self, ModelId, ProviderId},
    provider::ModelRow,
    rest::models::{CreateModel, EditModel, Model, Models},
};

/// List models
#[utoipa::path(
    get,
    path = "/api/v1/models",
    operation_id = "listModels",
    tag = "models",
    responses((status = 200, description = "All language models, by name.", body = Models)),
)]
pub(crate) async fn list(State(state): State<AppState>, Authorized(actor): Authorized) -> Result<JsonResponse<Models>, Problem> {
    let list = providers::list(&state, &actor).await?;
    let models = list.providers.into_iter().flat_map(|provider| provider.models.into_iter().map(move |model| (provider.id, model)));
    let mut items: Vec<Model> = models.map(Into::into).collect();
    items.sort_by_cached_key(|model| model.name.to_ascii_lowercase());
    Ok(JsonResponse(Models { items, price_date: list.price_date }))
}

/// Create a model
///
/// Linking a credential also needs the scope `credentials:write`.
#[utoipa::path(
    post,
    path = "/api/v1/providers/{id}/models",
    operation_id = "createModel",
    tag = "models",
    params(PathId<id::Provider>),
    request_body(content = CreateModel, examples(
        ("model" = (summary = "A model with a known price", value = json!({ "name": "gpt-4o-mini" }))),
        ("priced" = (summary = "Another name, with your own price and limits", value = json!({
            "name": "team/large", "upstream_name": "llama-3.3-70b", "price": { "input": "0.59", "output": "0.79" },
            "context_tokens": 131_072, "output_tokens": 32_768,
        }))),
        ("local" = (summary = "A model without a price", value = json!({ "name": "local", "upstream_name": "qwen3:8b", "allow_unpriced": true }))),
    )),
    responses(
        Located<201, Model>,
        (status = 409, description = "`conflict`: a model or an alias with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(provider): PathId<id::Provider>,
    Json(request): Json<CreateModel>,
) -> Result<Located<201, Model>, Problem> {
    let row = providers::create_model(&state, &actor, provider, request.into()).await.map_err(with_field_name)?;
    Ok(Located::new((provider, row), |model: Model| model))
}

/// Get a model
#[utoipa::path(
    get,
    path = "/api/v1/models/{id}",
    operation_id = "getModel",
    tag = "models",
    params(PathId<id::Model>),
    responses(Tagged<Model>),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Model>,
) -> Result<Tagged<Model>, Problem> {
    Ok(providers::get_model(&state, &actor, id).await?.into())
}

/// Update a model
///
/// Omitted fields keep their value. Linking a credential also needs the scope `credentials:write`.
#[utoipa::path(
    patch,
    path = "/api/v1/models/{id}",
    operation_id = "editModel",
    tag = "models",
    params(PathId<id::Model>, Precondition),
    request_body(content = EditModel, examples(
        ("price" = (summary = "Your own price", value = json!({
            "price": { "input": "2.5", "cached_input": "1.25", "cache_write": null, "output": "10" },
        }))),
        ("table" = (summary = "Price and limits of the built-in table", value = json!({
            "price": null, "context_tokens": null, "output_tokens": null,
        }))),
    )),
    responses(
        Tagged<Model>,
        (status = 409, description = "`conflict`: a model or an alias with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Model>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditModel>,
) -> Result<Tagged<Model>, Problem> {
    Ok(apply(&state, &actor, id, &request, &if_match).await?.into())
}

/// Changes the given fields of a model. A concurrent change of other fields is not overwritten.
async fn apply(state: &AppState, actor: &Actor, id: ModelId, request: &EditModel, if_match: &IfMatch) -> Result<(ProviderId, ModelRow), Error> {
    let mut attempts = Attempts::new(if_match);
    loop {
        let before = providers::get_model(state, actor, id).await?;
        let only_if = attempts.next(&before)?;
        match providers::edit_model(state, actor, id, request.clone().apply(&before.1), only_if).await {
            Err(Error::Outdated) => {}
            result => return result.map(|row| (before.0, row)).map_err(with_field_name),
        }
    }
}

/// Delete a model
///
/// Calls of it fail immediately. Its linked credential is kept. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/models/{id}",
    operation_id = "deleteModel",
    tag = "models",
    params(PathId<id::Model>, Precondition),
    responses(
        (status = 204, description = "Model deleted."),
        (status = 409, description = "`conflict`: it is a target of an alias or a fallback of another model, which `detail` names."),
    ),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Model>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    providers::delete_model(&state, &actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
