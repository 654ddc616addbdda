//! `GET /api/v1/whoami`.

use axum::{Json as JsonResponse, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{caller::AuthorizedKey, openapi::schemas};
use latchkey_http::{AppState, problem::Problem};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::{KeyId, OrganizationId, UserId},
    key_kind::KeyKind,
    permission::Permissions,
    time::Timestamp,
};

/// The current key, its organization and the user it acts for.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoAmI {
    key: OwnKey,
    organization: OwnOrganization,
    user: OwnUser,
}

/// The key of the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnKey {
    #[schema(schema_with = schemas::key_id)]
    id: KeyId,
    name: String,
    #[schema(schema_with = schemas::internal)]
    kind: KeyKind,
    #[schema(schema_with = schemas::timestamp_or_null)]
    expires_at: Option<String>,
    #[schema(schema_with = schemas::api_scopes)]
    scopes: Vec<String>,
}

/// The organization of the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnOrganization {
    #[schema(schema_with = schemas::organization_id)]
    id: OrganizationId,
    /// The numeric customer id, for other systems.
    customer_id: i64,
    name: String,
}

/// The user that the key acts for, which is its creator.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnUser {
    #[schema(schema_with = schemas::user_id)]
    id: UserId,
    name: String,
    /// The current permissions of the user. The key's scopes cannot exceed them.
    #[schema(schema_with = schemas::permissions)]
    permissions: Permissions,
}

/// Get the current key
///
/// Returns the key, its organization and the user that it acts for.
#[utoipa::path(
    get,
    path = "/api/v1/whoami",
    operation_id = "whoAmI",
    tag = "whoami",
    responses((status = 200, description = "The current key, its organization and user.", body = WhoAmI)),
)]
pub(crate) async fn whoami(State(state): State<AppState>, AuthorizedKey(key): AuthorizedKey) -> Result<JsonResponse<WhoAmI>, Problem> {
    let mut db = state.store.connection().await?;
    let user = store::members::find(&mut db, key.organization, key.created_by).await?.ok_or(Error::NotFound)?;
    let (organization, _) = store::organizations::settings(&mut db, key.organization).await?;
    Ok(JsonResponse(WhoAmI {
        key: OwnKey {
            id: key.id,
            name: key.name.to_string(),
            kind: key.kind,
            expires_at: key.lifecycle.expires_at.map(Timestamp::rfc3339),
            scopes: key.scopes.to_vec(),
        },
        organization: OwnOrganization { id: key.organization, customer_id: key.customer_id, name: organization },
        user: OwnUser { id: key.created_by, name: user.name, permissions: key.permissions },
    }))
}
