//! `/api/v1/projects/{id}/secrets`.

use axum::{
    Json as JsonResponse,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::{caller::Caller, openapi::schemas};
use latchkey_core::{actor::Actor, projects::secrets};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    permission::{Permission, Scope},
    secret::RevealedSecret,
};

/// A secret in a list, without its value.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretName)]
pub(crate) struct SecretNameView {
    name: String,
    #[schema(schema_with = schemas::timestamp)]
    updated_at: String,
}

/// The secrets of a project, sorted by name.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretNames)]
pub(crate) struct SecretNames {
    items: Vec<SecretNameView>,
}

/// A secret with its value.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(crate) struct SecretView {
    name: String,
    #[schema(value_type = String)]
    value: RevealedSecret,
}

/// List secrets of a project
///
/// Needs the scope `secrets:read` and *Manage Projects*, in the organization and in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/secrets",
    operation_id = "listSecrets",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The secrets, sorted by name, without values.", body = SecretNames)),
)]
pub(crate) async fn list(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<JsonResponse<SecretNames>, Problem> {
    let actor = caller.with_scope(Scope::SecretsRead)?;
    let secrets = secrets::list(&state, &actor, project_id(&actor, &id)?).await?;
    let items = secrets.into_iter().map(|secret| SecretNameView { name: secret.name, updated_at: secret.updated_at.rfc3339() }).collect();
    Ok(JsonResponse(SecretNames { items }))
}

/// Get a secret of a project
///
/// Each read is recorded in the audit log. Needs the scope `secrets:read` and *Manage Projects*, in the organization and in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/secrets/{name}",
    operation_id = "readSecret",
    tag = "projects",
    params(
        ("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$"),
        ("name" = String, Path, description = "The secret's name, case-insensitive.", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,99}$"),
    ),
    responses((status = 200, description = "The secret in plain text.", body = SecretView)),
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
) -> Result<([(HeaderName, HeaderValue); 1], JsonResponse<SecretView>), Problem> {
    let actor = caller.with_scope(Scope::SecretsRead)?;
    let (name, value) = secrets::read(&state, &actor, project_id(&actor, &id)?, &name).await?;
    let value = RevealedSecret::new(value.expose_secret().to_owned());
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], JsonResponse(SecretView { name, value })))
}

/// The permission comes first, so that a malformed id is 403 too for callers without it.
fn project_id(actor: &Actor, text: &str) -> Result<ProjectId, Error> {
    actor.require(Permission::ManageProjects)?;
    text.parse().map_err(|_| Error::NotFound)
}
