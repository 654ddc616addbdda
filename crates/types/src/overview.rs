//! The overview: how many keys there are, what needs attention, and the first steps of a new organization.

use serde::{Deserialize, Serialize};

use super::{id::ProjectId, key_kind::Kind};

/// What the overview shows to one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The kinds whose list the user can open, in the order of the table of kinds.
    pub kinds: Vec<KindCounts>,
    /// Projects with pending access requests that the user can decide.
    pub requests: Vec<ProjectRequests>,
    pub progress: SetupProgress,
    /// Base URL of the API, without a trailing slash.
    pub api_url: String,
}

impl Overview {
    /// Whether there are no keys that the user could see.
    pub fn has_no_keys(&self) -> bool {
        self.kinds.iter().all(|counts| counts.total() == 0)
    }

    /// Whether there is a key of this kind that the user can see.
    pub fn has_keys(&self, kind: Kind) -> bool {
        self.kinds.iter().any(|counts| counts.kind == kind && counts.total() > 0)
    }
}

/// The number of keys of a kind, by status. Keys that have been deleted are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCounts {
    pub kind: Kind,
    pub active: i64,
    pub disabled: i64,
    pub expired: i64,
    /// Those that expire within [`EXPIRING_DAYS`](super::listing::EXPIRING_DAYS). They are active or disabled.
    pub expiring: i64,
}

impl KindCounts {
    pub const fn total(&self) -> i64 {
        self.active + self.disabled + self.expired
    }
}

/// A project with pending access requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRequests {
    pub id: ProjectId,
    pub name: String,
    pub pending: i64,
}

/// The first steps that cannot be derived from the number of keys. Each is false for users who lack the permission that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SetupProgress {
    /// A client key was verified.
    pub has_verified: bool,
    /// There is another member or an invitation.
    pub has_invited: bool,
    /// Notifications are sent by email.
    pub has_mail: bool,
}
