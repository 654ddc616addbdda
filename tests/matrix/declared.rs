//! What every route requires: of the API as registered, of server functions as expected here. The rules enforce the latter.

use latchkey_types::{
    access::Access,
    permission::{Permission, Scope},
};
use reqwest::Method;

/// A server function or a route of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    /// The path as registered with the router.
    pub path: String,
    /// The scope that an internal key must have; `None` for routes that are not called with a key.
    pub scope: Option<Scope>,
    /// Required of the caller, or of the creator of the caller's key.
    pub access: Access,
}

/// Every server function and every API route, once.
pub fn all() -> Vec<Route> {
    let functions = FUNCTIONS.iter().map(|(path, access)| Route { method: Method::POST, path: (*path).to_owned(), scope: None, access: *access });
    let of_api = latchkey_rest::route_table().into_iter();
    let of_api = of_api.map(|route| Route { method: route.method, path: route.path, scope: route.needs.scope, access: route.needs.access });
    // Called by the page itself, with the session cookie.
    let of_page =
        OF_PAGE.iter().map(|(method, path, access)| Route { method: method.clone(), path: (*path).to_owned(), scope: None, access: *access });
    functions.chain(of_api).chain(of_page).collect()
}

const OF_PAGE: &[(Method, &str, Access)] = &[
    (Method::GET, "/events", Access::SignedIn),
    (Method::POST, "/console/models/try", Access::Permission(Permission::ManageCredentials)),
    (Method::GET, "/samples/content/{project}/{sample}", Access::Permission(Permission::ViewProject)),
    (Method::PUT, "/samples/upload/{project}/{import}/{position}", Access::Permission(Permission::ManageProjects)),
];

/// Routes of the gateway: method, path, and why no permission and no scope is declared for them. They are called with keys that have none, so the
/// matrix of roles does not apply.
pub const OF_GATEWAY: &[(Method, &str, &str)] = &[
    (Method::POST, "/v1/chat/completions", MODELS),
    (Method::POST, "/v1/completions", MODELS),
    (Method::POST, "/v1/embeddings", MODELS),
    (Method::POST, "/v1/responses", MODELS),
    (Method::POST, "/v1/messages", MODELS),
    (Method::POST, "/v1/messages/count_tokens", MODELS),
    (Method::GET, "/v1/models", MODELS),
    (Method::GET, "/v1/models/{*name}", MODELS),
    (Method::POST, "/v1/query", CORPORA),
    (Method::POST, "/v1/index", CORPORA),
];

const MODELS: &str = "agent and client keys list the models that they may call: tests/models/refusals.rs and calls.rs";
const CORPORA: &str = "corpus keys list their corpora, and have scopes of their own: tests/corpora/refusals.rs";

impl Route {
    /// Whether the route is called with the session cookie.
    pub fn uses_session(&self) -> bool {
        self.path.starts_with("/fn/") || OF_PAGE.iter().any(|(method, path, _)| self.method == *method && self.path == *path)
    }
}

/// The `view` permission of any listed kind: the id of an opened list does not reveal its kind.
const ANY_VIEW: &[Permission] = &[Permission::ViewKeys, Permission::ManageApiKeys, Permission::ManageCredentials];

/// The `view` permission of any API key: the kind is known only after the key is found.
const ANY_KEY: &[Permission] = &[Permission::ViewKeys, Permission::ManageApiKeys];

/// The permission of either credential kind: the kind is known only after the credential is found, and one that the caller may not see is
/// reported as not found.
const ANY_CREDENTIAL: &[Permission] = &[Permission::ManageCredentials, Permission::ManageApiKeys];

/// To select corpora for a key, or to manage them.
const VIEW_CORPORA: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];

/// The files at a storage provider are listed for a project, with the caller's own external key.
const LIST_SOURCE: &[Permission] = &[Permission::ManageProjects, Permission::ManageApiKeys];

/// The dialog of an agent key shows the default budget.
const VIEW_BUDGETS: &[Permission] = &[Permission::ManageOrganization, Permission::ManageApiKeys];

