//! The access that every route requires, in one table. The rules enforce it; `tests/matrix.rs` calls every route as every role and compares
//! the results with this table. It fails for a route that is not declared here.

use latchkey::pages::{reference, settings};
use latchkey_types::{
    key_kind::{KIND_SPECS, Kind},
    permission::{Permission, Permissions, Scope},
};

/// What a route requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    /// The token of a one-time link.
    Token,
    /// A session.
    SignedIn,
    /// An internal key with any scopes.
    Key,
    Permission(Permission),
    /// At least one of these permissions.
    OneOf(&'static [Permission]),
    All(&'static [Permission]),
    /// The `view` permission of the kind in the request.
    View,
    /// The `manage` permission of the kind in the request.
    Manage,
}

impl Access {
    /// Whether a signed-in user with these permissions is admitted. `kind` is the kind in the request; without it, `View` and `Manage` deny.
    pub fn permits(self, permissions: Permissions, kind: Option<Kind>) -> bool {
        match self {
            Self::Public | Self::Token | Self::SignedIn | Self::Key => true,
            Self::Permission(permission) => permissions.has(permission),
            Self::OneOf(any) => any.iter().any(|permission| permissions.has(*permission)),
            Self::All(all) => all.iter().all(|permission| permissions.has(*permission)),
            Self::View => kind.is_some_and(|kind| permissions.has(kind.spec().view)),
            Self::Manage => kind.is_some_and(|kind| permissions.has(kind.spec().manage)),
        }
    }
}

/// A server function or a route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    /// The path as registered with the router.
    pub path: &'static str,
    /// The scope that an internal key must have; `None` for routes that are not called with a key.
    pub scope: Option<Scope>,
    /// Required of the caller, or of the creator of the caller's key.
    pub access: Access,
}

const fn function(path: &'static str, access: Access) -> Route {
    Route { method: "POST", path, scope: None, access }
}

const fn rest(method: &'static str, path: &'static str, scope: Scope, access: Access) -> Route {
    Route { method, path, scope: Some(scope), access }
}

/// Read by the page itself, with the session cookie.
const fn session(path: &'static str) -> Route {
    Route { method: "GET", path, scope: None, access: Access::SignedIn }
}

const fn public(method: &'static str, path: &'static str) -> Route {
    Route { method, path, scope: None, access: Access::Public }
}

/// Open to every internal key.
const fn any_key(method: &'static str, path: &'static str) -> Route {
    Route { method, path, scope: None, access: Access::Key }
}

/// The `view` permission of any listed kind: the id of an opened list does not reveal its kind.
const ANY_VIEW: &[Permission] = &[Permission::ViewKeys, Permission::ManageApiKeys, Permission::ManageCredentials];

/// The permission of either credential kind: the kind is known only after the credential is found, and one that the caller may not see is
/// reported as not found.
const ANY_CREDENTIAL: &[Permission] = &[Permission::ManageCredentials, Permission::ManageApiKeys];

/// To select corpora for a key, or to manage them.
const VIEW_CORPORA: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];

