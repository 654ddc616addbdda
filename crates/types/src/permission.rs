//! Permissions, built-in roles and the scopes of internal keys.

use serde::{Deserialize, Serialize};

use super::names::{capitalized, parse_by_name};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident $code:literal $label:literal),* $(,)?) => {
        /// Permission of a role. Names are stored data; labels are shown on the page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// All permissions, in the order in which the page lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Name in the API and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Label on the page.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }
        }
    };
}

permissions! {
    /// Create, change and delete API keys.
    ManageApiKeys "manage_api_keys" "Manage API Keys",
    /// Create, change and delete stored credentials of other services.
    ManageCredentials "manage_credentials" "Manage Credentials",
    /// Create and delete corpora.
    ManageCorpora "manage_corpora" "Manage Corpora",
    /// Create, change and delete services.
    ManageServices "manage_services" "Manage Services",
    /// Create projects, and manage projects as their manager.
    ManageProjects "manage_projects" "Manage Projects",
    /// View keys and verify keys.
    ViewKeys "view_keys" "View Keys",
    /// View projects.
    ViewProject "view_project" "View Project",
    /// View usage and cost.
    ViewBilling "view_billing" "View Billing",
    /// Read the logged request and response bodies of calls of language models.
    ReadCallBodies "read_call_bodies" "Read Call Bodies",
    /// Invite, disable and remove members.
    ManageMembers "manage_members" "Manage Members",
    /// Create and change roles.
    ManageRoles "manage_roles" "Manage Roles",
    /// Read the audit log.
    ViewAuditLog "view_audit_log" "View Audit Log",
    /// Change the organization's settings.
    ManageOrganization "manage_organization" "Manage Organization",
}

/// The text names no known value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown value")]
pub struct UnknownValue;

parse_by_name!(Permission, Permission::ALL);

/// A set of permissions: a bit set, serialized as names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<&'static str>")]
pub struct Permissions(u32);

