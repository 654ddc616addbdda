//! Project keys: their one reveal, what verify says of them, and what they open.

mod counts;
mod forged;
mod libraries;
mod opened;
mod revoked;
mod signing;

use latchkey_store::changes;
use latchkey_types::{
    id::{KeyId, TemplateId},
    time::Timestamp,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Api, Page, TestServer,
    projects::{issued, project, revealed, template},
    text,
};

/// A project whose owner has a viewer's key by a template, at 2,500 millionths a request.
struct Desk {
    server: TestServer,
    owner: Page,
    api: Api,
    project: String,
    template: TemplateId,
    key: KeyId,
    token: String,
}

impl Desk {
    async fn open() -> Self {
        Self::on(TestServer::start().await).await
    }

    async fn on(server: TestServer) -> Self {
        let owner = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let project = project(&owner, "Genomes").await;
        let template = template(&server, &project, "reader", "viewer", 2500).await;
        let key = issued(&server, template, "owner@acme.test", None).await;
        let token = revealed(&owner, key).await;
        Self { server, owner, api, project, template, key, token }
    }

    /// Another key by the same template. Answers its id and its token.
    async fn another(&self) -> (KeyId, String) {
        let key = issued(&self.server, self.template, "owner@acme.test", None).await;
        (key, revealed(&self.owner, key).await)
    }

    /// Status and code of what the API answers to this token.
    async fn get_with(&self, token: &str, path: &str) -> (u16, Value) {
        let (status, answer) = self.api.with_key(token).get(&format!("/projects/{}{path}", self.project)).await;
        (status.as_u16(), answer["code"].clone())
    }

    /// Changes something as a rule would: with a word for every process.
    async fn change(&self, sql: &'static str, id: impl ToString) {
        let id = id.to_string();
        let change = self.server.state.store.write(move |tx| {
            Box::pin(async move {
                sqlx::query(sql).bind(id).execute(&mut *tx).await.map_err(latchkey_store::Error::from)?;
                changes::note(tx, None).await?;
                Ok(())
            })
        });
        change.await.unwrap();
        self.server.state.verifier.forget(None);
    }
}

#[tokio::test]
async fn a_key_is_revealed_to_its_holder_alone_and_once() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    let foreign = server.user("owner", "globex").await;
    let project = project(&owner, "Genomes").await;
    let template = template(&server, &project, "reader", "viewer", 0).await;
    let key = issued(&server, template, "member@acme.test", None).await;
    let reveal = async |page: &Page| page.call("issued/reveal", json!({ "id": key })).await;
    for other in [&owner, &foreign] {
        assert_eq!(reveal(other).await.0, StatusCode::NOT_FOUND, "neither its approver nor a foreigner");
    }
    assert_eq!(reveal(&server.visitor()).await.0, StatusCode::UNAUTHORIZED);
    let response = member.function("issued/reveal", &json!({ "id": key })).send().await.unwrap();
    assert_eq!((response.status(), response.headers()["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"));
    let token = text(&response.json().await.unwrap());
    let (status, again) = reveal(&member).await;
    let today = &Timestamp::now().rfc3339()[..10];
    assert_eq!((status, &again["field"]), (StatusCode::CONFLICT, &json!("id")));
    assert!(text(&again["message"]).contains(today), "it says when: {again}");
    assert_eq!(reveal(&owner).await.0, StatusCode::NOT_FOUND, "and nothing to others");

    let database = server.database().await;
    let (revealed_at, signed_with): (i64, String) = sqlx::query_as("select revealed_at, signed_with from issued_keys where key_id = $1")
        .bind(key.to_string())
        .fetch_one(&database)
        .await
        .unwrap();
    assert!(Timestamp::now().0 - revealed_at < 10_000);
    let said: (String, String) = sqlx::query_as("select actor_name, detail from audit_events where action = 'key.revealed' and object_id = $1")
        .bind(key.to_string())
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(said.0, "member of acme");
    assert!(said.1.contains(&project) && said.1.contains(&signed_with) && !said.1.contains(&token), "{said:?}");
    for file in ["latchkey.db", "latchkey.db-wal"] {
        let stored = std::fs::read(server.data.path().join(file)).unwrap_or_default();
        let signature = token.rsplit('.').next().unwrap().as_bytes();
        assert!(!stored.windows(signature.len()).any(|bytes| bytes == signature), "nothing of the token is in {file}");
    }
}

