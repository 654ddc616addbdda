//! `/api/v1/projects/{id}/secrets`.

use axum::{
    Json as JsonResponse,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
};
use secrecy::ExposeSecret;

use super::{caller::Authorized, path_id::PathId};
use latchkey_core::projects::secrets;
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    id::Project,
    rest::projects::{Secret, SecretName, SecretNames},
    secret::RevealedSecret,
};

/// List secrets of a project
///
/// The permission is also needed in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/secrets",
    operation_id = "listSecrets",
    tag = "projects",
    params(PathId<Project>),
    responses((status = 200, description = "The secrets, sorted by name, without values.", body = SecretNames)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<Project>,
) -> Result<JsonResponse<SecretNames>, Problem> {
    let secrets = secrets::list(&state, &actor, id).await?;
    let items = secrets.into_iter().map(|secret| SecretName { name: secret.name, updated_at: secret.updated_at.into() }).collect();
    Ok(JsonResponse(SecretNames { items }))
}

/// Get a secret of a project
///
/// Each read is recorded in the audit log. The permission is also needed in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/secrets/{name}",
    operation_id = "readSecret",
    tag = "projects",
    params(
        PathId<Project>,
        ("name" = String, Path, description = "The secret's name, case-insensitive.", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,99}$"),
    ),
    responses((status = 200, description = "The secret in plain text.", body = Secret)),
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<Project>,
    Path((_, name)): Path<(String, String)>,
) -> Result<([(HeaderName, HeaderValue); 1], JsonResponse<Secret>), Problem> {
    let (name, value) = secrets::read(&state, &actor, id, &name).await?;
    let value = RevealedSecret::new(value.expose_secret().to_owned());
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], JsonResponse(Secret { name, value })))
}
