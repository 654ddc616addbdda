//! `/api/v1/aliases`.

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
    id::{self, AliasId},
    provider::AliasRow,
    rest::models::{Alias, Aliases, CreateAlias, EditAlias},
};

/// List aliases
#[utoipa::path(
    get,
    path = "/api/v1/aliases",
    operation_id = "listAliases",
    tag = "models",
    responses((status = 200, description = "All aliases of language models, by name.", body = Aliases)),
)]
pub(crate) async fn list(State(state): State<AppState>, Authorized(actor): Authorized) -> Result<JsonResponse<Aliases>, Problem> {
    let list = providers::list(&state, &actor).await?;
    Ok(JsonResponse(Aliases { items: list.aliases.into_iter().map(Into::into).collect() }))
}

/// Create an alias
///
/// Calls of the alias are distributed among the targets of the lowest priority by their weights. Other targets are called if these fail.
#[utoipa::path(
    post,
    path = "/api/v1/aliases",
    operation_id = "createAlias",
    tag = "models",
    request_body(content = CreateAlias, examples(
        ("alias" = (summary = "One model", value = json!({
            "name": "best", "targets": [{ "model": "mdl_01a1f0b75c8d7f3aa6c1d0e5b4938271", "priority": 1, "weight": 100 }],
        }))),
    )),
    responses(
        Located<201, Alias>,
        (status = 409, description = "`conflict`: a model or an alias with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateAlias>,
) -> Result<Located<201, Alias>, Problem> {
    let row = providers::create_alias(&state, &actor, request.into()).await?;
    Ok(Located::new(row, |alias: Alias| alias))
}

/// Get an alias
#[utoipa::path(
    get,
    path = "/api/v1/aliases/{id}",
    operation_id = "getAlias",
    tag = "models",
    params(PathId<id::Alias>),
    responses(Tagged<Alias>),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Alias>,
) -> Result<Tagged<Alias>, Problem> {
    Ok(providers::get_alias(&state, &actor, id).await?.into())
}

/// Update an alias
///
/// Omitted fields keep their value.
#[utoipa::path(
    patch,
    path = "/api/v1/aliases/{id}",
    operation_id = "editAlias",
    tag = "models",
    params(PathId<id::Alias>, Precondition),
    request_body(content = EditAlias, examples(
        ("targets" = (summary = "Other targets", value = json!({
            "targets": [{ "model": "mdl_01a1f0b75c8d7f3aa6c1d0e5b4938271", "priority": 2, "weight": 1 }],
        }))),
    )),
    responses(
        Tagged<Alias>,
        (status = 409, description = "`conflict`: a model or an alias with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Alias>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditAlias>,
) -> Result<Tagged<Alias>, Problem> {
    Ok(apply(&state, &actor, id, &request, &if_match).await?.into())
}

/// Changes the given fields of an alias. A concurrent change of other fields is not overwritten.
async fn apply(state: &AppState, actor: &Actor, id: AliasId, request: &EditAlias, if_match: &IfMatch) -> Result<AliasRow, Error> {
    let mut attempts = Attempts::new(if_match);
    loop {
        let before = providers::get_alias(state, actor, id).await?;
        let only_if = attempts.next(&before)?;
        match providers::edit_alias(state, actor, id, request.clone().apply(&before), only_if).await {
            Err(Error::Outdated) => {}
            result => return result,
        }
    }
}

/// Delete an alias
///
/// Calls of it fail immediately. Its targets are kept. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/aliases/{id}",
    operation_id = "deleteAlias",
    tag = "models",
    params(PathId<id::Alias>, Precondition),
    responses((status = 204, description = "Alias deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Alias>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    providers::delete_alias(&state, &actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
