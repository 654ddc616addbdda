//! `/api/v1/corpora`.

use axum::{
    Json as JsonResponse,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{caller::Caller, openapi::schemas};
use latchkey_core::corpora;
use latchkey_http::{AppState, body::Json, problem::Problem};
use latchkey_store::corpora::CorpusRecord;
use latchkey_types::{
    error::Error,
    permission::{Permission, Scope},
    time::Timestamp,
};

/// A corpus.
#[derive(Serialize, ToSchema)]
#[schema(as = Corpus)]
pub(crate) struct CorpusView {
    id: i64,
    name: String,
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
}

impl From<CorpusRecord> for CorpusView {
    fn from(corpus: CorpusRecord) -> Self {
        Self { id: corpus.id, name: corpus.name, created_at: Timestamp(corpus.created_at).rfc3339() }
    }
}

/// The corpora of the organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct Corpora {
    items: Vec<CorpusView>,
}

/// List corpora
///
/// Needs the scope `keys:read`, and *View Keys* or *Manage Corpora*.
#[utoipa::path(
    get,
    path = "/api/v1/corpora",
    operation_id = "listCorpora",
    tag = "corpora",
    responses((status = 200, description = "All corpora, in order of creation.", body = Corpora)),
)]
pub(crate) async fn list(State(state): State<AppState>, caller: Caller) -> Result<JsonResponse<Corpora>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    Ok(JsonResponse(Corpora { items: corpora::all(&state, &actor).await?.into_iter().map(Into::into).collect() }))
}

/// A corpus to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCorpus {
    #[schema(schema_with = schemas::name)]
    name: String,
}

/// Create a corpus
///
/// Needs the scope `keys:write` and *Manage Corpora*.
#[utoipa::path(
    post,
    path = "/api/v1/corpora",
    operation_id = "createCorpus",
    tag = "corpora",
    request_body(content = CreateCorpus, examples(("corpus" = (summary = "A corpus", value = json!({ "name": "handbook" }))))),
    responses(
        (status = 201, description = "The created corpus.", body = CorpusView),
        (status = 409, description = "`conflict`: a corpus with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(request): Json<CreateCorpus>,
) -> Result<(StatusCode, JsonResponse<CorpusView>), Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok((StatusCode::CREATED, JsonResponse(corpora::create(&state, &actor, &request.name).await?.into())))
}

/// Delete a corpus
///
/// No key gives access to it any longer. This cannot be undone. Needs the scope `keys:write` and *Manage Corpora*.
#[utoipa::path(
    delete,
    path = "/api/v1/corpora/{id}",
    operation_id = "deleteCorpus",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    responses((status = 204, description = "Corpus deleted.")),
)]
pub(crate) async fn delete(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    // The permission comes first, so that an invalid id is 403 too for callers without it.
    actor.require(Permission::ManageCorpora)?;
    corpora::delete(&state, &actor, id.parse().map_err(|_| Error::NotFound)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
