//! The frame of changes: the actor is checked again in the transaction, and the commit invalidates the cached keys that it affects, no others.

use axum::http::{HeaderMap, header};
use latchkey_core::{actor::Actor, auth::session};
use latchkey_types::{
    error::Error,
    permission::{Permission, Permissions},
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{ApiClient, BrowserClient, TestServer, projects::create_project, text};

/// The actor of a browser's session.
async fn session_actor(server: &TestServer, client: &BrowserClient) -> Actor {
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, client.cookie.as_ref().unwrap().parse().unwrap());
    session::find(&server.state, &headers).await.unwrap().unwrap().actor(None)
}

/// The actor of an internal key.
async fn key_actor(server: &TestServer, secret: &str) -> Actor {
    Actor::of_key(&server.state.verifier.find(secret).await.unwrap().unwrap(), None)
}

async fn begin(server: &TestServer, actor: &Actor) -> Result<Actor, Error> {
    server.state.begin(actor, &[Permission::ManageCorpora]).await.map(|change| change.actor)
}

#[tokio::test]
async fn a_session_is_checked_again_when_a_change_begins() {
    let server = TestServer::start().await;
    let client = server.user("owner", "acme").await;
    let actor = session_actor(&server, &client).await;
    assert_eq!(begin(&server, &actor).await.unwrap().permissions, Permissions::of(Permission::ALL));
    let unprivileged = Actor { permissions: Permissions::default(), ..actor.clone() };
    assert_eq!(begin(&server, &unprivileged).await.unwrap_err(), Error::forbidden(Permission::ManageCorpora));

    let database = server.database().await;
    sqlx::query("update roles set permissions = 'view_keys'").execute(&database).await.unwrap();
    assert_eq!(begin(&server, &actor).await.unwrap_err(), Error::forbidden(Permission::ManageCorpora), "the role was narrowed");
    sqlx::query("update roles set permissions = 'manage_corpora'").execute(&database).await.unwrap();
    assert_eq!(begin(&server, &actor).await.unwrap().permissions, Permissions::of(&[Permission::ManageCorpora]));
    assert_eq!(client.call("account/sign-out", json!({})).await.0, StatusCode::OK);
    assert_eq!(begin(&server, &actor).await.unwrap_err(), Error::SignedOut);
}

#[tokio::test]
async fn a_key_is_checked_again_when_a_change_begins() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let request = json!({ "kind": "internal", "name": "a", "duration_days": 1, "scopes": ["keys:write"] });
    for (method, suffix) in [(Method::POST, "/disable"), (Method::POST, "/rotate"), (Method::DELETE, "")] {
        let created = api.post("/keys", request.clone()).await.1;
        let (id, secret) = (text(&created["key"]["id"]), text(&created["secret"]));
        let actor = key_actor(&server, &secret).await;
        assert!(begin(&server, &actor).await.is_ok_and(|actor| actor.scopes.is_some()));
        let body = (suffix == "/rotate").then(|| json!({ "grace_seconds": 0 }));
        assert!(api.call(method, &format!("/keys/{id}{suffix}"), body).await.0.is_success());
        assert_eq!(begin(&server, &actor).await.unwrap_err(), Error::InvalidApiKey, "{suffix}");
    }
}

/// Number of keys read from the store while this caller verifies a key.
async fn reads_of(server: &TestServer, api: &ApiClient, secret: &str) -> u64 {
    let before = server.state.verifier.store_reads().get();
    assert_eq!(api.verify(secret).await, "VALID");
    server.state.verifier.store_reads().get() - before
}

#[tokio::test]
async fn changes_invalidate_only_the_keys_that_depend_on_them() {
    let server = TestServer::start().await;
    let (acme, globex) = (server.user("owner", "acme").await, server.user("owner", "globex").await);
    let (acme_api, globex_api) = (server.api("owner@acme.test", ""), server.api("owner@globex.test", ""));
    let ((_, own), (_, foreign)) = (acme.agent_key("a").await, globex.agent_key("a").await);
    let corpus = acme_api.post("/corpora", json!({ "name": "docs" })).await.1["id"].clone();
    let corpus_key = json!({ "kind": "corpus", "name": "search", "scopes": ["query"], "corpora": [corpus] });
    let of_corpus = text(&acme_api.post("/keys", corpus_key).await.1["secret"]);
    server.changes_applied().await;
    for (api, secret) in [(&acme_api, &own), (&acme_api, &of_corpus), (&globex_api, &foreign)] {
        reads_of(&server, api, secret).await;
        assert_eq!(reads_of(&server, api, secret).await, 0, "it is cached");
    }

    let id = create_project(&acme, "Apollo").await;
    server.changes_applied().await;
    assert_eq!(reads_of(&server, &acme_api, &own).await, 0, "a new project affects no key");
    assert_eq!(acme.call("projects/delete", json!({ "id": id })).await.0, StatusCode::OK);
    server.changes_applied().await;
    assert_eq!(reads_of(&server, &acme_api, &own).await, 0, "it is no key of the project");

    assert_eq!(acme_api.call(Method::DELETE, &format!("/corpora/{corpus}"), None).await.0, StatusCode::NO_CONTENT);
    server.changes_applied().await;
    assert_eq!(reads_of(&server, &acme_api, &own).await, 0, "it has no corpora");
    assert_eq!(reads_of(&server, &acme_api, &of_corpus).await, 1);

    let member = server.user("member", "acme").await;
    let (_, of_member) = member.agent_key("b").await;
    let role = acme.call("roles/create", json!({ "name": "builder", "permissions": ["manage_api_keys", "view_keys"] })).await.1["id"].clone();
    let users = acme.call("members/list", json!({})).await.1["members"].clone();
    let user = users.as_array().unwrap().iter().find(|user| user["email"] == "member@acme.test").unwrap()["id"].clone();
    server.changes_applied().await;
    assert_eq!(acme_api.verify(&of_member).await, "VALID");
    for (function, arguments) in [
        ("members/set-role", json!({ "id": user, "role": role })),
        ("roles/edit", json!({ "id": role, "name": "builder", "permissions": ["manage_api_keys"] })),
    ] {
        let (status, response) = acme.call(function, arguments).await;
        assert_eq!(status, StatusCode::OK, "{function}: {response}");
        server.changes_applied().await;
        assert_eq!(reads_of(&server, &acme_api, &of_member).await, 1, "{function} changes its creator's permissions");
        assert_eq!(reads_of(&server, &acme_api, &own).await, 0, "{function}: it has another creator with another role");
        assert_eq!(reads_of(&server, &globex_api, &foreign).await, 0, "{function}: it belongs to another organization");
    }
}
