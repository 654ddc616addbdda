//! Project keys: reveal, verdicts and access.

mod access;
mod forged;
mod libraries;
mod revoked;
mod signing;
mod usage;

use latchkey_store::verdict_changes::VerdictChange;
use latchkey_types::{
    id::{KeyId, TemplateId},
    time::Timestamp,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    ApiClient, BrowserClient, TestServer,
    projects::{create_project, insert_issued_key, insert_template, reveal_token},
    text,
};

/// A project with a template with the role viewer and a price of 2,500 millionths per call, and a revealed key of the owner.
struct Fixture {
    server: TestServer,
    owner: BrowserClient,
    api: ApiClient,
    project: String,
    template: TemplateId,
    key: KeyId,
    token: String,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(TestServer::start().await).await
    }

    async fn with(server: TestServer) -> Self {
        let owner = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let project = create_project(&owner, "Genomes").await;
        let template = insert_template(&server, &project, "reader", "viewer", 2500).await;
        let key = insert_issued_key(&server, template, "owner@acme.test", None).await;
        let token = reveal_token(&owner, key).await;
        Self { server, owner, api, project, template, key, token }
    }

    /// Issues another key from the same template. Returns its id and its token.
    async fn issue_key(&self) -> (KeyId, String) {
        let key = insert_issued_key(&self.server, self.template, "owner@acme.test", None).await;
        (key, reveal_token(&self.owner, key).await)
    }

    /// Status and `code` of the API's response to this token.
    async fn get_with(&self, token: &str, path: &str) -> (u16, Value) {
        let (status, response) = self.api.with_key(token).get(&format!("/projects/{}{path}", self.project)).await;
        (status.as_u16(), response["code"].clone())
    }

    /// Changes the database as the rules do, so that every process reloads its caches.
    async fn change(&self, sql: &'static str, id: impl ToString) {
        let mut tx = self.server.state.store.begin().await.unwrap();
        sqlx::query(sql).bind(id.to_string()).execute(&mut tx).await.unwrap();
        tx.touch(VerdictChange::SigningKeys);
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn key_is_revealed_only_to_its_holder_and_only_once() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    let other_organization = server.user("owner", "globex").await;
    let project = create_project(&owner, "Genomes").await;
    let template = insert_template(&server, &project, "reader", "viewer", 0).await;
    let key = insert_issued_key(&server, template, "member@acme.test", None).await;
    let reveal = async |page: &BrowserClient| page.call("issued/reveal", json!({ "id": key })).await;
    for other in [&owner, &other_organization] {
        assert_eq!(reveal(other).await.0, StatusCode::NOT_FOUND, "neither its approver nor another organization");
    }
    assert_eq!(reveal(&server.visitor()).await.0, StatusCode::UNAUTHORIZED);
    let response = member.function("issued/reveal", &json!({ "id": key })).send().await.unwrap();
    assert_eq!((response.status(), response.headers()["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"));
    let token = text(&response.json().await.unwrap());
    let (status, error) = reveal(&member).await;
    let today = &Timestamp::now().rfc3339()[..10];
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("id")));
    assert!(text(&error["message"]).contains(today), "the message has the date: {error}");
    assert_eq!(reveal(&owner).await.0, StatusCode::NOT_FOUND, "others get no details");

    let database = server.database().await;
    let (revealed_at, signing_kid): (i64, String) = sqlx::query_as("select revealed_at, signing_kid from issued_keys where key_id = $1")
        .bind(key.to_string())
        .fetch_one(&database)
        .await
        .unwrap();
    assert!(Timestamp::now().0 - revealed_at < 10_000);
    let event: (String, String) = sqlx::query_as("select actor_name, detail from audit_events where action = 'key.revealed' and object_id = $1")
        .bind(key.to_string())
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(event.0, "member of acme");
    assert!(event.1.contains(&project) && event.1.contains(&signing_kid) && !event.1.contains(&token), "{event:?}");
    for file in ["latchkey.db", "latchkey.db-wal"] {
        let stored = std::fs::read(server.data.path().join(file)).unwrap_or_default();
        let signature = token.rsplit('.').next().unwrap().as_bytes();
        assert!(!stored.windows(signature.len()).any(|bytes| bytes == signature), "the signature is in {file}");
    }
}

