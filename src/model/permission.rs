//! Permissions, the roles that hold them, and the scopes of a platform key.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident $word:literal $label:literal),* $(,)?) => {
        /// What a member may do. The words are stored data; the labels are what the page says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Every permission, in the order in which the page lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in stored data and in the API.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The name in the page.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }
        }
    };
}

permissions! {
    /// Make, change and delete keys that callers present to us.
    ManageApiKeys "manage_api_keys" "Manage API Keys",
    /// Store, change and delete secrets of other services.
    ManageCredentials "manage_credentials" "Manage Credentials",
    /// Make and delete corpora.
    ManageCorpora "manage_corpora" "Manage Corpora",
    /// Make projects, and manage one's own.
    ManageProjects "manage_projects" "Manage Projects",
    /// See the lists of keys, and judge keys.
    ViewKeys "view_keys" "View Keys",
    /// See projects.
    ViewProject "view_project" "View Project",
    /// See usage and cost.
    ViewBilling "view_billing" "View Billing",
    /// Invite, disable and remove members.
    ManageMembers "manage_members" "Manage Members",
    /// Make and change roles.
    ManageRoles "manage_roles" "Manage Roles",
    /// Read the audit log.
    ViewAuditLog "view_audit_log" "View Audit Log",
    /// Change the organization itself.
    ManageOrganization "manage_organization" "Manage Organization",
}

/// Not a word that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

impl FromStr for Permission {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|permission| permission.word() == word).ok_or(UnknownWord)
    }
}

/// A set of permissions, kept as bits and written as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<&'static str>")]
pub struct Permissions(u32);

impl Permissions {
    /// The set of these.
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, permission| bits | permission.bit()))
    }

    /// Whether the set holds this one.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// The members of the set, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }

    /// The first of these that the set lacks.
    pub fn first_missing(self, of: Self) -> Option<Permission> {
        of.iter().find(|permission| !self.has(*permission))
    }

    /// The words, separated by blanks: the stored form.
    pub fn words(self) -> String {
        self.iter().map(Permission::word).collect::<Vec<_>>().join(" ")
    }

    /// Reads the stored form. An unknown word grants nothing, so that an older program may read a newer database.
    pub fn from_words(words: &str) -> Self {
        Self::of(&words.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
    }
}

impl Permission {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl From<Vec<String>> for Permissions {
    fn from(words: Vec<String>) -> Self {
        Self::from_words(&words.join(" "))
    }
}

impl From<Permissions> for Vec<&'static str> {
    fn from(permissions: Permissions) -> Self {
        permissions.iter().map(Permission::word).collect()
    }
}

/// A role that every organization has from the start.
pub struct BuiltInRole {
    /// Its name, lower case, unique in the organization.
    pub name: &'static str,
    /// What its holders may do.
    pub permissions: &'static [Permission],
}

/// The four roles of a new organization. The first is the owner's.
pub const BUILT_IN_ROLES: &[BuiltInRole] = {
    use Permission::{
        ManageApiKeys, ManageCorpora, ManageCredentials, ManageMembers, ManageProjects, ManageRoles, ViewAuditLog, ViewBilling, ViewKeys, ViewProject,
    };
    &[
        BuiltInRole { name: "owner", permissions: Permission::ALL },
        BuiltInRole {
            name: "admin",
            permissions: &[
                ManageApiKeys,
                ManageCredentials,
                ManageCorpora,
                ManageProjects,
                ViewKeys,
                ViewProject,
                ViewBilling,
                ManageMembers,
                ManageRoles,
                ViewAuditLog,
            ],
        },
        BuiltInRole { name: "member", permissions: &[ManageApiKeys, ManageProjects, ViewKeys, ViewProject] },
        BuiltInRole { name: "viewer", permissions: &[ViewKeys, ViewProject] },
    ]
};

/// What a platform key may be used for; never more than its creator may do at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read keys.
    KeysRead,
    /// Make, change and delete keys.
    KeysWrite,
    /// Read what is known of credentials (never their secrets).
    CredentialsRead,
    /// Store, change and delete credentials.
    CredentialsWrite,
    /// Read the secrets of projects, in clear text.
    SecretsRead,
    /// Judge keys.
    Verify,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] =
        &[Self::KeysRead, Self::KeysWrite, Self::CredentialsRead, Self::CredentialsWrite, Self::SecretsRead, Self::Verify];

    /// The word in stored data and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::CredentialsRead => "credentials:read",
            Self::CredentialsWrite => "credentials:write",
            Self::SecretsRead => "secrets:read",
            Self::Verify => "verify",
        }
    }

    /// What the key's creator must be allowed to do for the scope to count: any one of these. Which kinds it then reaches is for the
    /// rules to say.
    pub const fn needs(self) -> &'static [Permission] {
        match self {
            Self::KeysRead | Self::Verify => &[Permission::ViewKeys],
            Self::KeysWrite => &[Permission::ManageApiKeys],
            Self::CredentialsRead | Self::CredentialsWrite => &[Permission::ManageCredentials, Permission::ManageApiKeys],
            Self::SecretsRead => &[Permission::ManageProjects],
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes, kept as bits and written as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// The set of these.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether the set holds this one.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The members of the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }
}

impl FromStr for Scope {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|scope| scope.word() == word).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_reads_back() {
        for role in BUILT_IN_ROLES {
            let permissions = Permissions::of(role.permissions);
            assert_eq!(Permissions::from_words(&permissions.words()), permissions);
        }
        assert_eq!(Permissions::from_words("view_keys fly_to_the_moon"), Permissions::of(&[Permission::ViewKeys]));
    }

    #[test]
    fn what_a_set_lacks_is_named() {
        let (one, both) = (Permissions::of(&[Permission::ViewKeys]), Permissions::of(&[Permission::ViewKeys, Permission::ViewBilling]));
        assert_eq!(one.first_missing(both), Some(Permission::ViewBilling));
        assert_eq!(both.first_missing(one), None);
        assert_eq!(one.first_missing(Permissions::default()), None);
    }

    #[test]
    fn each_built_in_role_may_less_than_the_one_before() {
        for pair in BUILT_IN_ROLES.windows(2) {
            let (more, less) = (Permissions::of(pair[0].permissions), Permissions::of(pair[1].permissions));
            assert!(less.iter().all(|permission| more.has(permission)) && more != less, "{} {}", pair[0].name, pair[1].name);
        }
    }
}
