//! Requests whose body is still arriving when the caller's key or session is revoked: they are refused, change nothing, and the refusal is
//! audited.

use std::{collections::BTreeMap, fmt::Write};

use latchkey_core::{accounts, actor::Actor, keys};
use latchkey_store::{self as store, verdict_changes::VerdictChange};
use latchkey_test_db::is_on_postgresql;
use latchkey_types::{
    access::Access,
    error::Error,
    id::UserId,
    key::{CreateKeyRequest, RequestedExpiry},
    key_kind::{KeyKind, Kind},
    permission::{Permission, Permissions, Scope},
    time::Timestamp,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AnyPool, AssertSqlSafe};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    matrix::{
        declared::{self, Route},
        examples,
        fixtures::{Fixtures, TestUser},
    },
    support::{PASSWORD, TestServer, audit_chained, send_large},
};

/// Server functions and routes that change nothing, although their method is POST.
const READS: &[&str] = &[
    "/api/v1/forward-auth",
    "/api/v1/verify",
    "/api/v1/verify-batch",
    "/fn/access-requests/cards",
    "/fn/account/viewer",
    "/fn/audit/actors",
    "/fn/audit/read",
    "/fn/billing/keys",
    "/fn/billing/month",
    "/fn/corpora/all",
    "/fn/corpora/details",
    "/fn/corpora/documents",
    "/fn/corpora/page",
    "/fn/corpora/search",
    "/fn/issued/list",
    "/fn/keys/count",
    "/fn/keys/get",
    "/fn/keys/ids",
    "/fn/keys/open",
    "/fn/keys/recent-use",
    "/fn/keys/rows",
    "/fn/keys/totals",
    "/fn/members/grantors",
    "/fn/members/list",
    "/fn/notifications/list",
    "/fn/organization/get",
    "/fn/overview/get",
    "/fn/profile/sessions",
    "/fn/projects/get",
    "/fn/projects/import-preview",
    "/fn/projects/list",
    "/fn/projects/resources",
    "/fn/providers/list",
    "/fn/roles/list",
    "/fn/samples/import-details",
    "/fn/samples/list",
    "/fn/samples/source",
    "/fn/services/list",
    "/fn/templates/page",
    "/v2/keys.verifyKey",
];

/// Routes that are tested with every revocation; the others with one.
const TESTED_THOROUGHLY: [&str; 2] = ["/api/v1/keys", "/fn/keys/create"];

/// How the caller loses what the request needs while its body arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revocation {
    KeyDeleted,
    KeyDisabled,
    KeyExpired,
    SignedOutEverywhere,
    PasswordChanged,
    UserDisabled,
    RoleNarrowed,
}

impl Revocation {
    const OF_KEYS: &[Self] = &[Self::KeyDeleted, Self::KeyDisabled, Self::KeyExpired, Self::UserDisabled, Self::RoleNarrowed];
    const OF_SESSIONS: &[Self] = &[Self::SignedOutEverywhere, Self::PasswordChanged, Self::UserDisabled, Self::RoleNarrowed];
}

/// Every route that changes something on behalf of a caller, with the revocations to test.
fn cases() -> Vec<(Route, Revocation)> {
    let changes = |route: &Route| {
        route.method != Method::GET && !matches!(route.access, Access::Public | Access::Token) && !READS.contains(&route.path.as_str())
    };
    let mut cases = vec![];
    for (index, route) in declared::all().into_iter().filter(changes).enumerate() {
        let all = if route.uses_session() { Revocation::OF_SESSIONS } else { Revocation::OF_KEYS };
        // Other functions need no permission, or report what the caller cannot view as missing.
        let is_permission_needed = !route.uses_session() || matches!(route.access, Access::Permission(_) | Access::Manage);
        let possible: Vec<_> = all.iter().copied().filter(|revocation| *revocation != Revocation::RoleNarrowed || is_permission_needed).collect();
        let is_thorough = TESTED_THOROUGHLY.contains(&route.path.as_str()) && route.method == Method::POST;
        let chosen = if is_thorough { possible } else { vec![possible[index % possible.len()]] };
        cases.extend(chosen.into_iter().map(|revocation| (route.clone(), revocation)));
    }
    cases
}

/// A user with every permission, and a role and possibly an internal key of their own.
struct Caller {
    user: TestUser,
    id: String,
    role: String,
    /// Id and secret.
    key: Option<(String, String)>,
}

