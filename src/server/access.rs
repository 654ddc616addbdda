//! What every route needs, in one place. The rules judge; this says what they must come to, and tests/matrix.rs calls every route as every
//! role and holds the two together. A route that is not declared here fails that test.

use crate::{
    model::{
        permission::{Permission, Permissions, Scope},
        policy::{Kind, POLICIES},
    },
    pages::{reference, settings},
};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// The token of a one-time link.
    Token,
    /// To be signed in.
    Signed,
    /// This permission.
    Permission(Permission),
    /// Any one of these permissions.
    OneOf(&'static [Permission]),
    /// Every one of these permissions.
    All(&'static [Permission]),
    /// The `view` permission of the kind that the call is about.
    View,
    /// The `manage` permission of the kind that the call is about.
    Manage,
}

impl Access {
    /// Whether somebody who is signed in and may do this much gets in; `kind` is the kind that their call is about.
    pub fn admits(self, permissions: Permissions, kind: Option<Kind>) -> bool {
        match self {
            Self::Public | Self::Token | Self::Signed => true,
            Self::Permission(permission) => permissions.has(permission),
            Self::OneOf(any) => any.iter().any(|permission| permissions.has(*permission)),
            Self::All(all) => all.iter().all(|permission| permissions.has(*permission)),
            Self::View => kind.is_some_and(|kind| permissions.has(kind.policy().view)),
            Self::Manage => kind.is_some_and(|kind| permissions.has(kind.policy().manage)),
        }
    }
}

/// A server function or a route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: &'static str,
    /// Its path, as the router has it.
    pub path: &'static str,
    /// The scope that a platform key must have; `None` for what is not called with one.
    pub scope: Option<Scope>,
    /// What it asks of its caller, or of who made their key.
    pub access: Access,
}

const fn function(path: &'static str, access: Access) -> Route {
    Route { method: "POST", path, scope: None, access }
}

const fn rest(method: &'static str, path: &'static str, scope: Scope, access: Access) -> Route {
    Route { method, path, scope: Some(scope), access }
}

/// What the page reads by itself, with the session's cookie.
const fn page(path: &'static str) -> Route {
    Route { method: "GET", path, scope: None, access: Access::Signed }
}

const fn open(method: &'static str, path: &'static str) -> Route {
    Route { method, path, scope: None, access: Access::Public }
}

/// The `view` permission of any kind that is listed: which list is meant is known only to those who opened it.
const ANY_VIEW: &[Permission] = &[Permission::ViewKeys, Permission::ManageApiKeys, Permission::ManageCredentials];

/// What either kind of credential needs: which one is meant is known once it is found, and those of a kind that somebody may not see are
/// not there for them.
const ANY_CREDENTIAL: &[Permission] = &[Permission::ManageCredentials, Permission::ManageApiKeys];

/// Choosing among corpora, or making them.
const SEES_CORPORA: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];

