//! `/api/v1/projects/{id}`.

use serde::{Deserialize, Serialize};

use super::values::Rfc3339;
use crate::{
    id::{KeyId, ProjectId},
    project::Visibility,
    secret::RevealedSecret,
};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
    pub created_at: Rfc3339,
}

/// A project node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Node {
    pub id: i64,
    pub name: String,
}

/// The nodes of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectNodes {
    pub items: Vec<Node>,
}

/// A key that is no longer valid although its token has not expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokedKey {
    pub jti: KeyId,
    /// Since when the key is not valid.
    pub at: Rfc3339,
}

/// The revoked keys of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokedKeys {
    pub project_id: ProjectId,
    pub revoked: Vec<RevokedKey>,
}

/// A secret in a list, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretName {
    pub name: String,
    pub updated_at: Rfc3339,
}

/// The secrets of a project, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretNames {
    pub items: Vec<SecretName>,
}

/// A secret with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Secret {
    pub name: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub value: RevealedSecret,
}
