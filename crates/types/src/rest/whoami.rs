//! `GET /api/v1/whoami`.

use serde::{Deserialize, Serialize};

use super::values::Rfc3339;
#[cfg(feature = "openapi")]
use crate::permission::{Permission, Scope};
use crate::{
    id::{KeyId, OrganizationId, UserId},
    permission::Permissions,
};

/// The current key, its organization and the user it acts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoAmI {
    pub key: OwnKey,
    pub organization: OwnOrganization,
    pub user: OwnUser,
}

/// The key of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnKey {
    pub id: KeyId,
    pub name: String,
    pub kind: OwnKind,
    pub expires_at: Option<Rfc3339>,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Scope>))]
    pub scopes: Vec<String>,
}

/// The only kind that the API accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OwnKind {
    Internal,
}

/// The organization of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnOrganization {
    pub id: OrganizationId,
    /// The numeric customer id, for other systems.
    pub customer_id: i64,
    pub name: String,
}

/// The user that the key acts for, which is its creator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnUser {
    pub id: UserId,
    pub name: String,
    /// The current permissions of the user. The key's scopes cannot exceed them.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Permission>))]
    pub permissions: Permissions,
}
