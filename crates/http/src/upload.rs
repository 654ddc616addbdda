//! Uploads of local files, in parts.

use axum::{Json, body::Bytes};

use crate::{AppState, problem::Problem, request_context::in_current_scope};
use latchkey_core::{actor::Actor, samples::imports};
use latchkey_types::{
    error::Error,
    id::{ImportId, ProjectId},
    rest::samples::Uploaded,
};

/// Stores a part of a local file. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// Those of [`imports::upload_part`].
pub async fn part(
    state: &AppState,
    actor: Actor,
    project: ProjectId,
    import: ImportId,
    position: i64,
    offset: i64,
    content: Bytes,
) -> Result<Json<Uploaded>, Problem> {
    let state = state.clone();
    // In a task of its own: if the caller leaves, the part must not stay half-written, and what is stored must not be hashed in vain.
    let task = tokio::spawn(in_current_scope(async move { imports::upload_part(&state, &actor, project, import, position, offset, content).await }));
    let stored = task.await.map_err(|_| Error::Internal)??;
    Ok(Json(Uploaded { stored }))
}
