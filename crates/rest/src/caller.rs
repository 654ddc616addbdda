//! Authentication of API requests: by an internal key, or on some routes by a project key.

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use latchkey_core::actor::{Actor, AuthMethod};
use latchkey_http::{AppState, client_address, problem::Problem};
use latchkey_types::{
    error::Error,
    id::OrganizationId,
    key_kind::{KeyKind, Status},
    permission::{Permission, Scope, Scopes},
    time::Timestamp,
};
use latchkey_verify::CachedKey;

/// The caller of a request with a valid internal key.
#[derive(Clone)]
pub(crate) struct Caller {
    key: Arc<CachedKey>,
    address: Option<IpAddr>,
}

impl Caller {
    /// The actor, if the key has this scope.
    ///
    /// # Errors
    /// 403 `insufficient_scope`; `forbidden` if the key's creator lacks the permission that the scope needs.
    pub(crate) fn with_scope(&self, scope: Scope) -> Result<Actor, Problem> {
        require_scope(&self.key, scope)?;
        Ok(self.actor())
    }

    /// The actor, without a check of the key's scopes.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            organization: self.key.organization,
            user: self.key.created_by,
            name: self.key.name.to_string(),
            auth_method: AuthMethod::Key(self.key.id),
            permissions: self.key.permissions,
            scopes: Some(Scopes::of(self.key.scopes.iter().filter_map(|word| word.parse().ok()))),
            address: self.address,
        }
    }

    pub(crate) fn key(&self) -> &CachedKey {
        &self.key
    }
}

/// Authorizes a verify request and returns the organization whose keys it may verify. On the hot path: it builds no [`Caller`].
///
/// # Errors
/// As for any caller: 401 for a key that is not valid; 403 `wrong_kind`, `insufficient_scope`.
pub(crate) async fn authorize_verify(presented: &str, state: &AppState) -> Result<OrganizationId, Problem> {
    let authorize = |key: &CachedKey| {
        let now = Timestamp::now();
        require_active(key, now)?;
        admit_internal(key, state, now)?;
        require_scope(key, Scope::Verify)?;
        Ok(key.organization)
    };
    match state.verifier.with_recent(presented, authorize) {
        Some(organization) => organization,
        None => authorize(&*find(presented, state).await?),
    }
}

/// Checks that the key has this scope and that its creator currently has a permission that the scope needs.
fn require_scope(key: &CachedKey, scope: Scope) -> Result<(), Problem> {
    if !key.scopes.iter().any(|has| has == scope.as_str()) {
        let detail = format!("This key does not have the scope “{}”.", scope.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", detail));
    }
    match scope.needs() {
        [first, ..] if !scope.needs().iter().any(|permission| key.permissions.has(*permission)) => Err(Error::forbidden(*first).into()),
        _ => Ok(()),
    }
}

/// Checks that the key is an internal key and counts the request.
fn admit_internal(key: &CachedKey, state: &AppState, now: Timestamp) -> Result<(), Problem> {
    if key.kind != KeyKind::Internal {
        let detail = format!("This key is of kind “{}”. The API requires an internal key.", key.kind.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, "wrong_kind", detail));
    }
    state.verifier.record_use(key, now);
    Ok(())
}

impl<S: Sync> FromRequestParts<S> for Caller
where
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The idempotency middleware has already authenticated the key.
        if let Some(caller) = parts.extensions.remove() {
            return Ok(caller);
        }
        let state = AppState::from_ref(state);
        Self::of(authenticate(presented_key(&parts.headers)?, &state).await?, parts, &state)
    }
}

impl Caller {
    fn of(key: Arc<CachedKey>, parts: &Parts, state: &AppState) -> Result<Self, Problem> {
        admit_internal(&key, state, Timestamp::now())?;
        latchkey_http::request_context::set_caller(key.organization, key.created_by, Some(key.id));
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let address = peer.map(|peer| client_address::client_address(peer, &parts.headers, &state.trusted_proxies));
        Ok(Self { key, address })
    }
}

/// The caller of a route that also accepts the project's own keys.
pub(crate) enum ProjectCaller {
    Internal(Caller),
    Project(ProjectKey),
}

/// A valid project key.
pub(crate) struct ProjectKey(Arc<CachedKey>);