impl Caller {
    async fn create(fixtures: &Fixtures, database: &AnyPool, has_key: bool) -> Self {
        let (id, role, name) = (UserId::new().to_string(), fixtures.create_role(Permission::ALL).await, fixtures.unique_name());
        let email = format!("{name}@acme.test");
        // With the password of another user, because hashing one is slow.
        let sql = "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
             select $1, organization_id, $2, $3, $3, $4, $4, password_hash, 0 from users where email = $5";
        let insert = sqlx::query(sql).bind(&id).bind(&role).bind(&name).bind(&email).bind(&fixtures.users[0].email);
        insert.execute(database).await.unwrap();
        let user = TestUser { description: name.clone(), email, permissions: Permissions::of(Permission::ALL) };
        let key = if has_key { Some(create_key(&fixtures.server, &user.email, name).await) } else { None };
        Self { user, id, role, key }
    }

    fn key_id(&self) -> &str {
        &self.key.as_ref().unwrap().0
    }

    /// The header that authenticates a request.
    async fn credential(&self, fixtures: &Fixtures) -> String {
        match &self.key {
            Some((_, secret)) => format!("authorization: Bearer {secret}"),
            None => format!("cookie: {}", fixtures.session(&self.user).await.cookie.unwrap()),
        }
    }

    /// The number of audited refusals of this caller.
    async fn refusals(&self, database: &AnyPool) -> i64 {
        let id = self.key.as_ref().map_or(&self.id, |(id, _)| id);
        refusals(database, id).await
    }

    async fn revoke(&self, fixtures: &Fixtures, revocation: Revocation) {
        match revocation {
            Revocation::KeyDeleted => update_key(fixtures, self.key_id(), "delete").await,
            Revocation::KeyDisabled => update_key(fixtures, self.key_id(), "disable").await,
            Revocation::KeyExpired => expire(&fixtures.server, self.key_id()).await,
            Revocation::SignedOutEverywhere => self.call("account/sign-out-everywhere", json!({}), fixtures).await,
            Revocation::PasswordChanged => {
                self.call("profile/change-password", json!({ "current": PASSWORD, "password": "another long password" }), fixtures).await;
            }
            Revocation::UserDisabled => {
                fixtures.call_as_owner("members/disable", json!({ "id": self.id, "receiver": null })).await;
            }
            Revocation::RoleNarrowed => {
                let narrowed = json!({ "id": self.role, "name": fixtures.unique_name(), "permissions": [] });
                fixtures.call_as_owner("roles/edit", narrowed).await;
            }
        }
    }

    /// Calls a server function with another session of the user.
    async fn call(&self, function: &str, arguments: Value, fixtures: &Fixtures) {
        let (status, response) = fixtures.session(&self.user).await.call(function, arguments).await;
        assert_eq!(status, StatusCode::OK, "{function}: {response}");
    }
}

/// Creates an internal key with every scope. Returns its id and secret.
async fn create_key(server: &TestServer, email: &str, name: String) -> (String, String) {
    let creator = store::users::find_user_by_email(&server.state.store, email).await.unwrap().unwrap();
    let mut request = CreateKeyRequest::with_name(Kind::Key(KeyKind::Internal), name);
    request.expiry = RequestedExpiry::Days(30);
    request.scopes = Some(Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect());
    let created = keys::create(&server.state, &accounts::console_actor(&creator), request).await.unwrap();
    (created.key.id.to_string(), created.secret.reveal().to_owned())
}

async fn update_key(fixtures: &Fixtures, id: &str, action: &str) {
    let result = fixtures.call_as_owner("keys/bulk", json!({ "action": action, "ids": [id] })).await;
    assert_eq!(result["done"], 1, "{action} {id}: {result}");
}

/// Moves the end of a key's validity into the past.
async fn expire(server: &TestServer, id: &str) {
    let digest: Vec<u8> = sqlx::query_scalar("select digest from api_keys where id = $1").bind(id).fetch_one(&server.database().await).await.unwrap();
    let mut tx = server.state.store.begin().await.unwrap();
    let sql = "update api_keys set expires_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now().0 - 1000).bind(id).execute(&mut tx).await.unwrap();
    tx.touch(VerdictChange::Key(digest));
    tx.commit().await.unwrap();
}

async fn refusals(database: &AnyPool, id: &str) -> i64 {
    let sql = "select count(*) from audit_events where action = 'request.refused' and object_id = $1";
    audit_chained(database).await;
    sqlx::query_scalar(sql).bind(id).fetch_one(database).await.unwrap()
}

