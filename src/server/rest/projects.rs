//! `/api/v1/projects/{id}`: what a project opens to its own keys, and which of these are good no longer.

use axum::{
    Json as Answer,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::{Caller, ProjectCaller},
    openapi::schemas,
    problem::Problem,
    tags::unless_known,
};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, ProjectId},
        permission::{Permission, Scope},
        project::Visibility,
        time::Timestamp,
    },
    server::{
        project_keys,
        projects::{self, Reached},
        state::AppState,
        store::{self, Tx, projects::ProjectRecord},
    },
};

/// A project, as the API tells it.
#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
pub struct ProjectView {
    #[schema(schema_with = schemas::project_id)]
    id: ProjectId,
    name: String,
    description: String,
    #[schema(schema_with = schemas::visibility)]
    visibility: Visibility,
    #[schema(schema_with = schemas::moment)]
    created_at: String,
}

impl ProjectView {
    fn of(id: ProjectId, record: ProjectRecord) -> Result<Self, Fault> {
        Ok(Self {
            id,
            name: record.name,
            description: record.description,
            visibility: record.visibility.parse().map_err(|_| Fault::Internal)?,
            created_at: Timestamp(record.created_at).rfc3339(),
        })
    }
}

/// A node.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    id: i64,
    name: String,
}

/// Every node of a project.
#[derive(Serialize, ToSchema)]
pub struct Nodes {
    items: Vec<NodeView>,
}

/// Read a project
///
/// Needs a key of this project whose role has *View Project*, or the scope `keys:read` and to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}",
    operation_id = "getProject",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The project.", body = ProjectView)),
)]
pub async fn get(State(state): State<AppState>, caller: ProjectCaller, Path(id): Path<String>) -> Result<Answer<ProjectView>, Problem> {
    let mut db = state.store.read()?.acquire().await.map_err(store::Error::from)?;
    let (id, record) = seen(&mut db, &caller, &id).await?;
    let view = ProjectView::of(id, record)?;
    note_use(&state, &caller);
    Ok(Answer(view))
}

/// List a project's nodes
///
/// Needs a key of this project whose role has *View Project*, or the scope `keys:read` and to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/nodes",
    operation_id = "listNodes",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "All of them.", body = Nodes)),
)]
pub async fn nodes(State(state): State<AppState>, caller: ProjectCaller, Path(id): Path<String>) -> Result<Answer<Nodes>, Problem> {
    let mut db = state.store.read()?.acquire().await.map_err(store::Error::from)?;
    let (id, _) = seen(&mut db, &caller, &id).await?;
    let nodes = store::nodes::all(&mut db, id).await?;
    note_use(&state, &caller);
    Ok(Answer(Nodes { items: nodes.into_iter().map(|node| NodeView { id: node.id, name: node.name }).collect() }))
}

/// The project, if the caller sees it.
async fn seen(db: &mut Tx, caller: &ProjectCaller, id: &str) -> Result<(ProjectId, ProjectRecord), Problem> {
    match caller {
        ProjectCaller::Platform(caller) => {
            let actor = caller.with_scope(Scope::KeysRead)?;
            actor.require(Permission::ViewProject)?;
            let Reached { id, record, .. } = projects::seen(db, &actor, project_id(id)?).await?;
            Ok((id, record))
        }
        ProjectCaller::Project(key) => {
            let key = key.with_permission(id, Permission::ViewProject)?;
            let id = project_id(id)?;
            let record = store::projects::find(db, key.organization, key.created_by, id).await?.ok_or(Fault::NotFound)?;
            Ok((id, record))
        }
    }
}

/// Counts an answer for a project key. A platform key's calls count as they come.
fn note_use(state: &AppState, caller: &ProjectCaller) {
    if let ProjectCaller::Project(key) = caller {
        key.note_use(state);
    }
}

/// A key that is good no longer, though its token has not ended.
#[derive(Serialize, ToSchema)]
pub struct RevokedKey {
    #[schema(schema_with = schemas::key_id)]
    jti: KeyId,
    /// Since when.
    #[schema(schema_with = schemas::moment)]
    at: String,
}

/// The keys of a project that are good no longer.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedKeys)]
pub struct Revoked {
    #[schema(schema_with = schemas::project_id)]
    project_id: ProjectId,
    revoked: Vec<RevokedKey>,
}

/// List a project's keys that were taken back
///
/// Those that a service that checks tokens by itself must refuse. Needs the scope `verify` and to see the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/revoked",
    operation_id = "listRevoked",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$"), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "All of them.", body = Revoked, headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The list is as it was."),
    ),
)]
pub async fn revoked(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::Verify)?;
    actor.require(Permission::ViewProject)?;
    let project_id = project_id(&id)?;
    let revoked = project_keys::ended(&state, &actor, project_id).await?.into_iter().map(|(jti, at)| RevokedKey { jti, at: at.rfc3339() }).collect();
    let body = serde_json::to_vec(&Revoked { project_id, revoked }).map_err(|_| Fault::Internal)?;
    Ok(unless_known(&headers, [(header::CACHE_CONTROL, "no-cache")], body))
}

/// What is no id is unknown like any other.
fn project_id(text: &str) -> Result<ProjectId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}
