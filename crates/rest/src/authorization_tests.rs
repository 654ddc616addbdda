//! Tests of the authorization of requests, on a database.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Method, Request, header},
    response::Response,
};
use futures_util::stream;
use tempfile::TempDir;
use tower_service::Service;
use zeroize::Zeroizing;

use super::{
    caller::{self, Check},
    routes,
};
use latchkey_core::{
    Core, credential_check::ProviderEndpoints, http_client::OutgoingNetworks, keyring::Keyring, public_url::PublicUrl, vault::Vault,
};
use latchkey_crypto::master_key::{MasterKey, MasterKeySource};
use latchkey_http::{
    AppState, ModelLimits,
    problem::{Problem, ProblemCode},
};
use latchkey_store::{
    self as store, Store, StoreOptions,
    keys::{KeyAttributes, NewKey},
    users::NewUser,
};
use latchkey_types::{
    id::{KeyId, OrganizationId, UserId},
    key_kind::KeyKind,
    permission::Scope,
    time::Timestamp,
};

/// Two users of one organization.
struct Fixture {
    state: AppState,
    organization: OrganizationId,
    owner: UserId,
    /// Has *Manage API Keys*, but not *Manage Corpora*.
    member: UserId,
    _folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path(), StoreOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        let keyring = Keyring { pepper: Zeroizing::new([1; 32]), audit: Zeroizing::new([2; 32]) };
        let vault = Vault::new(MasterKeySource::Folder(folder.path().to_owned()), MasterKey::generate());
        let public_url = PublicUrl::new(None, "127.0.0.1:3000".parse().unwrap()).unwrap();
        let networks = OutgoingNetworks::default();
        let core = Core::new(store, &keyring, Arc::new(vault), public_url, networks, ProviderEndpoints::default()).unwrap();
        let (organization, owner, member) = (OrganizationId::new(), UserId::new(), UserId::new());
        let mut tx = core.store.begin().await.unwrap();
        core.auditor.begin(&mut tx).await.unwrap();
        store::users::insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        for (id, role) in [(owner, "owner"), (member, "member")] {
            let user = NewUser {
                id,
                organization,
                role: role.to_owned(),
                name: role.to_owned(),
                email: format!("{role}@example.com"),
                password_hash: String::new(),
            };
            store::users::insert_user(&mut tx, &user).await.unwrap();
        }
        tx.commit().await.unwrap();
        Self { state: AppState::new(core, Vec::new(), ModelLimits::default()).unwrap(), organization, owner, member, _folder: folder }
    }

    /// Stores a key of this kind, whose name is its secret.
    async fn insert(&self, secret: &str, kind: KeyKind, created_by: UserId, scopes: &str, expires_at: Option<Timestamp>) -> KeyId {
        let attributes = KeyAttributes {
            name: secret.to_owned(),
            scopes: scopes.to_owned(),
            external_id: None,
            metadata: None,
            expires_at,
            rate_limits: None,
            address_rate_limits: None,
            allowed_ips: None,
            allowed_origins: None,
            model_access: None,
        };
        let key = NewKey {
            id: KeyId::new(),
            organization: self.organization,
            kind,
            attributes,
            credits: None,
            digest: self.state.pepper.digest(secret).as_bytes().to_vec(),
            mask: "…".to_owned(),
            corpora: Vec::new(),
            created_by,
            created_at: Timestamp::now(),
        };
        let mut tx = self.state.store.begin().await.unwrap();
        store::keys::insert(&mut tx, &key).await.unwrap();
        tx.commit().await.unwrap();
        key.id
    }

    async fn internal(&self, secret: &str, created_by: UserId, scopes: &str) -> KeyId {
        self.insert(secret, KeyKind::Internal, created_by, scopes, None).await
    }

    async fn response(&self, method: Method, path: &str, secret: Option<&str>, body: Body) -> Response {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        if let Some(secret) = secret {
            request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {secret}")).unwrap());
        }
        let mut router: Router = routes(&self.state).with_state(self.state.clone());
        router.call(request).await.unwrap()
    }

    /// The status and the code of the problem; the code of other responses is empty.
    async fn call(&self, method: Method, path: &str, secret: Option<&str>, body: Body) -> (u16, &'static str) {
        let response = self.response(method, path, secret, body).await;
        (response.status().as_u16(), response.extensions().get::<ProblemCode>().map_or("", |code| code.0))
    }

    async fn get(&self, path: &str, secret: Option<&str>) -> (u16, &'static str) {
        self.call(Method::GET, path, secret, Body::empty()).await
    }

    /// Number of requests that were counted.
    async fn counted(&self) -> i64 {
        self.state.verifier.flush().await;
        let days = store::usage::days(&self.state.store, self.organization, 0, i64::MAX).await.unwrap();
        days.iter().map(|day| day.requests).sum()
    }
}