/// Sends the head of a request that waits for `100 Continue` before it sends its body, of this length.
async fn send_head(server: &TestServer, method: &Method, path: &str, credential: &str, length: usize) -> TcpStream {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\norigin: {}\r\n{credential}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        server.url
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// A request that passed the first check of its caller, and whose body lacks its last byte.
struct Parked {
    stream: TcpStream,
    last: u8,
}

impl Parked {
    /// Sends the request without the last byte of its body.
    async fn send(server: &TestServer, method: &Method, path: &str, credential: &str, body: &str) -> Self {
        let mut stream = send_head(server, method, path, credential, body.len()).await;
        // The server sends it when it starts to read the body: after the first check.
        let mut interim = Vec::new();
        while !interim.ends_with(b"\r\n\r\n") {
            interim.push(stream.read_u8().await.unwrap());
        }
        assert!(interim.starts_with(b"HTTP/1.1 100 "), "{method} {path}: {}", String::from_utf8_lossy(&interim));
        let (last, rest) = body.as_bytes().split_last().unwrap();
        stream.write_all(rest).await.unwrap();
        Self { stream, last: *last }
    }

    /// Sends the last byte. Returns the status and the response.
    async fn finish(mut self) -> (u16, String) {
        self.stream.write_all(&[self.last]).await.unwrap();
        let mut response = Vec::new();
        self.stream.read_to_end(&mut response).await.unwrap();
        let response = String::from_utf8_lossy(&response).into_owned();
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no response: {response}")), response)
    }
}

/// Tables that other requests and background tasks write, or that record the refusal itself.
fn is_unrelated(table: &str) -> bool {
    table.starts_with("usage") || table.starts_with("audit") || ["instances", "list_clock", "sessions", "verdict_changes"].contains(&table)
}

/// The rows of every table that a refused request must not change, without the columns that count uses.
async fn content(database: &AnyPool) -> BTreeMap<String, String> {
    let sql = if is_on_postgresql() {
        "select cast(tablename as text) from pg_tables where schemaname = 'public' and substr(tablename, 1, 1) <> '_'"
    } else {
        "select name from sqlite_master where type = 'table' and substr(name, 1, 6) <> 'sqlite' and substr(name, 1, 1) <> '_'"
    };
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(database).await.unwrap();
    let mut content = BTreeMap::new();
    for table in tables.into_iter().filter(|table| !is_unrelated(table)) {
        let sql = format!("select {} from {table} order by 1", row_text(database, &table).await);
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(database).await.unwrap();
        content.insert(table, rows.join("\n"));
    }
    content
}

/// The SQL expression for a row as text, without the columns that count uses.
async fn row_text(database: &AnyPool, table: &str) -> String {
    if is_on_postgresql() {
        return format!(
            "cast(to_jsonb({table}) - array['last_used_at', 'last_seen_at', 'uses', 'sorted_use_at', 'earlier_use_at', 'use_moved_in', 'earlier_use_moved_in'] as text)"
        );
    }
    let sql = "select group_concat('quote(\"' || name || '\")', ' || '','' || ') from pragma_table_info($1) \
         where name not in ('last_used_at', 'last_seen_at', 'uses') and name not like '%use_at' and name not like '%use_moved_in'";
    sqlx::query_scalar(sql).bind(table).fetch_one(database).await.unwrap()
}

/// Parks a request of each case, revokes, sends the last bytes, and writes what is wrong to `failures`.
async fn check(fixtures: &Fixtures, database: &AnyPool, cases: &[(Route, Revocation)], failures: &mut String) {
    let mut parked = vec![];
    for (route, revocation) in cases {
        let caller = Caller::create(fixtures, database, !route.uses_session()).await;
        let example = examples::of(route).unwrap();
        let id = fixtures.create_object(example.object, &caller.user).await;
        let arguments = (example.arguments)(fixtures, &id);
        let body = if arguments.is_null() { "{}".to_owned() } else { arguments.to_string() };
        let path = examples::path_of(route, &id);
        let credential = caller.credential(fixtures).await;
        parked.push((route, *revocation, caller, path, credential, body));
    }
    // A body must arrive within ten seconds, so nothing slow is done between its first byte and its last.
    let mut requests = vec![];
    for (route, _, _, path, credential, body) in &parked {
        requests.push(Parked::send(&fixtures.server, &route.method, path, credential, body).await);
    }
    for (_, revocation, caller, ..) in &parked {
        caller.revoke(fixtures, *revocation).await;
    }
    let before = content(database).await;
    for ((route, revocation, caller, ..), request) in parked.iter().zip(requests) {
        let (status, response) = request.finish().await;
        let refusals = caller.refusals(database).await;
        if !matches!(status, 401 | 403) || refusals != 1 {
            writeln!(failures, "{} {}, {revocation:?}: {refusals} audited refusals, {response}", route.method, route.path).unwrap();
        }
    }
    for (table, rows) in content(database).await {
        if before[&table] != rows {
            let routes: Vec<_> = cases.iter().map(|(route, _)| &route.path).collect();
            writeln!(failures, "{table} was changed by one of {routes:?}").unwrap();
        }
    }
}

#[tokio::test]
async fn a_request_whose_body_arrives_after_a_revocation_changes_nothing_and_is_audited() {
    let fixtures = Fixtures::create().await;
    let database = fixtures.server.database().await;
    let mut failures = String::new();
    // A password change takes long, and the bodies of a batch must arrive within ten seconds.
    let (password_changes, others): (Vec<_>, Vec<_>) = cases().into_iter().partition(|(_, revocation)| *revocation == Revocation::PasswordChanged);
    for batch in password_changes.chunks(2).chain(others.chunks(10)) {
        check(&fixtures, &database, batch, &mut failures).await;
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[tokio::test]
async fn a_verify_request_whose_body_arrives_after_its_key_was_deleted_is_refused() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for (path, body) in [
        ("/api/v1/verify", json!({ "key": "lka_unknown" })),
        ("/api/v1/verify-batch", json!({ "keys": [{ "key": "lka_unknown" }] })),
        ("/v2/keys.verifyKey", json!({ "key": "lka_unknown" })),
    ] {
        let (id, secret) = create_key(&server, "owner@acme.test", path.to_owned()).await;
        let credential = format!("authorization: Bearer {secret}");
        let request = Parked::send(&server, &Method::POST, path, &credential, &body.to_string()).await;
        let untouched = Parked::send(&server, &Method::POST, path, &credential, &body.to_string()).await;
        assert_eq!(untouched.finish().await.0, 200, "{path}");
        assert_eq!(owner.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await.1["done"], 1);
        let (status, response) = request.finish().await;
        assert_eq!(status, 401, "{path}: {response}");
    }
}

#[tokio::test]
async fn a_refusal_inside_the_transaction_is_audited() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (id, secret) = create_key(&server, "owner@acme.test", "a".to_owned()).await;
    let actor = Actor::of_key(&server.state.verifier.find(&secret).await.unwrap().unwrap(), None);
    let database = server.database().await;
    let unprivileged = Actor { permissions: Permissions::default(), ..actor.clone() };
    assert!(server.state.begin(&unprivileged, &[Permission::ManageCorpora]).await.is_err());
    assert_eq!(refusals(&database, &id).await, 0, "the actor never had the permission");
    assert_eq!(owner.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await.1["done"], 1);
    assert_eq!(server.state.begin(&actor, &[]).await.map(|_| ()).unwrap_err(), Error::InvalidApiKey);
    assert_eq!(refusals(&database, &id).await, 1);
    let detail: String = sqlx::query_scalar("select detail from audit_events where action = 'request.refused'").fetch_one(&database).await.unwrap();
    assert_eq!(detail, r#"{"reason":"invalid_api_key"}"#);
}

#[tokio::test]
async fn the_response_to_a_body_that_is_a_little_too_large_is_not_lost() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let large = vec![b' '; 200 * 1024];
    for _ in 0..20 {
        for path in ["/verify", "/keys"] {
            let response = api.request(Method::POST, path).body(large.clone()).send().await;
            assert_eq!(response.unwrap().status(), 413, "{path}");
        }
        let function = owner.function("corpora/create", &json!({ "name": "a".repeat(200 * 1024) }));
        assert_eq!(function.send().await.unwrap().status(), 413);
    }
    // More is read only in part, so that the response may be lost.
    assert_eq!(send_large(api.request(Method::POST, "/keys").body(vec![b' '; 2 * 1024 * 1024])).await.status(), 413);
}

#[tokio::test]
async fn a_client_is_not_asked_for_a_body_that_is_too_large() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let key = format!("authorization: Bearer {}", server.api("owner@acme.test", "").key);
    let session = format!("cookie: {}", owner.cookie.unwrap());
    for (path, credential) in [("/api/v1/verify", &key), ("/api/v1/keys", &key), ("/fn/corpora/create", &session)] {
        let mut stream = send_head(&server, &Method::POST, path, credential, 200 * 1024).await;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        // Without `100 Continue` before it.
        assert!(response.starts_with(b"HTTP/1.1 413 "), "{path}: {}", String::from_utf8_lossy(&response));
    }
}
