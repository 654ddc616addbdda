//! `/api/v1/projects/{id}`: what a project opens to its own keys, and which of these are good no longer.

use axum::{
    Json as Answer,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    caller::{Caller, ProjectCaller},
    problem::Problem,
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
#[derive(Serialize)]
pub struct ProjectView {
    id: ProjectId,
    name: String,
    description: String,
    visibility: Visibility,
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
#[derive(Serialize)]
struct NodeView {
    id: i64,
    name: String,
}

/// Every node of a project.
#[derive(Serialize)]
pub struct Nodes {
    items: Vec<NodeView>,
}

/// One project. Needs a key of this project whose role has *View Project*, or the scope `keys:read` and to see the project.
pub async fn get(State(state): State<AppState>, caller: ProjectCaller, Path(id): Path<String>) -> Result<Answer<ProjectView>, Problem> {
    let mut db = state.store.read()?.acquire().await.map_err(store::Error::from)?;
    let (id, record) = seen(&mut db, &caller, &id).await?;
    let view = ProjectView::of(id, record)?;
    note_use(&state, &caller);
    Ok(Answer(view))
}

/// A project's nodes. Needs a key of this project whose role has *View Project*, or the scope `keys:read` and to see the project.
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
#[derive(Serialize)]
struct RevokedKey {
    jti: KeyId,
    at: String,
}

#[derive(Serialize)]
struct Revoked {
    project_id: ProjectId,
    revoked: Vec<RevokedKey>,
}

/// Which of a project's keys a service that checks tokens by itself must refuse. Needs the scope `verify` and to see the project. Answers
/// 304 to those who have the list as it is.
pub async fn revoked(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::Verify)?;
    actor.require(Permission::ViewProject)?;
    let project_id = project_id(&id)?;
    let revoked = project_keys::ended(&state, &actor, project_id).await?.into_iter().map(|(jti, at)| RevokedKey { jti, at: at.rfc3339() }).collect();
    let body = serde_json::to_vec(&Revoked { project_id, revoked }).map_err(|_| Fault::Internal)?;
    let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..16]));
    let has_it = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|tags| names(tags, &etag));
    let headers = [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, "no-cache")];
    if has_it {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Whether `If-None-Match` names this tag: `*`, or it is among them, as a weak one too (RFC 9110, section 13.1.2).
fn names(tags: &str, etag: &str) -> bool {
    tags.trim() == "*" || tags.split(',').map(str::trim).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// What is no id is unknown like any other.
fn project_id(text: &str) -> Result<ProjectId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_tag_is_found_in_every_form_that_callers_send() {
        for tags in ["*", " * ", "\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\" "] {
            assert!(names(tags, "\"a\""), "{tags}");
        }
        for tags in ["", "a", "\"b\"", "w/\"a\"", "\"ab\"", "\"*\"", "W/"] {
            assert!(!names(tags, "\"a\""), "{tags}");
        }
    }
}