#[tokio::test]
async fn of_many_reveals_at_once_one_has_the_token() {
    let desk = Desk::open().await;
    let key = issued(&desk.server, desk.template, "owner@acme.test", None).await;
    let calls = (0..12).map(|_| {
        let owner = desk.owner.clone();
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
    assert_eq!(desk.api.verify(&tokens[0]).await, "VALID");
}

#[tokio::test]
async fn a_key_that_has_ended_is_not_revealed() {
    let desk = Desk::open().await;
    for (sql, status) in [
        ("update api_keys set revoked_at = 1 where id = $1", StatusCode::CONFLICT),
        ("update api_keys set expires_at = 1000 where id = $1", StatusCode::CONFLICT),
        ("update api_keys set deleted_at = 1 where id = $1", StatusCode::NOT_FOUND),
    ] {
        let key = issued(&desk.server, desk.template, "owner@acme.test", None).await;
        desk.change(sql, key).await;
        assert_eq!(desk.owner.call("issued/reveal", json!({ "id": key })).await.0, status, "{sql}");
    }
    let key = issued(&desk.server, desk.template, "owner@acme.test", None).await;
    desk.change("update projects set deleted_at = 1 where id = $1", &desk.project).await;
    assert_eq!(desk.owner.call("issued/reveal", json!({ "id": key })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(desk.api.verify(&desk.token).await, "NOT_FOUND", "a project that is gone has no keys");
}

#[tokio::test]
async fn verify_tells_of_a_project_key_what_its_role_permits_now() {
    let desk = Desk::open().await;
    let ask = async |more: Value| {
        let mut call = more;
        call["key"] = json!(desk.token);
        desk.api.post("/verify", call).await.1
    };
    let verdict = ask(json!({})).await;
    assert_eq!(
        (&verdict["code"], &verdict["key_id"], &verdict["kind"], &verdict["name"]),
        (&json!("VALID"), &json!(desk.key), &json!("project"), &json!("reader"))
    );
    assert_eq!(
        (&verdict["project_id"], &verdict["role"], &verdict["scopes"], &verdict["expires_at"]),
        (&json!(desk.project), &json!("viewer"), &json!(["view_project"]), &Value::Null)
    );
    let other = project(&desk.owner, "Another").await;
    for (asked, code) in [
        (json!({ "project": desk.project, "scope": "view_project" }), "VALID"),
        (json!({ "project": other }), "FORBIDDEN"),
        (json!({ "scope": "manage_projects" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "scope": "view_keys" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "corpus": 1 }), "INSUFFICIENT_PERMISSIONS"),
    ] {
        assert_eq!(ask(asked.clone()).await["code"], code, "{asked}");
    }
    // Another organization's callers are told nothing.
    desk.server.user("owner", "globex").await;
    let theirs = desk.server.api("owner@globex.test", "");
    assert_eq!(theirs.verify(&desk.token).await, "NOT_FOUND");

    // What the role permits counts as it is changed, and a role that is gone permits nothing.
    let (_, made) = desk.owner.call("roles/create", json!({ "name": "reader", "permissions": ["view_keys", "view_project"] })).await;
    let role = text(&made["id"]);
    let template = template(&desk.server, &desk.project, "custom", "reader", 0).await;
    let key = issued(&desk.server, template, "owner@acme.test", None).await;
    let token = revealed(&desk.owner, key).await;
    assert_eq!(desk.get_with(&token, "").await.0, 200);
    desk.owner.call("roles/edit", json!({ "id": role, "name": "bystander", "permissions": ["view_keys"] })).await;
    let (_, verdict) = desk.api.post("/verify", json!({ "key": token })).await;
    assert_eq!((&verdict["code"], &verdict["role"], &verdict["scopes"]), (&json!("VALID"), &json!("bystander"), &json!([])));
    assert_eq!(desk.get_with(&token, "").await, (403, json!("insufficient_permissions")));
    desk.change("delete from roles where id = $1", &role).await;
    let (_, verdict) = desk.api.post("/verify", json!({ "key": token, "scope": "view_project" })).await;
    assert_eq!((&verdict["code"], &verdict["role"]), (&json!("INSUFFICIENT_PERMISSIONS"), &Value::Null));
    assert_eq!(desk.get_with(&token, "/nodes").await, (403, json!("insufficient_permissions")));
}
