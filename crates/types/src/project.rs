//! Projects with their members, nodes and secrets.

use serde::{Deserialize, Serialize};

use super::{
    id::{ProjectId, ProjectSecretId, RoleId, UserId},
    names::parse_by_name,
    permission::{Permission, Permissions},
    time::Timestamp,
};

/// Maximum length of any description, in characters.
pub const DESCRIPTION_MAX: usize = 2000;

/// Who can see a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The project's members.
    #[default]
    Members,
    /// All members of the organization with *View Project*.
    Organization,
}

impl Visibility {
    pub const ALL: [Self; 2] = [Self::Members, Self::Organization];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Organization => "organization",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Members => "Project members only",
            Self::Organization => "Everyone in the organization",
        }
    }
}

parse_by_name!(Visibility, Visibility::ALL);

/// The permissions that are effective inside a project. *Manage Projects* there means managing this project.
pub const IN_PROJECT: [Permission; 2] = [Permission::ViewProject, Permission::ManageProjects];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
    /// Name of the creator.
    pub created_by: String,
    pub created_at: Timestamp,
    /// The user's role in the project; `None` if the user is not a member of it.
    pub role: Option<String>,
    /// The user's permissions in the project.
    pub permissions: Permissions,
    /// Number of pending requests; 0 for users who cannot approve them.
    pub waiting: i64,
}

impl ProjectRow {
    /// Whether the user can manage the project.
    pub const fn is_managed(&self) -> bool {
        self.permissions.has(Permission::ManageProjects)
    }
}

/// Request to create or update a project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProjectRequest {
    /// Unique in the organization.
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectMember {
    pub user: UserId,
    pub name: String,
    /// Only for managers of the project.
    pub email: Option<String>,
    pub role_id: RoleId,
    pub role: String,
    /// All permissions of the role, in the organization.
    pub permissions: Permissions,
    pub added_at: Timestamp,
    /// Whether the member is disabled in the organization.
    pub is_disabled: bool,
    /// Whether it is the signed-in user.
    pub is_you: bool,
}

/// A user who can be added to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub user: UserId,
    pub name: String,
    pub email: String,
}

/// A role that the user can assign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleOption {
    pub id: RoleId,
    pub name: String,
}

/// A node of a project: a place where its keys are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Number, unique in the project.
    pub id: i64,
    pub name: String,
    /// Name of the creator.
    pub created_by: String,
    pub created_at: Timestamp,
}

/// A secret of a project, without its value: values are never sent to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    pub id: ProjectSecretId,
    pub name: String,
    /// Name of the creator.
    pub created_by: String,
    /// When the value was last set.
    pub updated_at: Timestamp,
    /// Name of the key that it was imported from.
    pub imported_from: Option<String>,
}

/// Members, nodes and secrets of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectResources {
    /// Sorted by name.
    pub members: Vec<ProjectMember>,
    /// Sorted by number.
    pub nodes: Vec<NodeRow>,
    /// Only for managers of the project.
    pub managed: Option<ManagedResources>,
}

/// The part of [`ProjectResources`] that only managers of the project see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManagedResources {
    /// Users who can be added, sorted by name.
    pub candidates: Vec<Candidate>,
    /// Roles that the user can assign.
    pub roles: Vec<RoleOption>,
    /// Sorted by name.
    pub secrets: Vec<SecretRow>,
    /// Number of issued keys that are neither revoked nor expired.
    pub keys: i64,
}
