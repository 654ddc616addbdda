//! `/api/v1/projects/{id}/samples`.

use axum::{
    Json as JsonResponse,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};

use super::{
    caller::Authorized,
    listing,
    path_id::{InProjectId, PathId},
};
use latchkey_core::samples::{self, imports};
use latchkey_http::{
    AppState,
    body::{self, Json},
    download,
    problem::Problem,
    upload,
};
use latchkey_types::{
    error::Error,
    id::{self, ImportId, ProjectId},
    rest::{
        page::Page,
        samples::{CreateImport, Import, Sample, SamplesQuery, UploadQuery, Uploaded},
    },
    validate,
};

/// List samples
///
/// Newest first, at most 100 per page. The permission is also needed in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/samples",
    operation_id = "listSamples",
    tag = "samples",
    params(PathId<id::Project>, SamplesQuery),
    responses((status = 200, description = "A page of samples.", body = Page<Sample>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(project): PathId<id::Project>,
    query: Result<Query<SamplesQuery>, QueryRejection>,
) -> Result<JsonResponse<Page<Sample>>, Problem> {
    let query = listing::parse_query(query)?;
    let search = validate::search("q", &query.q)?;
    let list = samples::list(&state, &actor, project, &search, query.cursor).await?;
    Ok(JsonResponse(Page {
        items: list.samples.into_iter().map(Sample::from).collect(),
        next_cursor: list.next.map(|id| id.to_string()),
        total: usize::try_from(list.total).map_err(|_| Error::Internal)?,
        total_is_exact: true,
    }))
}

/// Download a sample
///
/// Supports `Range` with one range of bytes, and `If-Range` with the `ETag`. The permission is also needed in the project.
/// Each download is recorded in the audit log.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/samples/{sample}/content",
    operation_id = "downloadSample",
    tag = "samples",
    params(InProjectId<id::Sample>, ("Range" = Option<String>, Header, description = "Such as `bytes=0-1023` or `bytes=1024-`.")),
    responses(
        (status = 200, description = "The content.", content_type = "application/octet-stream",
            headers(("ETag" = String, description = "The SHA-256 of the content, for `If-Range`."))),
        (status = 206, description = "The requested range of the content.", content_type = "application/octet-stream",
            headers(("Content-Range" = String, description = "The range, and the size of the content."))),
        (status = 416, description = "`range_not_satisfiable`: the range begins after the end of the content."),
    ),
)]
pub(crate) async fn content(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    InProjectId(project, sample): InProjectId<id::Sample>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    download::sample(&state, &actor, project, sample, &headers).await
}

/// Import samples
///
/// Files of S3 and `DNAnexus` are copied in the background, with the external key of the internal key's creator. Local files are uploaded in
/// parts. The permission is also needed in the project.
#[utoipa::path(
    post,
    path = "/api/v1/projects/{id}/samples/imports",
    operation_id = "importSamples",
    tag = "samples",
    params(PathId<id::Project>),
    request_body(content = CreateImport, examples(
        ("local" = (summary = "A local file, to upload in parts", value = json!({
            "query": { "source": "local" }, "files": [{ "name": "blood-01.fastq.gz", "size": 1_048_576 }],
        }))),
    )),
    responses(
        (status = 201, description = "The import.", body = Import, headers(("Location" = String, description = "The path of the import."))),
        (status = 409, description = "`conflict`: the organization's quota for samples would be exceeded."),
    ),
)]
pub(crate) async fn begin(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(project): PathId<id::Project>,
    Json(request): Json<CreateImport>,
) -> Result<(StatusCode, [(HeaderName, String); 1], JsonResponse<Import>), Problem> {
    let details = imports::begin(&state, &actor, project, request.into()).await?;
    let location = import_path(project, details.import.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], JsonResponse(details.into())))
}

fn import_path(project: ProjectId, import: ImportId) -> String {
    format!("/api/v1/projects/{project}/samples/imports/{import}")
}

/// Get an import
///
/// The permission is also needed in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/samples/imports/{import}",
    operation_id = "getImport",
    tag = "samples",
    params(InProjectId<id::Import>),
    responses((status = 200, description = "The import with its progress.", body = Import)),
)]
pub(crate) async fn import(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    InProjectId(project, import): InProjectId<id::Import>,
) -> Result<JsonResponse<Import>, Problem> {
    Ok(JsonResponse(imports::get(&state, &actor, project, import).await?.into()))
}

/// Stop an import
///
/// Complete files are kept as samples, the others are discarded. An import that has ended is not changed. The permission is also needed in the
/// project.
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{id}/samples/imports/{import}",
    operation_id = "stopImport",
    tag = "samples",
    params(InProjectId<id::Import>),
    responses((status = 204, description = "Import stopped.")),
)]
pub(crate) async fn stop(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    InProjectId(project, import): InProjectId<id::Import>,
) -> Result<StatusCode, Problem> {
    imports::stop(&state, &actor, project, import).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Upload a part of a local file
///
/// Each part has 8 MiB (8,388,608 bytes), the last one the rest. Parts are uploaded in order, each within 20 seconds. The response contains the
/// offset of the next part. After an interruption, continue at the `copied` bytes of the file. The permission is also needed in the project.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{id}/samples/imports/{import}/files/{position}",
    operation_id = "uploadPart",
    tag = "samples",
    params(InProjectId<id::Import>, ("position" = i64, Path, description = "The position of the file in the import, from 0."), UploadQuery),
    request_body(content_type = "application/octet-stream", description = "The bytes of the part, whatever the content type."),
    responses(
        (status = 200, description = "The part is stored.", body = Uploaded),
        (status = 409, description = "`conflict`: the offset is not the number of bytes that are stored, which the message states, or the import \
            was stopped."),
    ),
)]
pub(crate) async fn upload(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    InProjectId(project, import): InProjectId<id::Import>,
    Path(segments): Path<Vec<(String, String)>>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    body: Body,
) -> Result<JsonResponse<Uploaded>, Problem> {
    let position = segments.last().and_then(|(_, position)| position.parse().ok()).ok_or(Error::NotFound)?;
    let offset = listing::parse_query(query)?.offset;
    let bytes = body::received(body).await?;
    upload::part(&state, actor, project, import, position, offset, bytes).await
}