impl<S: Sync> FromRequestParts<S> for ProjectCaller
where
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let state = AppState::from_ref(state);
        let key = authenticate(presented_key(&parts.headers)?, &state).await?;
        if key.kind == KeyKind::Project {
            latchkey_http::request_context::set_caller(key.organization, key.created_by, Some(key.id));
            return Ok(Self::Project(ProjectKey(key)));
        }
        Caller::of(key, parts, &state).map(Self::Internal)
    }
}

impl ProjectKey {
    /// The key, if it belongs to this project and its role has this permission.
    ///
    /// # Errors
    /// 403 `wrong_project`, also if the project does not exist; 403 `insufficient_permissions`.
    pub(crate) fn with_permission(&self, project: &str, permission: Permission) -> Result<&CachedKey, Problem> {
        let forbidden = |code, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, code, detail));
        match &self.0.project_grant {
            Some(own) if self.0.belongs_to(project) && own.permissions.has(permission) => Ok(&self.0),
            Some(own) if self.0.belongs_to(project) => {
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

    /// Counts an answered request.
    pub(crate) fn record_use(&self, state: &AppState) {
        state.verifier.record_use(&self.0, Timestamp::now());
    }
}

/// The presented key, of any kind, if it is active.
async fn authenticate(presented: &str, state: &AppState) -> Result<Arc<CachedKey>, Problem> {
    let key = find(presented, state).await?;
    require_active(&key, Timestamp::now())?;
    Ok(key)
}

async fn find(presented: &str, state: &AppState) -> Result<Arc<CachedKey>, Problem> {
    state.verifier.find(presented).await?.ok_or_else(unknown)
}

fn require_active(key: &CachedKey, now: Timestamp) -> Result<(), Problem> {
    match key.lifecycle.status(now) {
        Status::Active => Ok(()),
        Status::Expired => Err(unauthorized("expired_api_key", "This API key has expired.")),
        Status::Disabled => Err(unauthorized("disabled_api_key", "This API key is disabled.")),
        Status::Revoked | Status::Deleted => Err(unknown()),
    }
}

fn unknown() -> Problem {
    unauthorized("invalid_api_key", "This API key is unknown or was deleted.")
}

/// The key in `Authorization: Bearer` or `x-api-key`. Two different keys are an error, because it is unclear which one to use.
///
/// # Errors
/// 400 `two_api_keys`, `malformed`; 401 `missing_api_key`.
pub(crate) fn presented_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let bearer = headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().ok().and_then(bearer_token));
    let api_key = headers.get_all("x-api-key").iter().map(|value| value.to_str().ok().map(str::trim));
    let malformed = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "The API key header is malformed. Send “Authorization: Bearer <key>” or “x-api-key: <key>”.",
        )
    };
    let mut presented = bearer.chain(api_key);
    let missing = || unauthorized("missing_api_key", "Send an API key in “Authorization: Bearer” or “x-api-key”.");
    let first = presented.next().ok_or_else(missing)?.ok_or_else(malformed)?;
    for other in presented {
        if other.ok_or_else(malformed)? != first {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "two_api_keys", "The request contains two different API keys. Send only one."));
        }
    }
    if first.is_empty() { Err(missing()) } else { Ok(first) }
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthorized(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(lines: &[(&'static str, &str)]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        presented_key(&headers).map(ToOwned::to_owned).map_err(|problem| serde_json::to_value(problem).unwrap()["code"].as_str().unwrap().to_owned())
    }

    #[test]
    fn either_header_is_accepted_but_not_two_keys() {
        assert_eq!(presented(&[("authorization", "Bearer a")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("authorization", "bearer  a ")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("x-api-key", "a")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("x-api-key", "a"), ("authorization", "Bearer a")]).as_deref(), Ok("a"));
        assert_eq!(presented(&[("x-api-key", "a"), ("authorization", "Bearer b")]), Err("two_api_keys".into()));
        assert_eq!(presented(&[("x-api-key", "a"), ("x-api-key", "b")]), Err("two_api_keys".into()));
        assert_eq!(presented(&[("authorization", "Basic a")]), Err("malformed".into()));
        assert_eq!(presented(&[("x-api-key", "")]), Err("missing_api_key".into()));
        assert_eq!(presented(&[]), Err("missing_api_key".into()));
    }
}