impl Permissions {
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, permission| bits | permission.bit()))
    }

    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// In the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }

    /// The first permission of `of` that is missing in this set.
    pub fn first_missing(self, of: Self) -> Option<Permission> {
        of.iter().find(|permission| !self.has(*permission))
    }

    /// The stored form: names separated by spaces.
    pub fn to_list(self) -> String {
        self.iter().map(Permission::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Parses the stored form. Unknown names are ignored, so that an older version can read a newer database.
    pub fn parse_list(names: &str) -> Self {
        Self::of(&names.split_whitespace().filter_map(|name| name.parse().ok()).collect::<Vec<_>>())
    }
}

impl Permission {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl From<Vec<String>> for Permissions {
    fn from(names: Vec<String>) -> Self {
        Self::parse_list(&names.join(" "))
    }
}

impl From<Permissions> for Vec<&'static str> {
    fn from(permissions: Permissions) -> Self {
        permissions.iter().map(Permission::as_str).collect()
    }
}

/// A role that every organization has from the start.
pub struct BuiltInRole {
    /// Lower case, unique in the organization.
    pub name: &'static str,
    pub permissions: &'static [Permission],
}

/// The four roles of a new organization. The first is the owner role.
pub const BUILT_IN_ROLES: &[BuiltInRole] = {
    use Permission::{
        ManageApiKeys, ManageCorpora, ManageCredentials, ManageMembers, ManageProjects, ManageRoles, ManageServices, ViewAuditLog, ViewBilling,
        ViewKeys, ViewProject,
    };
    &[
        BuiltInRole { name: "owner", permissions: Permission::ALL },
        BuiltInRole {
            name: "admin",
            permissions: &[
                ManageApiKeys,
                ManageCredentials,
                ManageCorpora,
                ManageServices,
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

/// The name of a role on the page: built-in names begin with a capital letter, others are shown as they are.
pub fn role_label(name: &str) -> String {
    if BUILT_IN_ROLES.iter().any(|role| role.name == name) { capitalized(name) } else { name.to_owned() }
}

/// Scope of an internal key. A scope is effective only while the key's creator has the corresponding permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read keys.
    KeysRead,
    /// Create, change and delete keys.
    KeysWrite,
    /// Read credentials, without their secrets.
    CredentialsRead,
    /// Create, change and delete credentials.
    CredentialsWrite,
    /// Read the secrets of projects, in plain text.
    SecretsRead,
    /// Verify keys.
    Verify,
    /// Read services, providers and models.
    GatewayRead,
    /// Create, change and delete services, providers and models.
    GatewayWrite,
    /// Read samples and imports of projects.
    ProjectsRead,
    /// Import samples into projects.
    ProjectsWrite,
    /// Read the usage and the cost of language models.
    UsageRead,
    /// Read the logged request and response bodies of calls of language models.
    BodiesRead,
}

impl Scope {
    pub const ALL: &'static [Self] = &[
        Self::KeysRead,
        Self::KeysWrite,
        Self::CredentialsRead,
        Self::CredentialsWrite,
        Self::SecretsRead,
        Self::Verify,
        Self::GatewayRead,
        Self::GatewayWrite,
        Self::ProjectsRead,
        Self::ProjectsWrite,
        Self::UsageRead,
        Self::BodiesRead,
    ];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::CredentialsRead => "credentials:read",
            Self::CredentialsWrite => "credentials:write",
            Self::SecretsRead => "secrets:read",
            Self::Verify => "verify",
            Self::GatewayRead => "gateway:read",
            Self::GatewayWrite => "gateway:write",
            Self::ProjectsRead => "projects:read",
            Self::ProjectsWrite => "projects:write",
            Self::UsageRead => "usage:read",
            Self::BodiesRead => "bodies:read",
        }
    }

    /// Permissions of which the key's creator needs at least one for the scope to be effective. The rules then restrict the key kinds.
    pub const fn needs(self) -> &'static [Permission] {
        match self {
            Self::KeysRead | Self::Verify => &[Permission::ViewKeys],
            Self::KeysWrite => &[Permission::ManageApiKeys],
            Self::CredentialsRead | Self::CredentialsWrite => &[Permission::ManageCredentials, Permission::ManageApiKeys],
            Self::SecretsRead | Self::ProjectsWrite => &[Permission::ManageProjects],
            Self::ProjectsRead => &[Permission::ViewProject],
            Self::GatewayRead | Self::GatewayWrite => &[Permission::ManageServices, Permission::ManageCredentials],
            Self::UsageRead => &[Permission::ViewBilling],
            Self::BodiesRead => &[Permission::ReadCallBodies],
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of scopes, as a bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// The scopes with these names. Unknown names are ignored.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        Self::of(names.into_iter().filter_map(|name| name.parse().ok()))
    }

    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// In the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }
}

parse_by_name!(Scope, Scope::ALL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_round_trips() {
        for role in BUILT_IN_ROLES {
            let permissions = Permissions::of(role.permissions);
            assert_eq!(Permissions::parse_list(&permissions.to_list()), permissions);
        }
        assert_eq!(Permissions::parse_list("view_keys fly_to_the_moon"), Permissions::of(&[Permission::ViewKeys]));
    }

    #[test]
    fn a_set_has_the_permissions_that_it_was_made_of() {
        for permission in Permission::ALL {
            // Listed twice, it is in the set once.
            let set = Permissions::of(&[*permission, *permission]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*permission]);
            assert!(Permission::ALL.iter().all(|other| set.has(*other) == (other == permission)), "{permission:?}");
            assert!(!Permissions::default().has(*permission));
        }
        assert!(Permissions::of(Permission::ALL).iter().eq(Permission::ALL.iter().copied()));
        let (view_keys, view_project) = (Permission::ViewKeys, Permission::ViewProject);
        assert_eq!(Permissions::of(&[view_project, view_keys]).to_list(), "view_keys view_project");
    }

    #[test]
    fn a_set_is_serialized_as_names() {
        let set = Permissions::of(&[Permission::ViewKeys, Permission::ManageRoles]);
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["view_keys","manage_roles"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(r#"["manage_roles","view_keys","manage_roles"]"#).unwrap(), set);
        assert_eq!(serde_json::to_string(&Permissions::default()).unwrap(), "[]");
    }

    #[test]
    fn a_set_of_scopes_has_the_scopes_that_it_was_made_of() {
        for scope in Scope::ALL {
            let set = Scopes::of([*scope, *scope]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*scope]);
            assert!(Scope::ALL.iter().all(|other| set.has(*other) == (other == scope)), "{scope:?}");
            assert_eq!(Scopes::parse(&[scope.as_str().to_owned()]), set);
            assert_eq!(scope.as_str().parse(), Ok(*scope));
        }
        assert!(Scopes::of(Scope::ALL.iter().copied()).iter().eq(Scope::ALL.iter().copied()));
        assert_eq!(Scopes::parse(&["verify".to_owned(), "fly".to_owned()]), Scopes::of([Scope::Verify]));
        assert_eq!(Scopes::parse(&[]), Scopes::default());
    }

    #[test]
    fn each_scope_has_a_name_and_needs_a_permission() {
        use Permission::{ManageApiKeys, ManageCredentials, ManageProjects, ReadCallBodies, ViewKeys, ViewProject};
        for (scope, name, needs) in [
            (Scope::KeysRead, "keys:read", &[ViewKeys][..]),
            (Scope::KeysWrite, "keys:write", &[ManageApiKeys]),
            (Scope::CredentialsRead, "credentials:read", &[ManageCredentials, ManageApiKeys]),
            (Scope::CredentialsWrite, "credentials:write", &[ManageCredentials, ManageApiKeys]),
            (Scope::SecretsRead, "secrets:read", &[ManageProjects]),
            (Scope::Verify, "verify", &[ViewKeys]),
            (Scope::ProjectsRead, "projects:read", &[ViewProject]),
            (Scope::ProjectsWrite, "projects:write", &[ManageProjects]),
            (Scope::BodiesRead, "bodies:read", &[ReadCallBodies]),
        ] {
            assert_eq!((scope.as_str(), scope.needs()), (name, needs));
        }
    }

    #[test]
    fn the_first_missing_permission_is_found() {
        let (one, both) = (Permissions::of(&[Permission::ViewKeys]), Permissions::of(&[Permission::ViewKeys, Permission::ViewBilling]));
        assert_eq!(one.first_missing(both), Some(Permission::ViewBilling));
        assert_eq!(both.first_missing(one), None);
        assert_eq!(one.first_missing(Permissions::default()), None);
    }

    #[test]
    fn only_built_in_roles_get_a_capital_letter() {
        assert_eq!(role_label("owner"), "Owner");
        assert_eq!(role_label("iOS reader"), "iOS reader");
        assert_eq!(role_label(""), "");
    }

    #[test]
    fn of_the_built_in_roles_only_the_owner_reads_bodies_of_calls() {
        let may_read = |role: &&BuiltInRole| Permissions::of(role.permissions).has(Permission::ReadCallBodies);
        assert_eq!(BUILT_IN_ROLES.iter().filter(may_read).map(|role| role.name).collect::<Vec<_>>(), ["owner"]);
    }

    #[test]
    fn each_built_in_role_has_fewer_permissions() {
        for pair in BUILT_IN_ROLES.windows(2) {
            let (more, less) = (Permissions::of(pair[0].permissions), Permissions::of(pair[1].permissions));
            assert!(less.iter().all(|permission| more.has(permission)) && more != less, "{} {}", pair[0].name, pair[1].name);
        }
    }
}