#[tokio::test]
async fn one_of_many_concurrent_reveals_succeeds() {
    let fixture = Fixture::start().await;
    let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await;
    let calls = (0..12).map(|_| {
        let owner = fixture.owner.clone();
        tokio::spawn(async move { owner.call("issued/reveal", json!({ "id": key })).await })
    });
    let mut tokens = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            (StatusCode::OK, token) => tokens.push(text(&token)),
            (status, _) => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert_eq!(tokens.len(), 1);
    assert_eq!(fixture.api.verify(&tokens[0]).await, "VALID");
}

#[tokio::test]
async fn revoked_expired_or_deleted_key_is_not_revealed() {
    let fixture = Fixture::start().await;
    for (sql, status) in [
        ("update api_keys set revoked_at = 1 where id = $1", StatusCode::CONFLICT),
        ("update api_keys set expires_at = 1000 where id = $1", StatusCode::CONFLICT),
        ("update api_keys set deleted_at = 1 where id = $1", StatusCode::NOT_FOUND),
    ] {
        let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await;
        fixture.change(sql, key).await;
        assert_eq!(fixture.owner.call("issued/reveal", json!({ "id": key })).await.0, status, "{sql}");
    }
    let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await;
    fixture.change("update projects set deleted_at = 1 where id = $1", &fixture.project).await;
    assert_eq!(fixture.owner.call("issued/reveal", json!({ "id": key })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.api.verify(&fixture.token).await, "NOT_FOUND", "keys of deleted projects are invalid");
}

#[tokio::test]
async fn verdict_has_the_current_permissions_of_the_role() {
    let fixture = Fixture::start().await;
    let verify = async |fields: Value| {
        let mut body = fields;
        body["key"] = json!(fixture.token);
        fixture.api.post("/verify", body).await.1
    };
    let verdict = verify(json!({})).await;
    assert_eq!(
        (&verdict["code"], &verdict["key_id"], &verdict["kind"], &verdict["name"]),
        (&json!("VALID"), &json!(fixture.key), &json!("project"), &json!("reader"))
    );
    assert_eq!(
        (&verdict["project_id"], &verdict["role"], &verdict["scopes"], &verdict["expires_at"]),
        (&json!(fixture.project), &json!("viewer"), &json!(["view_project"]), &Value::Null)
    );
    let other = create_project(&fixture.owner, "Another").await;
    for (fields, code) in [
        (json!({ "project": fixture.project, "scope": "view_project" }), "VALID"),
        (json!({ "project": other }), "FORBIDDEN"),
        (json!({ "scope": "manage_projects" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "scope": "view_keys" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "corpus": 1 }), "INSUFFICIENT_PERMISSIONS"),
    ] {
        assert_eq!(verify(fields.clone()).await["code"], code, "{fields}");
    }
    // Other organizations get NOT_FOUND.
    fixture.server.user("owner", "globex").await;
    let other_api = fixture.server.api("owner@globex.test", "");
    assert_eq!(other_api.verify(&fixture.token).await, "NOT_FOUND");

    // Changes of the role take effect immediately; a deleted role has no permissions.
    let (_, created) = fixture.owner.call("roles/create", json!({ "name": "reader", "permissions": ["view_keys", "view_project"] })).await;
    let role = text(&created["id"]);
    let template = insert_template(&fixture.server, &fixture.project, "custom", "reader", 0).await;
    let key = insert_issued_key(&fixture.server, template, "owner@acme.test", None).await;
    let token = reveal_token(&fixture.owner, key).await;
    assert_eq!(fixture.get_with(&token, "").await.0, 200);
    fixture.owner.call("roles/edit", json!({ "id": role, "name": "bystander", "permissions": ["view_keys"] })).await;
    let (_, verdict) = fixture.api.post("/verify", json!({ "key": token })).await;
    assert_eq!((&verdict["code"], &verdict["role"], &verdict["scopes"]), (&json!("VALID"), &json!("bystander"), &json!([])));
    assert_eq!(fixture.get_with(&token, "").await, (403, json!("insufficient_permissions")));
    fixture.change("delete from roles where id = $1", &role).await;
    let (_, verdict) = fixture.api.post("/verify", json!({ "key": token, "scope": "view_project" })).await;
    assert_eq!((&verdict["code"], &verdict["role"]), (&json!("INSUFFICIENT_PERMISSIONS"), &Value::Null));
    assert_eq!(fixture.get_with(&token, "/nodes").await, (403, json!("insufficient_permissions")));
}
