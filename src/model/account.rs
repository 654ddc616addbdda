//! Who is signed in.

use serde::{Deserialize, Serialize};

use super::permission::{Permission, Permissions};

/// The person in front of the page, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// Their name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// Their role's name.
    pub role: String,
    /// Their organization's name.
    pub organization: String,
    /// Its currency: ISO 4217.
    pub currency: String,
    /// Their organization's number, as other systems know it.
    pub customer_id: i64,
    /// What their role allows.
    pub permissions: Permissions,
    /// How many sessions they have, this one included.
    pub sessions: i64,
}

impl Viewer {
    /// Whether their role allows it.
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}
