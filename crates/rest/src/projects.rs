//! `/api/v1/projects/{id}`: routes that also accept the project's own keys, and the list of revoked keys.

use axum::{
    Json as JsonResponse,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::{Authorized, AuthorizedForProject},
    conditional::not_modified_or,
    openapi::schemas,
};
use latchkey_core::{project_keys, projects};
use latchkey_http::{AppState, problem::Problem};
use latchkey_store::{self as store, Connection, projects::ProjectRecord};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    project::Visibility,
    time::Timestamp,
};

/// A project.
#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
pub(crate) struct ProjectView {
    #[schema(schema_with = schemas::project_id)]
    id: ProjectId,
    name: String,
    description: String,
    #[schema(schema_with = schemas::visibility)]
    visibility: Visibility,
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
}

impl From<ProjectRecord> for ProjectView {
    fn from(project: ProjectRecord) -> Self {
        Self {
            id: project.id,
            name: project.name,
            description: project.description,
            visibility: project.visibility,
            created_at: project.created_at.rfc3339(),
        }
    }
}

/// A project node.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub(crate) struct NodeView {
    id: i64,
    name: String,
}

/// The nodes of a project.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectNodes {
    items: Vec<NodeView>,
}

/// Get a project
///
/// The creator of an internal key must be able to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}",
    operation_id = "getProject",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The project.", body = ProjectView)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: AuthorizedForProject,
    Path(id): Path<String>,
) -> Result<JsonResponse<ProjectView>, Problem> {
    let mut db = state.store.connection().await?;
    let project = visible_project(&mut db, &caller, &id).await?;
    record_use(&state, &caller);
    Ok(JsonResponse(project.into()))
}

/// List nodes of a project
///
/// The creator of an internal key must be able to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/nodes",
    operation_id = "listNodes",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "All nodes of the project.", body = ProjectNodes)),
)]
pub(crate) async fn nodes(
    State(state): State<AppState>,
    caller: AuthorizedForProject,
    Path(id): Path<String>,
) -> Result<JsonResponse<ProjectNodes>, Problem> {
    let mut db = state.store.connection().await?;
    let project = visible_project(&mut db, &caller, &id).await?;
    let nodes = store::project_nodes::all(&mut db, project.id).await?;
    record_use(&state, &caller);
    Ok(JsonResponse(ProjectNodes { items: nodes.into_iter().map(|node| NodeView { id: node.id, name: node.name }).collect() }))
}

/// The project, if the caller may see it.
async fn visible_project(db: &mut Connection, caller: &AuthorizedForProject, id: &str) -> Result<ProjectRecord, Problem> {
    match caller {
        AuthorizedForProject::Internal(actor) => Ok(projects::find_visible(db, actor, project_id(id)?).await?.record),
        AuthorizedForProject::ProjectKey(key) => {
            Ok(store::projects::find(db, key.organization, key.created_by, project_id(id)?).await?.ok_or(Error::NotFound)?)
        }
    }
}

/// Counts an answered request of a project key. Requests of internal keys are counted by authentication.
fn record_use(state: &AppState, caller: &AuthorizedForProject) {
    if let AuthorizedForProject::ProjectKey(key) = caller {
        state.verifier.record_use(key, Timestamp::now());
    }
}

/// A key that is no longer valid although its token has not expired.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevokedKey {
    #[schema(schema_with = schemas::key_id)]
    jti: KeyId,
    /// Since when the key is not valid.
    #[schema(schema_with = schemas::timestamp)]
    at: String,
}

/// The revoked keys of a project.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedKeys)]
pub(crate) struct RevokedKeys {
    #[schema(schema_with = schemas::project_id)]
    project_id: ProjectId,
    revoked: Vec<RevokedKey>,
}

/// List revoked keys of a project
///
/// A service that verifies tokens locally must reject these keys. The list includes deleted and disabled keys and those of disabled users.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/revoked",
    operation_id = "listRevoked",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$"), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "All revoked keys that have not expired.", body = RevokedKeys,
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The list has not changed."),
    ),
)]
pub(crate) async fn revoked(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let project_id = project_id(&id)?;
    let revoked = project_keys::invalidated_tokens(&state, &actor, project_id)
        .await?
        .into_iter()
        .map(|(jti, at)| RevokedKey { jti, at: at.rfc3339() })
        .collect();
    let body = serde_json::to_vec(&RevokedKeys { project_id, revoked }).map_err(|_| Error::Internal)?;
    Ok(not_modified_or(&headers, [(header::CACHE_CONTROL, "no-cache")], body))
}

/// A malformed id is reported as not found.
fn project_id(text: &str) -> Result<ProjectId, Error> {
    text.parse().map_err(|_| Error::NotFound)
}