async fn disable(state: &AppState, id: KeyId) {
    let mut tx = state.store.begin().await.unwrap();
    store::keys::set_disabled(&mut tx, id, Some(Timestamp::now())).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn only_a_valid_internal_key_is_admitted() {
    let fixture = Fixture::new().await;
    fixture.internal("valid", fixture.owner, "").await;
    fixture.insert("client", KeyKind::Client, fixture.owner, "", None).await;
    fixture.insert("expired", KeyKind::Internal, fixture.owner, "", Some(Timestamp(1))).await;
    let disabled = fixture.internal("disabled", fixture.owner, "").await;
    disable(&fixture.state, disabled).await;
    for (secret, status, code) in [
        (None, 401, "missing_api_key"),
        (Some("unknown"), 401, "invalid_api_key"),
        (Some("expired"), 401, "expired_api_key"),
        (Some("disabled"), 401, "disabled_api_key"),
        (Some("client"), 403, "wrong_kind"),
    ] {
        assert_eq!(fixture.get("/api/v1/whoami", secret).await, (status, code), "{secret:?}");
    }
    assert_eq!(fixture.counted().await, 0);
    assert_eq!(fixture.get("/api/v1/whoami", Some("valid")).await, (200, ""));
    assert_eq!(fixture.counted().await, 1);
    assert_eq!(fixture.get("/healthz", None).await, (200, ""), "the route is public");
    assert_eq!(fixture.get("/api/v1/unknown", None).await, (404, "not_found"));
    assert_eq!(fixture.call(Method::DELETE, "/api/v1/whoami", None, Body::empty()).await, (405, "method_not_allowed"));
}

#[tokio::test]
async fn the_scope_and_the_permissions_of_its_creator_are_required() {
    let fixture = Fixture::new().await;
    fixture.internal("reader", fixture.owner, "keys:read").await;
    fixture.internal("writer", fixture.owner, "keys:write").await;
    fixture.internal("member", fixture.member, "keys:write secrets:read").await;
    assert_eq!(fixture.get("/api/v1/corpora", Some("reader")).await, (200, ""));
    assert_eq!(fixture.get("/api/v1/corpora", Some("writer")).await, (403, "insufficient_scope"));
    let create = async |secret: &str, name: &str| {
        let body = Body::from(format!(r#"{{"name":"{name}"}}"#));
        fixture.call(Method::POST, "/api/v1/corpora", Some(secret), body).await
    };
    assert_eq!(create("reader", "a").await, (403, "insufficient_scope"));
    assert_eq!(create("member", "b").await, (403, "forbidden"), "a member cannot manage corpora");
    assert_eq!(create("writer", "c").await.0, 201);
    // A key of no project is checked like on any other route.
    let project = "/api/v1/projects/prj_00000000000070008000000000000000";
    assert_eq!(fixture.get(project, Some("reader")).await, (404, "not_found"));
    assert_eq!(fixture.get(project, Some("writer")).await, (403, "insufficient_scope"));
}

#[tokio::test]
async fn a_key_that_is_disabled_while_the_body_arrives_is_refused() {
    let fixture = Fixture::new().await;
    let id = fixture.internal("writer", fixture.owner, "keys:write").await;
    let late = |is_disabled: bool| {
        let state = fixture.state.clone();
        Body::from_stream(stream::once(async move {
            tokio::task::yield_now().await;
            if is_disabled {
                disable(&state, id).await;
            }
            Ok::<_, Infallible>(Bytes::from_static(br#"{"name":"a"}"#))
        }))
    };
    let create = async |body| fixture.call(Method::POST, "/api/v1/corpora", Some("writer"), body).await;
    assert_eq!(create(late(false)).await.0, 201);
    assert_eq!(fixture.counted().await, 1, "a request is counted once");
    assert_eq!(create(late(true)).await, (401, "disabled_api_key"));
    let rows = store::audit::after(fixture.state.store.read().unwrap(), 0, 100).await.unwrap();
    let refused: Vec<&str> = rows.iter().filter(|row| row.action == "request.refused").map(|row| row.detail.as_str()).collect();
    assert_eq!(refused, [r#"{"reason":"disabled_api_key"}"#]);
}

#[tokio::test]
async fn verifying_needs_its_scope() {
    let fixture = Fixture::new().await;
    fixture.internal("verifier", fixture.owner, "verify").await;
    let other = fixture.internal("other", fixture.owner, "keys:read").await;
    fixture.insert("client", KeyKind::Client, fixture.owner, "verify", None).await;
    let code = |problem: Problem| (problem.status(), problem.code());
    // The second time from the cache of the thread.
    for _ in 0..2 {
        for (secret, result) in [
            ("verifier", Ok(fixture.organization)),
            ("other", Err((403, "insufficient_scope"))),
            ("client", Err((403, "wrong_kind"))),
            ("unknown", Err((401, "invalid_api_key"))),
        ] {
            assert_eq!(caller::authorize_verify(secret, &fixture.state).await.map_err(code), result, "{secret}");
        }
    }
    // The use of a key without the scope is counted too.
    assert_eq!(fixture.counted().await, 4);
    let again = caller::check_verify("verifier", &fixture.state, Check::AfterBody).await;
    assert_eq!((again.map_err(code), fixture.counted().await), (Ok(fixture.organization), 4));
    disable(&fixture.state, other).await;
    let disabled = caller::authorize_verify("other", &fixture.state).await;
    assert_eq!(disabled.map_err(code), Err((401, "disabled_api_key")));
}

#[tokio::test]
async fn a_scope_is_effective_only_with_a_permission_of_the_creator() {
    let fixture = Fixture::new().await;
    fixture.internal("key", fixture.member, "keys:write secrets:read credentials:write").await;
    let key = fixture.state.verifier.find("key").await.unwrap().unwrap();
    let code = |problem: Problem| problem.code();
    for (scope, result) in [
        (Scope::KeysWrite, Ok(())),
        (Scope::SecretsRead, Ok(())),
        (Scope::CredentialsWrite, Ok(())),
        (Scope::KeysRead, Err("insufficient_scope")),
        (Scope::Verify, Err("insufficient_scope")),
    ] {
        assert_eq!(caller::require_scope(&key, scope).map_err(code), result, "{scope:?}");
    }
    let roles = store::roles::list(&mut fixture.state.store.connection().await.unwrap(), fixture.organization).await.unwrap();
    let viewer = roles.iter().find(|role| role.name == "viewer").unwrap().id;
    let mut tx = fixture.state.store.begin().await.unwrap();
    store::members::set_role(&mut tx, fixture.member, viewer).await.unwrap();
    tx.commit().await.unwrap();
    let key = fixture.state.verifier.find("key").await.unwrap().unwrap();
    assert_eq!(caller::require_scope(&key, Scope::KeysWrite).map_err(code), Err("forbidden"));
}
