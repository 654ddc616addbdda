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
    caller::{Caller, ProjectCaller},
    conditional::not_modified_or,
    openapi::schemas,
};
use latchkey_core::{
    project_keys,
    projects::{self, ProjectAccess},
};
use latchkey_http::{AppState, problem::Problem};
use latchkey_store::{self as store, Tx, projects::ProjectRecord};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    permission::{Permission, Scope},
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

impl ProjectView {
    fn of(id: ProjectId, record: ProjectRecord) -> Result<Self, Error> {
        Ok(Self {
            id,
            name: record.name,
            description: record.description,
            visibility: record.visibility.parse().map_err(|_| Error::Internal)?,
            created_at: Timestamp(record.created_at).rfc3339(),
        })
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
/// Needs a key of this project whose role has *View Project*, or an internal key with the scope `keys:read` whose creator has *View Project*
/// and can see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}",
    operation_id = "getProject",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The project.", body = ProjectView)),
)]
pub(crate) async fn get(State(state): State<AppState>, caller: ProjectCaller, Path(id): Path<String>) -> Result<JsonResponse<ProjectView>, Problem> {
    let mut db = state.store.connection().await?;
    let (id, record) = visible_project(&mut db, &caller, &id).await?;
    let view = ProjectView::of(id, record)?;
    record_use(&state, &caller);
    Ok(JsonResponse(view))
}

/// List nodes of a project
///
/// Needs a key of this project whose role has *View Project*, or an internal key with the scope `keys:read` whose creator has *View Project*
/// and can see the project.
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
    caller: ProjectCaller,
    Path(id): Path<String>,
) -> Result<JsonResponse<ProjectNodes>, Problem> {
    let mut db = state.store.connection().await?;
    let (id, _) = visible_project(&mut db, &caller, &id).await?;
    let nodes = store::project_nodes::all(&mut db, id).await?;
    record_use(&state, &caller);
    Ok(JsonResponse(ProjectNodes { items: nodes.into_iter().map(|node| NodeView { id: node.id, name: node.name }).collect() }))
}

/// The project, if the caller may see it.
async fn visible_project(db: &mut Tx, caller: &ProjectCaller, id: &str) -> Result<(ProjectId, ProjectRecord), Problem> {
    match caller {
        ProjectCaller::Internal(caller) => {
            let actor = caller.with_scope(Scope::KeysRead)?;
            actor.require(Permission::ViewProject)?;
            let ProjectAccess { id, record, .. } = projects::find_visible(db, &actor, project_id(id)?).await?;
            Ok((id, record))
        }
        ProjectCaller::Project(key) => {
            let key = key.with_permission(id, Permission::ViewProject)?;
            let id = project_id(id)?;
            let record = store::projects::find(db, key.organization, key.created_by, id).await?.ok_or(Error::NotFound)?;
            Ok((id, record))
        }
    }
}

/// Counts an answered request of a project key. Requests of internal keys are counted by authentication.
fn record_use(state: &AppState, caller: &ProjectCaller) {
    if let ProjectCaller::Project(key) = caller {
        key.record_use(state);
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
/// Needs the scope `verify` and *View Project*.
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
pub(crate) async fn revoked(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::Verify)?;
    actor.require(Permission::ViewProject)?;
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
