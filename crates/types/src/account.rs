//! The signed-in user.

use serde::{Deserialize, Serialize};

use super::permission::{Permission, Permissions};

/// The signed-in user and their permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    pub name: String,
    pub email: String,
    /// Name of the role.
    pub role: String,
    /// Name of the organization.
    pub organization: String,
    /// ISO 4217 code of the organization's currency.
    pub currency: String,
    /// Numeric id of the organization, used by other systems.
    pub customer_id: i64,
    pub permissions: Permissions,
    /// Number of active sessions, including this one.
    pub sessions: i64,
}

impl Viewer {
    pub const fn can(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}
