//! `/api/v1/corpora`.

use axum::{
    Json as JsonResponse,
    extract::{Path, State},
    http::StatusCode,
};

use super::caller::Authorized;
use latchkey_core::corpora;
use latchkey_http::{AppState, body::Json, problem::Problem};
use latchkey_store::corpora::CorpusRecord;
use latchkey_types::{
    error::Error,
    rest::corpora::{Corpora, Corpus, CreateCorpus},
};

/// A corpus in a response.
fn corpus(record: CorpusRecord) -> Corpus {
    Corpus { id: record.id, name: record.name, created_at: record.created_at.into() }
}

/// List corpora
#[utoipa::path(
    get,
    path = "/api/v1/corpora",
    operation_id = "listCorpora",
    tag = "corpora",
    responses((status = 200, description = "All corpora, in order of creation.", body = Corpora)),
)]
pub(crate) async fn list(State(state): State<AppState>, Authorized(actor): Authorized) -> Result<JsonResponse<Corpora>, Problem> {
    Ok(JsonResponse(Corpora { items: corpora::all(&state, &actor).await?.into_iter().map(corpus).collect() }))
}

/// Create a corpus
#[utoipa::path(
    post,
    path = "/api/v1/corpora",
    operation_id = "createCorpus",
    tag = "corpora",
    request_body(content = CreateCorpus, examples(("corpus" = (summary = "A corpus", value = json!({ "name": "handbook" }))))),
    responses(
        (status = 201, description = "The created corpus.", body = Corpus),
        (status = 409, description = "`conflict`: a corpus with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateCorpus>,
) -> Result<(StatusCode, JsonResponse<Corpus>), Problem> {
    Ok((StatusCode::CREATED, JsonResponse(corpus(corpora::create(&state, &actor, &request.name.0).await?))))
}

/// Delete a corpus
///
/// No key gives access to it any longer. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/corpora/{id}",
    operation_id = "deleteCorpus",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    responses((status = 204, description = "Corpus deleted.")),
)]
pub(crate) async fn delete(State(state): State<AppState>, Authorized(actor): Authorized, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    corpora::delete(&state, &actor, id.parse().map_err(|_| Error::NotFound)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
