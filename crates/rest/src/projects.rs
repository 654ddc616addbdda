//! `/api/v1/projects/{id}`: routes that also accept the project's own keys, and the list of revoked keys.

use axum::{
    Json as JsonResponse,
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};

use super::{
    caller::{Authorized, AuthorizedForProject},
    conditional::not_modified_or,
    path_id::PathId,
};
use latchkey_core::{project_keys, projects};
use latchkey_http::{AppState, problem::Problem};
use latchkey_store::{self as store, Connection, projects::ProjectRecord};
use latchkey_types::{
    error::Error,
    id::{self, ProjectId},
    rest::projects::{Node, Project, ProjectNodes, RevokedKey, RevokedKeys},
    time::Timestamp,
};

/// A project in a response.
fn project(record: ProjectRecord) -> Project {
    Project { id: record.id, name: record.name, description: record.description, visibility: record.visibility, created_at: record.created_at.into() }
}

/// Get a project
///
/// The creator of an internal key must be able to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}",
    operation_id = "getProject",
    tag = "projects",
    params(PathId<id::Project>),
    responses((status = 200, description = "The project.", body = Project)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: AuthorizedForProject,
    PathId(id): PathId<id::Project>,
) -> Result<JsonResponse<Project>, Problem> {
    let mut db = state.store.connection().await?;
    let record = visible_project(&mut db, &caller, id).await?;
    record_use(&state, &caller);
    Ok(JsonResponse(project(record)))
}

/// List nodes of a project
///
/// The creator of an internal key must be able to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/nodes",
    operation_id = "listNodes",
    tag = "projects",
    params(PathId<id::Project>),
    responses((status = 200, description = "All nodes of the project.", body = ProjectNodes)),
)]
pub(crate) async fn nodes(
    State(state): State<AppState>,
    caller: AuthorizedForProject,
    PathId(id): PathId<id::Project>,
) -> Result<JsonResponse<ProjectNodes>, Problem> {
    let mut db = state.store.connection().await?;
    let project = visible_project(&mut db, &caller, id).await?;
    let nodes = store::project_nodes::all(&mut db, project.id).await?;
    record_use(&state, &caller);
    Ok(JsonResponse(ProjectNodes { items: nodes.into_iter().map(|node| Node { id: node.id, name: node.name }).collect() }))
}

/// The project, if the caller may see it.
async fn visible_project(db: &mut Connection, caller: &AuthorizedForProject, id: ProjectId) -> Result<ProjectRecord, Problem> {
    match caller {
        AuthorizedForProject::Internal(actor) => Ok(projects::find_visible(db, actor, id).await?.record),
        AuthorizedForProject::ProjectKey(key) => {
            Ok(store::projects::find(db, key.creator.organization, key.creator.user, id).await?.ok_or(Error::NotFound)?)
        }
    }
}

/// Counts an answered request of a project key. Requests of internal keys are counted by authentication.
fn record_use(state: &AppState, caller: &AuthorizedForProject) {
    if let AuthorizedForProject::ProjectKey(key) = caller {
        state.verifier.record_use(key, Timestamp::now());
    }
}

/// List revoked keys of a project
///
/// A service that verifies tokens locally must reject these keys. The list includes deleted and disabled keys and those of disabled users.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/revoked",
    operation_id = "listRevoked",
    tag = "projects",
    params(PathId<id::Project>, ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "All revoked keys that have not expired.", body = RevokedKeys,
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The list has not changed."),
    ),
)]
pub(crate) async fn revoked(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Project>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let revoked =
        project_keys::invalidated_tokens(&state, &actor, id).await?.into_iter().map(|(jti, at)| RevokedKey { jti, at: at.into() }).collect();
    let body = serde_json::to_vec(&RevokedKeys { project_id: id, revoked }).map_err(|_| Error::Internal)?;
    Ok(not_modified_or(&headers, [(header::CACHE_CONTROL, "no-cache")], body))
}
