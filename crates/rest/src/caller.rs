//! Authentication of API requests: by an internal key, or on some routes by a project key.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
};
use std::sync::Arc;

use super::route::{Needs, needs, not_authorized};
use latchkey_core::actor::Actor;
use latchkey_http::{
    AppState, client_address,
    presented_key::{self, presented_key},
    problem::Problem,
    request_context,
};
use latchkey_types::{
    access::Access,
    id::OrganizationId,
    key_kind::KeyKind,
    permission::{Permission, Scope},
    time::Timestamp,
};
use latchkey_verify::CachedKey;

/// Extractor: the actor of an internal key that fulfils what the route requires.
#[derive(Clone)]
pub(crate) struct Authorized(pub(crate) Actor);

/// Extractor: the internal key of [`Authorized`].
#[derive(Clone)]
pub(crate) struct AuthorizedKey(pub(crate) Arc<CachedKey>);

/// Extractor: the caller of a route that also accepts keys of the project in its path.
#[derive(Clone)]
pub(crate) enum AuthorizedForProject {
    Internal(Actor),
    /// A key of the project in the path.
    ProjectKey(Arc<CachedKey>),
}

macro_rules! extractor {
    ($($type:ty),*) => {$(
        impl<S: Sync> FromRequestParts<S> for $type {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
                parts.extensions.remove().ok_or_else(not_authorized)
            }
        }
    )*};
}

extractor!(Authorized, AuthorizedKey, AuthorizedForProject);

/// When a caller is checked. A request is counted once, at the first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    First,
    /// After a body that arrived late: what the caller may do can have changed while it arrived.
    AfterBody,
}

/// What verify routes require.
pub(crate) const VERIFY: Needs = needs(Scope::Verify, Access::Permission(Permission::ViewKeys));

/// Authorizes a verify request and returns the organization whose keys it may verify. On the hot path: it builds no [`Actor`].
///
/// # Errors
/// As for any caller: 401 for a key that is not valid; 403 `wrong_kind`, `insufficient_scope`.
pub(crate) async fn authorize_verify(presented: &str, state: &AppState) -> Result<OrganizationId, Problem> {
    check_verify(presented, state, Check::First).await
}

/// Like [`authorize_verify`], and says which check it is.
pub(crate) async fn check_verify(presented: &str, state: &AppState, check: Check) -> Result<OrganizationId, Problem> {
    let authorize = |key: &CachedKey| {
        require_active(key)?;
        admit_internal(key, state, check)?;
        VERIFY.check(key)?;
        Ok(key.creator.organization)
    };
    match state.verifier.with_recent(presented, authorize) {
        Some(organization) => organization,
        None => authorize(&*find(presented, state).await?),
    }
}

/// Checks that the key has this scope and that its creator currently has a permission that the scope needs.
pub(crate) fn require_scope(key: &CachedKey, scope: Scope) -> Result<(), Problem> {
    if !key.scopes().iter().any(|has| has == scope.as_str()) {
        let detail = format!("This key does not have the scope “{}”.", scope.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", detail));
    }
    Ok(Access::OneOf(scope.needs()).require(key.creator.permissions)?)
}

/// Checks that the key is an internal key, and counts the request at the first check.
pub(crate) fn admit_internal(key: &CachedKey, state: &AppState, check: Check) -> Result<(), Problem> {
    if key.kind != KeyKind::Internal {
        let detail = format!("This key is of kind “{}”. The API requires an internal key.", key.kind.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, "wrong_kind", detail));
    }
    if check == Check::First {
        state.verifier.record_use(key, Timestamp::now());
    }
    Ok(())
}

/// The actor of an internal key.
pub(crate) fn actor_of(key: &CachedKey, parts: &Parts, state: &AppState) -> Actor {
    Actor::of_key(key, client_address::of_request(parts, &state.trusted_proxies))
}

/// Checks that the key belongs to this project and that its role has this permission.
///
/// # Errors
/// 403 `wrong_project`, also if the project does not exist; 403 `insufficient_permissions`.
pub(crate) fn require_project(key: &CachedKey, project: &str, permission: Permission) -> Result<(), Problem> {
    let forbidden = |code, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, code, detail));
    match key.project_grant() {
        Some(own) if key.belongs_to(project) && own.permissions.has(permission) => Ok(()),
        Some(own) if key.belongs_to(project) => {
            let label = permission.label();
            let role = own
                .role
                .as_ref()
                .map_or_else(|| "This key's role was deleted".to_owned(), |role| format!("This key's role “{role}” does not allow this"));
            forbidden("insufficient_permissions", format!("{role}. Required permission: “{label}”."))
        }
        _ => forbidden("wrong_project", "This key belongs to another project.".to_owned()),
    }
}

/// The presented key, of any kind, if it is active.
pub(crate) async fn authenticate(headers: &HeaderMap, state: &AppState) -> Result<Arc<CachedKey>, Problem> {
    let key = find(presented_key(headers)?, state).await?;
    require_active(&key)?;
    request_context::set_caller(key.creator.organization, key.creator.user, Some(key.id));
    Ok(key)
}

async fn find(presented: &str, state: &AppState) -> Result<Arc<CachedKey>, Problem> {
    state.verifier.find(presented).await?.ok_or_else(presented_key::unknown_key)
}

fn require_active(key: &CachedKey) -> Result<(), Problem> {
    presented_key::require_active(key.lifecycle().status(Timestamp::now()))
}
