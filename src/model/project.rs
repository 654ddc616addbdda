//! Projects as the page sees them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    id::{ProjectId, ProjectSecretId, RoleId, UserId},
    permission::{Permission, Permissions, UnknownWord},
    time::Timestamp,
};

/// The longest description of anything, in characters.
pub const DESCRIPTION_MAX: usize = 2000;

/// Who sees a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its members.
    #[default]
    Members,
    /// Everyone in the organization who may see projects.
    Organization,
}

impl Visibility {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Members, Self::Organization];

    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Organization => "organization",
        }
    }

    /// The words in the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Members => "Members",
            Self::Organization => "Everyone in the organization",
        }
    }
}

impl FromStr for Visibility {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|visibility| visibility.word() == word).ok_or(UnknownWord)
    }
}

/// What a role means inside a project: of all permissions these. *Manage Projects* is there the permission to manage this one.
pub const IN_PROJECT: [Permission; 2] = [Permission::ViewProject, Permission::ManageProjects];

/// A project in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// The name of who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The reader's role in it; `None` for one who sees it without being its member.
    pub role: Option<String>,
    /// What the reader may do in it.
    pub permissions: Permissions,
    /// How many requests wait to be decided; 0 for those who can't decide.
    pub waiting: i64,
}

impl ProjectRow {
    /// Whether the reader may manage it.
    pub const fn is_managed(&self) -> bool {
        self.permissions.has(Permission::ManageProjects)
    }
}

/// A project that somebody wants, or as they want it changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WantedProject {
    /// Its name, unique in the organization.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who sees it.
    pub visibility: Visibility,
}

/// A member of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectMember {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with; for those who manage the project alone.
    pub email: Option<String>,
    /// Their role in it.
    pub role_id: RoleId,
    /// Its name.
    pub role: String,
    /// What the role permits, in the whole of the organization.
    pub permissions: Permissions,
    /// When they were added.
    pub added_at: Timestamp,
    /// Whether they were shut out of the organization.
    pub is_disabled: bool,
    /// Whether it is the reader.
    pub is_you: bool,
}

/// Somebody who can be added to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
}

/// A role that the reader may give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChoice {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
}

/// A node of a project: what its keys are used at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its number in the project.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The name of who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is known of a secret that a project keeps. Its value never comes back to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    /// Its id.
    pub id: ProjectSecretId,
    /// Its name.
    pub name: String,
    /// The name of who stored it.
    pub created_by: String,
    /// When its value was last set.
    pub updated_at: Timestamp,
    /// The name of the key that it was imported with.
    pub imported_from: Option<String>,
}

/// Who and what belongs to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belongings {
    /// Its members, by name.
    pub members: Vec<ProjectMember>,
    /// Its nodes, by number.
    pub nodes: Vec<NodeRow>,
    /// What those see besides who manage it.
    pub managed: Option<ManagedBelongings>,
}

/// What those who manage a project see of what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManagedBelongings {
    /// Who can be added, by name.
    pub candidates: Vec<Candidate>,
    /// The roles that the reader may give.
    pub roles: Vec<RoleChoice>,
    /// Its secrets, by name.
    pub secrets: Vec<SecretRow>,
}
