//! `GET /api/v1/whoami`: who is calling?

use axum::{Json as Answer, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{caller::Caller, openapi::schemas, problem::Problem};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, OrganizationId, UserId},
        permission::Permissions,
        policy::KeyKind,
        time::Timestamp,
    },
    server::{
        state::AppState,
        store::{self, Error},
    },
};

/// Who calls, and what they may do at this moment.
#[derive(Serialize, ToSchema)]
pub struct WhoAmI {
    key: OwnKey,
    organization: OwnOrganization,
    user: OwnUser,
}

/// The key that the call was made with.
#[derive(Serialize, ToSchema)]
pub struct OwnKey {
    #[schema(schema_with = schemas::key_id)]
    id: KeyId,
    name: String,
    #[schema(schema_with = schemas::platform)]
    kind: KeyKind,
    #[schema(schema_with = schemas::moment_or_null)]
    expires_at: Option<String>,
    #[schema(schema_with = schemas::api_scopes)]
    scopes: Vec<String>,
}

/// Whose key it is.
#[derive(Serialize, ToSchema)]
pub struct OwnOrganization {
    #[schema(schema_with = schemas::organization_id)]
    id: OrganizationId,
    /// The number by which other systems know it.
    customer_id: i64,
    name: String,
}

/// The person whom the key acts for.
#[derive(Serialize, ToSchema)]
pub struct OwnUser {
    #[schema(schema_with = schemas::user_id)]
    id: UserId,
    name: String,
    /// What they may do now: the key does no more than that, whatever its scopes.
    #[schema(schema_with = schemas::permissions)]
    permissions: Permissions,
}

/// Read who is calling
///
/// The key, its organization, and the person whom it acts for. Needs a platform key, of whatever scopes.
#[utoipa::path(
    get,
    path = "/api/v1/whoami",
    operation_id = "whoAmI",
    tag = "whoami",
    responses((status = 200, description = "The caller.", body = WhoAmI)),
)]
pub async fn whoami(State(state): State<AppState>, caller: Caller) -> Result<Answer<WhoAmI>, Problem> {
    let key = caller.key();
    let mut db = state.store.read()?.acquire().await.map_err(Error::from)?;
    let user = store::members::find(&mut *db, key.organization, key.created_by).await?.ok_or(Fault::NotFound)?;
    let (organization, _) = store::organizations::settings(&mut db, key.organization).await?;
    Ok(Answer(WhoAmI {
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
