//! `/api/v1/projects/{id}/secrets`.

use axum::{
    Json as JsonResponse,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::{caller::Authorized, openapi::schemas};
use latchkey_core::projects::secrets;
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{error::Error, id::ProjectId, secret::RevealedSecret};

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
/// The permission is also needed in the project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}/secrets",
    operation_id = "listSecrets",
    tag = "projects",
    params(("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The secrets, sorted by name, without values.", body = SecretNames)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
) -> Result<JsonResponse<SecretNames>, Problem> {
    let secrets = secrets::list(&state, &actor, project_id(&id)?).await?;
    let items = secrets.into_iter().map(|secret| SecretNameView { name: secret.name, updated_at: secret.updated_at.rfc3339() }).collect();
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
        ("id" = String, Path, description = "The project's id.", pattern = "^prj_[0-9a-f]{32}$"),
        ("name" = String, Path, description = "The secret's name, case-insensitive.", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,99}$"),
    ),
    responses((status = 200, description = "The secret in plain text.", body = SecretView)),
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path((id, name)): Path<(String, String)>,
) -> Result<([(HeaderName, HeaderValue); 1], JsonResponse<SecretView>), Problem> {
    let (name, value) = secrets::read(&state, &actor, project_id(&id)?, &name).await?;
    let value = RevealedSecret::new(value.expose_secret().to_owned());
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], JsonResponse(SecretView { name, value })))
}

/// A malformed id is reported as not found.
fn project_id(text: &str) -> Result<ProjectId, Error> {
    text.parse().map_err(|_| Error::NotFound)
}