/// Every server function and every route of the API, once.
pub const ROUTES: &[Route] = &[
    function("/fn/account/invitation", Access::Token),
    function("/fn/account/join", Access::Token),
    function("/fn/account/set-up", Access::Token),
    function("/fn/account/sign-in", Access::Public),
    function("/fn/account/sign-out", Access::Signed),
    function("/fn/account/sign-out-everywhere", Access::Signed),
    function("/fn/account/viewer", Access::Signed),
    function("/fn/audit/read", Access::Permission(Permission::ViewAuditLog)),
    function("/fn/billing/month", Access::Permission(Permission::ViewBilling)),
    function("/fn/corpora/all", Access::OneOf(SEES_CORPORA)),
    function("/fn/corpora/create", Access::Permission(Permission::ManageCorpora)),
    function("/fn/corpora/delete", Access::Permission(Permission::ManageCorpora)),
    function("/fn/corpora/details", Access::OneOf(SEES_CORPORA)),
    function("/fn/credentials/create-general", Access::Manage),
    function("/fn/credentials/create-storage", Access::Manage),
    function("/fn/credentials/edit-general", Access::Manage),
    function("/fn/credentials/test", Access::OneOf(ANY_CREDENTIAL)),
    function("/fn/invitations/create", Access::Permission(Permission::ManageMembers)),
    function("/fn/invitations/renew", Access::Permission(Permission::ManageMembers)),
    function("/fn/invitations/withdraw", Access::Permission(Permission::ManageMembers)),
    function("/fn/issued/list", Access::Permission(Permission::ManageProjects)),
    function("/fn/issued/reveal", Access::Permission(Permission::ViewProject)),
    function("/fn/issued/revoke", Access::Permission(Permission::ManageProjects)),
    function("/fn/issued/set-disabled", Access::Permission(Permission::ManageProjects)),
    function("/fn/keys/act", Access::Manage),
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
    function("/fn/notices/list", Access::Signed),
    function("/fn/notices/read", Access::Signed),
    function("/fn/organization/edit", Access::Permission(Permission::ManageOrganization)),
    function("/fn/organization/get", Access::Permission(Permission::ManageOrganization)),
    function("/fn/profile/change-password", Access::Signed),
    function("/fn/profile/end-session", Access::Signed),
    function("/fn/profile/rename", Access::Signed),
    function("/fn/profile/sessions", Access::Signed),
    function("/fn/projects/add-member", Access::Permission(Permission::ManageProjects)),
    function("/fn/projects/belongings", Access::Permission(Permission::ViewProject)),
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
    function("/fn/requests/approve", Access::Permission(Permission::ManageProjects)),
    function("/fn/requests/ask", Access::Permission(Permission::ViewProject)),
    function("/fn/requests/reject", Access::Permission(Permission::ManageProjects)),
    function("/fn/requests/tiles", Access::Permission(Permission::ViewProject)),
    function("/fn/requests/withdraw", Access::Permission(Permission::ViewProject)),
    function("/fn/roles/create", Access::Permission(Permission::ManageRoles)),
    function("/fn/roles/delete", Access::Permission(Permission::ManageRoles)),
    function("/fn/roles/edit", Access::Permission(Permission::ManageRoles)),
    function("/fn/roles/list", Access::Permission(Permission::ManageRoles)),
    function("/fn/templates/add-field", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/create", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/delete", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/delete-field", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/desk", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/edit", Access::Permission(Permission::ManageProjects)),
    function("/fn/templates/edit-field", Access::Permission(Permission::ManageProjects)),
    page("/events"),
    open("GET", "/.well-known/jwks.json"),
    open("GET", "/healthz"),
    open("GET", "/metrics"),
    open("GET", "/readyz"),
    rest("GET", "/api/v1/corpora", Scope::KeysRead, Access::OneOf(SEES_CORPORA)),
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
    rest("GET", "/api/v1/projects/{id}", Scope::KeysRead, Access::Permission(Permission::ViewProject)),
    rest("GET", "/api/v1/projects/{id}/nodes", Scope::KeysRead, Access::Permission(Permission::ViewProject)),
    rest("GET", "/api/v1/projects/{id}/revoked", Scope::Verify, Access::Permission(Permission::ViewProject)),
    rest("GET", "/api/v1/projects/{id}/secrets", Scope::SecretsRead, Access::Permission(Permission::ManageProjects)),
    rest("GET", "/api/v1/projects/{id}/secrets/{name}", Scope::SecretsRead, Access::Permission(Permission::ManageProjects)),
    rest("POST", "/api/v1/verify", Scope::Verify, Access::Permission(Permission::ViewKeys)),
    rest("POST", "/api/v1/verify-batch", Scope::Verify, Access::Permission(Permission::ViewKeys)),
];

/// A page for those who manage a project: it shows the project, too.
const MANAGES_PROJECT: &[Permission] = &[Permission::ViewProject, Permission::ManageProjects];

/// What a page of a project asks of its reader, given what follows `/projects/`. What they may do in the project is for the page to say.
fn of_project_page(rest: &str) -> Option<Access> {
    match rest.split_once('/').map(|(_, page)| page) {
        None => Some(Access::Permission(Permission::ViewProject)),
        Some("keys" | "keys/issued") => Some(Access::All(MANAGES_PROJECT)),
        Some(_) => None,
    }
}

/// What a page asks of its reader; `None` for one that is not declared.
pub fn of_page(path: &str) -> Option<Access> {
    match path {
        "/setup" | "/sign-in" | "/join" => return Some(Access::Public),
        // Where the first three lead depends on who asks.
        "/" | "/keys" | "/settings" | "/profile" | reference::PATH => return Some(Access::Signed),
        "/billing" => return Some(Access::Permission(Permission::ViewBilling)),
        "/projects" => return Some(Access::Permission(Permission::ViewProject)),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/projects/") {
        return of_project_page(rest);
    }
    let of_keys = POLICIES.iter().find(|policy| policy.page == Some(path)).map(|policy| policy.view);
    let of_settings = || settings::ALL.iter().find(|tab| tab.path == path).map(|tab| tab.needs);
    of_keys.or_else(of_settings).map(Access::Permission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_project_is_known_whatever_the_project() {
        let of =
            |path| of_page(path).map(|access| Permission::ALL.iter().copied().filter(|one| access.admits(Permissions::of(&[*one]), None)).collect());
        assert_eq!(of("/projects"), Some(vec![Permission::ViewProject]));
        assert_eq!(of("/projects/prj_1"), Some(vec![Permission::ViewProject]));
        for page in ["/projects/prj_1/keys", "/projects/prj_1/keys/issued"] {
            assert_eq!(of(page), Some(vec![]), "{page}");
            assert!(of_page(page).unwrap().admits(Permissions::of(MANAGES_PROJECT), None));
        }
        assert_eq!(of_page("/projects/prj_1/other"), None);
    }
}