/// Every server function and every API route, once.
pub const ROUTES: &[Route] = &[
    function("/fn/account/invitation", Access::Token),
    function("/fn/account/join", Access::Token),
    function("/fn/account/set-up", Access::Token),
    function("/fn/account/sign-in", Access::Public),
    function("/fn/account/sign-out", Access::SignedIn),
    function("/fn/account/sign-out-everywhere", Access::SignedIn),
    function("/fn/account/viewer", Access::SignedIn),
    function("/fn/audit/read", Access::Permission(Permission::ViewAuditLog)),
    function("/fn/billing/month", Access::Permission(Permission::ViewBilling)),
    function("/fn/corpora/all", Access::OneOf(VIEW_CORPORA)),
    function("/fn/corpora/create", Access::Permission(Permission::ManageCorpora)),
    function("/fn/corpora/delete", Access::Permission(Permission::ManageCorpora)),
    function("/fn/corpora/details", Access::OneOf(VIEW_CORPORA)),
    function("/fn/credentials/create-general", Access::Manage),
    function("/fn/credentials/create-external", Access::Manage),
    function("/fn/credentials/edit-general", Access::Manage),
    function("/fn/credentials/test", Access::OneOf(ANY_CREDENTIAL)),
    function("/fn/invitations/create", Access::Permission(Permission::ManageMembers)),
    function("/fn/invitations/renew", Access::Permission(Permission::ManageMembers)),
    function("/fn/invitations/withdraw", Access::Permission(Permission::ManageMembers)),
    function("/fn/issued/list", Access::Permission(Permission::ManageProjects)),
    function("/fn/issued/reveal", Access::Permission(Permission::ViewProject)),
    function("/fn/issued/revoke", Access::Permission(Permission::ManageProjects)),
    function("/fn/issued/set-disabled", Access::Permission(Permission::ManageProjects)),
    function("/fn/keys/bulk", Access::Manage),
    function("/fn/keys/create", Access::Manage),
    function("/fn/keys/edit", Access::Manage),
    function("/fn/keys/ids", Access::OneOf(ANY_VIEW)),
    function("/fn/keys/open", Access::View),
    function("/fn/keys/rotate", Access::Manage),
    function("/fn/keys/rows", Access::OneOf(ANY_VIEW)),
    function("/fn/members/disable", Access::Permission(Permission::ManageMembers)),
    function("/fn/members/enable", Access::Permission(Permission::ManageMembers)),
    function("/fn/members/list", Access::Permission(Permission::ManageMembers)),
    function("/fn/members/set-role", Access::Permission(Permission::ManageMembers)),
    function("/fn/notifications/list", Access::SignedIn),
    function("/fn/notifications/mark-read", Access::SignedIn),
    function("/fn/organization/edit", Access::Permission(Permission::ManageOrganization)),
    function("/fn/organization/get", Access::Permission(Permission::ManageOrganization)),
    function("/fn/profile/change-password", Access::SignedIn),
    function("/fn/profile/end-session", Access::SignedIn),
    function("/fn/profile/rename", Access::SignedIn),
    function("/fn/profile/sessions", Access::SignedIn),
    function("/fn/projects/add-member", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/resources", Access::Permission(Permission::ViewProject)),
    function("/fn/projects/create", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/create-node", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/create-secret", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/delete", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/delete-node", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/delete-secret", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/edit", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/get", Access::Permission(Permission::ViewProject)),
    function("/fn/projects/import", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/import-preview", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/list", Access::Permission(Permission::ViewProject)),
    function("/fn/projects/remove-member", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/rename-node", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/replace-secret", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/set-member-role", Access::Permission(Permission::ManageProjects)),
    function("/fn/providers/create", Access::Permission(Permission::ManageCredentials)),
    function("/fn/providers/create-model", Access::Permission(Permission::ManageCredentials)),
    function("/fn/providers/delete", Access::Permission(Permission::ManageCredentials)),
    function("/fn/providers/delete-model", Access::Permission(Permission::ManageCredentials)),
    function("/fn/providers/edit", Access::Permission(Permission::ManageCredentials)),
    function("/fn/providers/edit-model", Access::Permission(Permission::ManageCredentials)),
    function("/fn/providers/list", Access::Permission(Permission::ManageCredentials)),
    function("/fn/access-requests/approve", Access::Permission(Permission::ManageProjects)),
    function("/fn/access-requests/create", Access::Permission(Permission::ViewProject)),
    function("/fn/access-requests/reject", Access::Permission(Permission::ManageProjects)),
    function("/fn/access-requests/cards", Access::Permission(Permission::ViewProject)),
    function("/fn/access-requests/withdraw", Access::Permission(Permission::ViewProject)),
    function("/fn/roles/create", Access::Permission(Permission::ManageRoles)),
    function("/fn/roles/delete", Access::Permission(Permission::ManageRoles)),
    function("/fn/roles/edit", Access::Permission(Permission::ManageRoles)),
    function("/fn/roles/list", Access::Permission(Permission::ManageRoles)),
    function("/fn/templates/add-field", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/create", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/delete", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/delete-field", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/page", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/edit", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/edit-field", Access::Permission(Permission::ManageProjects)),
    session("/events"),
    public("GET", "/.well-known/jwks.json"),
    public("GET", "/healthz"),
    public("GET", "/metrics"),
    public("GET", "/readyz"),
    rest("GET", "/api/v1/corpora", Scope::KeysRead, Access::OneOf(VIEW_CORPORA)),
    rest("POST", "/api/v1/corpora", Scope::KeysWrite, Access::Permission(Permission::ManageCorpora)),
    rest("DELETE", "/api/v1/corpora/{id}", Scope::KeysWrite, Access::Permission(Permission::ManageCorpora)),
    rest("GET", "/api/v1/credentials", Scope::CredentialsRead, Access::OneOf(ANY_CREDENTIAL)),
    rest("POST", "/api/v1/credentials", Scope::CredentialsWrite, Access::Manage),
    rest("GET", "/api/v1/credentials/{id}", Scope::CredentialsRead, Access::OneOf(ANY_CREDENTIAL)),
    rest("PATCH", "/api/v1/credentials/{id}", Scope::CredentialsWrite, Access::Manage),
    rest("DELETE", "/api/v1/credentials/{id}", Scope::CredentialsWrite, Access::OneOf(ANY_CREDENTIAL)),
    rest("POST", "/api/v1/credentials/{id}/test", Scope::CredentialsWrite, Access::OneOf(ANY_CREDENTIAL)),
    rest("GET", "/api/v1/keys", Scope::KeysRead, Access::View),
    rest("POST", "/api/v1/keys", Scope::KeysWrite, Access::Manage),
    rest("POST", "/api/v1/keys/import", Scope::KeysWrite, Access::Manage),
    rest("GET", "/api/v1/keys/{id}", Scope::KeysRead, Access::View),
    rest("PATCH", "/api/v1/keys/{id}", Scope::KeysWrite, Access::Manage),
    rest("DELETE", "/api/v1/keys/{id}", Scope::KeysWrite, Access::Manage),
    rest("POST", "/api/v1/keys/{id}/disable", Scope::KeysWrite, Access::Manage),
    rest("POST", "/api/v1/keys/{id}/enable", Scope::KeysWrite, Access::Manage),
    rest("POST", "/api/v1/keys/{id}/rotate", Scope::KeysWrite, Access::Manage),
    public("GET", "/api/v1/openapi.json"),
    rest("GET", "/api/v1/projects/{id}", Scope::KeysRead, Access::Permission(Permission::ViewProject)),
    rest("GET", "/api/v1/projects/{id}/nodes", Scope::KeysRead, Access::Permission(Permission::ViewProject)),
    rest("GET", "/api/v1/projects/{id}/revoked", Scope::Verify, Access::Permission(Permission::ViewProject)),
    rest("GET", "/api/v1/projects/{id}/secrets", Scope::SecretsRead, Access::Permission(Permission::ManageProjects)),
    rest("GET", "/api/v1/projects/{id}/secrets/{name}", Scope::SecretsRead, Access::Permission(Permission::ManageProjects)),
    rest("POST", "/api/v1/verify", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("POST", "/api/v1/verify-batch", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("GET", "/api/v1/forward-auth", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("POST", "/api/v1/forward-auth", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("PUT", "/api/v1/forward-auth", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("PATCH", "/api/v1/forward-auth", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("DELETE", "/api/v1/forward-auth", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("POST", "/v2/keys.verifyKey", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    any_key("GET", "/api/v1/whoami"),
];

/// The management pages of a project also show the project.
const VIEW_AND_MANAGE_PROJECT: &[Permission] = &[Permission::ViewProject, Permission::ManageProjects];

/// What a project page requires, given the path after `/projects/`. The page itself checks the permissions within the project.
fn project_page(rest: &str) -> Option<Access> {
    match rest.split_once('/').map(|(_, page)| page) {
        None => Some(Access::Permission(Permission::ViewProject)),
        Some("keys" | "keys/issued") => Some(Access::All(VIEW_AND_MANAGE_PROJECT)),
        Some(_) => None,
    }
}

/// What a page requires of its user; `None` for a page that is not declared.
pub fn page_access(path: &str) -> Option<Access> {
    match path {
        "/setup" | "/sign-in" | "/join" => return Some(Access::Public),
        // The first three redirect depending on the user's permissions.
        "/" | "/keys" | "/settings" | "/profile" | reference::PATH => return Some(Access::SignedIn),
        "/billing" => return Some(Access::Permission(Permission::ViewBilling)),
        "/projects" => return Some(Access::Permission(Permission::ViewProject)),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/projects/") {
        return project_page(rest);
    }
    let of_keys = KIND_SPECS.iter().find(|spec| spec.page == Some(path)).map(|spec| spec.view);
    let of_settings = || settings::ALL.iter().find(|tab| tab.path == path).map(|tab| tab.needs);
    of_keys.or_else(of_settings).map(Access::Permission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_pages_match_any_project_id() {
        let of = |path| {
            page_access(path).map(|access| Permission::ALL.iter().copied().filter(|one| access.permits(Permissions::of(&[*one]), None)).collect())
        };
        assert_eq!(of("/projects"), Some(vec![Permission::ViewProject]));
        assert_eq!(of("/projects/prj_1"), Some(vec![Permission::ViewProject]));
        for page in ["/projects/prj_1/keys", "/projects/prj_1/keys/issued"] {
            assert_eq!(of(page), Some(vec![]), "{page}");
            assert!(page_access(page).unwrap().permits(Permissions::of(VIEW_AND_MANAGE_PROJECT), None));
        }
        assert_eq!(page_access("/projects/prj_1/other"), None);
    }
}
