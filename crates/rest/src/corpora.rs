//! `/api/v1/corpora`: corpora, their upstreams and their documents.

use axum::{
    Json as JsonResponse,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};

use super::caller::Authorized;
use latchkey_core::{corpora, documents};
use latchkey_http::{AppState, body::Json, problem::Problem, request_context::in_current_scope};
use latchkey_store::corpora::CorpusRecord;
use latchkey_types::{
    corpus::{CorpusPage, RESULTS_DEFAULT, RESULTS_MAX},
    error::Error,
    listing::ROWS_MAX,
    rest::{
        corpora::{
            AddDocuments, AddedDocuments, Corpora, Corpus, CorpusWithUpstream, CreateCorpus, Documents, DocumentsQuery, SearchRequest, SearchResults,
            SetUpstream, Upstream,
        },
        page::LIMIT_DEFAULT,
    },
};

/// A corpus in a response.
fn corpus(record: CorpusRecord) -> Corpus {
    let has_upstream = record.has_upstream();
    Corpus { id: record.id, name: record.name, created_at: record.created_at.into(), documents: record.documents, has_upstream }
}

/// The number of a corpus in a path. Anything else is reported as not found.
fn number(id: &str) -> Result<i64, Error> {
    id.parse().map_err(|_| Error::NotFound)
}

/// # Errors
/// `Invalid` at `limit`.
fn limited(limit: Option<usize>, default: usize, max: usize) -> Result<usize, Error> {
    let limit = limit.unwrap_or(default);
    if (1..=max).contains(&limit) { Ok(limit) } else { Err(Error::invalid("limit", format!("Must be 1 to {max}."))) }
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
/// All keys lose access to it, and its documents are removed. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/corpora/{id}",
    operation_id = "deleteCorpus",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    responses((status = 204, description = "Corpus deleted.")),
)]
pub(crate) async fn delete(State(state): State<AppState>, Authorized(actor): Authorized, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    corpora::delete(&state, &actor, number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a corpus
#[utoipa::path(
    get,
    path = "/api/v1/corpora/{id}",
    operation_id = "getCorpus",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    responses((status = 200, description = "The corpus and its upstream.", body = CorpusWithUpstream)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
) -> Result<JsonResponse<CorpusWithUpstream>, Problem> {
    let CorpusPage { corpus, upstream, .. } = corpora::page(&state, &actor, number(&id)?).await?;
    Ok(JsonResponse(CorpusWithUpstream {
        id: corpus.id,
        name: corpus.name,
        created_at: corpus.created_at.into(),
        documents: corpus.documents,
        upstream: upstream.map(Into::into),
    }))
}

/// Set the upstream of a corpus
///
/// The upstream then answers the queries of the corpus instead of the built-in index. A changed base URL unlinks the key, unless the request
/// contains another one. Linking a key also needs *Manage Credentials*.
#[utoipa::path(
    put,
    path = "/api/v1/corpora/{id}/upstream",
    operation_id = "setUpstream",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    request_body(content = SetUpstream, examples(("upstream" = (summary = "An upstream without a key", value = json!({
        "base_url": "https://search.example.com", "customer_id": "1526022105", "corpus_id": "232",
    }))))),
    responses((status = 200, description = "The upstream.", body = Upstream)),
)]
pub(crate) async fn set_upstream(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Json(request): Json<SetUpstream>,
) -> Result<JsonResponse<Upstream>, Problem> {
    Ok(JsonResponse(corpora::set_upstream(&state, &actor, number(&id)?, request.into()).await?.into()))
}

/// Remove the upstream of a corpus
///
/// The built-in index answers again.
#[utoipa::path(
    delete,
    path = "/api/v1/corpora/{id}/upstream",
    operation_id = "removeUpstream",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    responses((status = 204, description = "The corpus has no upstream.")),
)]
pub(crate) async fn remove_upstream(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    corpora::remove_upstream(&state, &actor, number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List documents of a corpus
#[utoipa::path(
    get,
    path = "/api/v1/corpora/{id}/documents",
    operation_id = "listDocuments",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id."), DocumentsQuery),
    responses((status = 200, description = "A page of the documents, sorted by id.", body = Documents)),
)]
pub(crate) async fn list_documents(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    query: Result<Query<DocumentsQuery>, QueryRejection>,
) -> Result<JsonResponse<Documents>, Problem> {
    let malformed = |_| Problem::new(StatusCode::BAD_REQUEST, "malformed", "The query contains a repeated, unknown or invalid parameter.");
    let Query(query) = query.map_err(malformed)?;
    let limit = limited(query.limit, LIMIT_DEFAULT, ROWS_MAX)?;
    let page = documents::list(&state, &actor, number(&id)?, query.after.as_deref(), limit).await?;
    Ok(JsonResponse(Documents { items: page.documents.into_iter().map(Into::into).collect(), next: page.next }))
}

/// Add documents to a corpus
///
/// A document replaces the one with the same id. If one is invalid, none is added. After a server error, some may have been added: repeat the
/// request.
#[utoipa::path(
    post,
    path = "/api/v1/corpora/{id}/documents",
    operation_id = "addDocuments",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    request_body(content = AddDocuments, examples(("document" = (summary = "A document", value = json!({ "documents": [{
        "id": "keys.md", "title": "Keys", "metadata": { "lang": "en" }, "sections": ["A corpus key gives access to chosen corpora."],
    }] }))))),
    responses((status = 200, description = "How many documents were added and replaced.", body = AddedDocuments)),
)]
pub(crate) async fn add_documents(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Json(request): Json<AddDocuments>,
) -> Result<JsonResponse<AddedDocuments>, Problem> {
    let (corpus, new) = (number(&id)?, request.documents.into_iter().map(Into::into).collect());
    // In a task of its own: if the caller leaves, a large document must not stay half-written.
    let task = tokio::spawn(in_current_scope(async move { documents::upload(&state, &actor, corpus, new).await }));
    Ok(JsonResponse(task.await.map_err(|_| Error::Internal)??.into()))
}

/// Delete a document
///
/// This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/corpora/{id}/documents/{document_id}",
    operation_id = "deleteDocument",
    tag = "corpora",
    params(
        ("id" = i64, Path, description = "The corpus's id."),
        ("document_id" = String, Path, description = "The document's id.", max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"),
    ),
    responses((status = 204, description = "Document deleted.")),
)]
pub(crate) async fn delete_document(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    // An id that is not UTF-8.
    let Path((id, document)) = path.map_err(|_| Error::NotFound)?;
    documents::delete(&state, &actor, number(&id)?, &document).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Search in a corpus
///
/// Searches the built-in index, even if the corpus has an upstream. Sections that contain all words, in any order, come first.
#[utoipa::path(
    post,
    path = "/api/v1/corpora/{id}/search",
    operation_id = "searchCorpus",
    tag = "corpora",
    params(("id" = i64, Path, description = "The corpus's id.")),
    request_body(content = SearchRequest, examples(("query" = (summary = "A query", value = json!({ "query": "corpus key", "limit": 5 }))))),
    responses((status = 200, description = "The sections that match best.", body = SearchResults)),
)]
pub(crate) async fn search(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Json(request): Json<SearchRequest>,
) -> Result<JsonResponse<SearchResults>, Problem> {
    let limit = limited(request.limit, RESULTS_DEFAULT, RESULTS_MAX)?;
    let hits = documents::search_as(&state, &actor, number(&id)?, &request.query, limit).await?;
    Ok(JsonResponse(SearchResults { items: hits.into_iter().map(Into::into).collect() }))
}