const FUNCTIONS: &[(&str, Access)] = &[
    ("/fn/account/invitation", Access::Token),
    ("/fn/account/join", Access::Token),
    ("/fn/account/set-up", Access::Token),
    ("/fn/account/sign-in", Access::Public),
    ("/fn/account/sign-out", Access::SignedIn),
    ("/fn/account/sign-out-everywhere", Access::SignedIn),
    ("/fn/account/viewer", Access::SignedIn),
    ("/fn/audit/actors", Access::Permission(Permission::ViewAuditLog)),
    ("/fn/audit/read", Access::Permission(Permission::ViewAuditLog)),
    ("/fn/billing/keys", Access::Permission(Permission::ViewBilling)),
    ("/fn/billing/month", Access::Permission(Permission::ViewBilling)),
    ("/fn/calls/bodies", Access::Permission(Permission::ReadCallBodies)),
    ("/fn/calls/choices", Access::Permission(Permission::ViewBilling)),
    ("/fn/calls/list", Access::Permission(Permission::ViewBilling)),
    ("/fn/corpora/all", Access::OneOf(VIEW_CORPORA)),
    ("/fn/corpora/create", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/delete", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/delete-document", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/details", Access::OneOf(VIEW_CORPORA)),
    ("/fn/corpora/documents", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/page", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/remove-upstream", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/search", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/set-upstream", Access::Permission(Permission::ManageCorpora)),
    ("/fn/corpora/upload", Access::Permission(Permission::ManageCorpora)),
    ("/fn/credentials/create-general", Access::Manage),
    ("/fn/credentials/create-external", Access::Manage),
    ("/fn/credentials/edit-general", Access::Manage),
    ("/fn/credentials/own-external", Access::Permission(Permission::ManageApiKeys)),
    ("/fn/credentials/replace-external", Access::Manage),
    ("/fn/credentials/test", Access::OneOf(ANY_CREDENTIAL)),
    ("/fn/instances/list", Access::Permission(Permission::ManageOrganization)),
    ("/fn/invitations/create", Access::Permission(Permission::ManageMembers)),
    ("/fn/invitations/renew", Access::Permission(Permission::ManageMembers)),
    ("/fn/invitations/withdraw", Access::Permission(Permission::ManageMembers)),
    ("/fn/issued/list", Access::Permission(Permission::ManageProjects)),
    ("/fn/issued/reveal", Access::Permission(Permission::ViewProject)),
    ("/fn/issued/revoke", Access::Permission(Permission::ManageProjects)),
    ("/fn/issued/set-disabled", Access::Permission(Permission::ManageProjects)),
    ("/fn/keys/bulk", Access::Manage),
    ("/fn/keys/count", Access::OneOf(ANY_VIEW)),
    ("/fn/keys/create", Access::Manage),
    ("/fn/keys/edit", Access::Manage),
    ("/fn/keys/get", Access::OneOf(ANY_KEY)),
    ("/fn/keys/ids", Access::OneOf(ANY_VIEW)),
    ("/fn/keys/models", Access::Permission(Permission::ManageApiKeys)),
    ("/fn/keys/open", Access::View),
    ("/fn/keys/recent-use", Access::OneOf(ANY_VIEW)),
    ("/fn/keys/rotate", Access::Manage),
    ("/fn/keys/rows", Access::OneOf(ANY_VIEW)),
    ("/fn/keys/totals", Access::SignedIn),
    ("/fn/members/disable", Access::Permission(Permission::ManageMembers)),
    ("/fn/members/enable", Access::Permission(Permission::ManageMembers)),
    ("/fn/members/grantors", Access::Permission(Permission::ManageMembers)),
    ("/fn/members/list", Access::Permission(Permission::ManageMembers)),
    ("/fn/members/set-budget", Access::Permission(Permission::ManageMembers)),
    ("/fn/members/set-role", Access::Permission(Permission::ManageMembers)),
    ("/fn/notifications/list", Access::SignedIn),
    ("/fn/notifications/mark-read", Access::SignedIn),
    ("/fn/organization/budgets", Access::OneOf(VIEW_BUDGETS)),
    ("/fn/organization/edit", Access::Permission(Permission::ManageOrganization)),
    ("/fn/organization/get", Access::Permission(Permission::ManageOrganization)),
    ("/fn/organization/set-agent-budget", Access::Permission(Permission::ManageOrganization)),
    ("/fn/organization/set-budget", Access::Permission(Permission::ManageOrganization)),
    ("/fn/organization/set-call-log-days", Access::Permission(Permission::ManageOrganization)),
    ("/fn/overview/get", Access::SignedIn),
    ("/fn/profile/change-password", Access::SignedIn),
    ("/fn/profile/end-other-sessions", Access::SignedIn),
    ("/fn/profile/end-session", Access::SignedIn),
    ("/fn/profile/rename", Access::SignedIn),
    ("/fn/profile/sessions", Access::SignedIn),
    ("/fn/projects/add-member", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/resources", Access::Permission(Permission::ViewProject)),
    ("/fn/projects/create", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/create-node", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/create-secret", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/delete", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/delete-node", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/delete-secret", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/edit", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/get", Access::Permission(Permission::ViewProject)),
    ("/fn/projects/import", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/import-preview", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/list", Access::Permission(Permission::ViewProject)),
    ("/fn/projects/remove-member", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/rename-node", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/replace-secret", Access::Permission(Permission::ManageProjects)),
    ("/fn/projects/set-member-role", Access::Permission(Permission::ManageProjects)),
    ("/fn/providers/create", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/create-alias", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/create-model", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/delete", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/delete-alias", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/delete-model", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/edit", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/edit-alias", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/edit-model", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/offered-models", Access::Permission(Permission::ManageCredentials)),
    ("/fn/providers/list", Access::Permission(Permission::ManageCredentials)),
    ("/fn/access-requests/approve", Access::Permission(Permission::ManageProjects)),
    ("/fn/access-requests/create", Access::Permission(Permission::ViewProject)),
    ("/fn/access-requests/reject", Access::Permission(Permission::ManageProjects)),
    ("/fn/access-requests/cards", Access::Permission(Permission::ViewProject)),
    ("/fn/access-requests/withdraw", Access::Permission(Permission::ViewProject)),
    ("/fn/roles/create", Access::Permission(Permission::ManageRoles)),
    ("/fn/roles/delete", Access::Permission(Permission::ManageRoles)),
    ("/fn/roles/edit", Access::Permission(Permission::ManageRoles)),
    ("/fn/roles/list", Access::Permission(Permission::ManageRoles)),
    ("/fn/samples/delete", Access::Permission(Permission::ManageProjects)),
    ("/fn/samples/import", Access::Permission(Permission::ManageProjects)),
    ("/fn/samples/import-details", Access::Permission(Permission::ViewProject)),
    ("/fn/samples/list", Access::Permission(Permission::ViewProject)),
    ("/fn/samples/retry", Access::Permission(Permission::ManageProjects)),
    ("/fn/samples/source", Access::All(LIST_SOURCE)),
    ("/fn/samples/stop", Access::Permission(Permission::ManageProjects)),
    ("/fn/services/create", Access::Permission(Permission::ManageServices)),
    ("/fn/services/delete", Access::Permission(Permission::ManageServices)),
    ("/fn/services/edit", Access::Permission(Permission::ManageServices)),
    ("/fn/services/list", Access::Permission(Permission::ManageServices)),
    ("/fn/templates/add-field", Access::Permission(Permission::ManageProjects)),
    ("/fn/templates/create", Access::Permission(Permission::ManageProjects)),
    ("/fn/templates/delete", Access::Permission(Permission::ManageProjects)),
    ("/fn/templates/delete-field", Access::Permission(Permission::ManageProjects)),
    ("/fn/templates/page", Access::Permission(Permission::ManageProjects)),
    ("/fn/templates/edit", Access::Permission(Permission::ManageProjects)),
    ("/fn/templates/edit-field", Access::Permission(Permission::ManageProjects)),
];
