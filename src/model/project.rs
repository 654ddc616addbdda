//! Projects as the page sees them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    id::ProjectId,
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
