//! `latchkey services` against a running server.

use serde_json::{Value, json};

use super::Cli;
use crate::support::{ApiClient, TestServer, services::MockService, text};

async fn start() -> (TestServer, ApiClient, Cli) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let cli = Cli { url: server.url.clone(), key: api.key.clone() };
    (server, api, cli)
}

#[tokio::test]
async fn service_is_created_shown_changed_and_deleted() {
    let (_server, api, cli) = start().await;
    let (_, created) = api.post("/credentials", json!({ "kind": "general", "name": "a", "value": "sk-0123456789" })).await;
    let credential = text(&created["credential"]["id"]);
    let arguments = [
        "services",
        "create",
        "--name",
        "search",
        "--base-url",
        "https://search.example.com/v2",
        "--inject",
        "header=X-Token",
        "--credential",
        &credential,
        "--allow",
        "GET /v1/**",
        "--allow",
        "* /health",
        "--caller",
        "agent",
        "--caller",
        "client=search:read",
        "--timeout",
        "30",
        "--body-max",
        "65536",
        "--json",
    ];
    let created = cli.run(&arguments).await.json();
    let id = text(&created["id"]);
    let expected = json!({
        "id": id, "name": "search", "base_url": "https://search.example.com/v2", "injection": { "type": "header", "name": "X-Token" },
        "credential": credential, "unlinked": null, "allow": [{ "method": "GET", "path": "/v1/**" }, { "method": "*", "path": "/health" }],
        "callers": [{ "kind": "agent", "scope": null }, { "kind": "client", "scope": "search:read" }], "timeout_seconds": 30,
        "body_max": 65_536, "created_at": created["created_at"],
    });
    assert_eq!(created, expected);
    assert_eq!(cli.run(&["services", "get", &id, "--json"]).await.json(), api.get(&format!("/services/{id}")).await.1, "the API's own JSON");
    let shown = cli.run(&["services", "get", &id]).await.out;
    for text in ["search", "/gateway/search/", "header=X-Token", &credential, "GET /v1/**, * /health", "agent, client=search:read", "30 s"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert_eq!(cli.run(&["services", "list", "--json"]).await.json(), api.get("/services").await.1);
    let table = cli.run(&["services", "list"]).await.out;
    assert!(table.starts_with("ID") && table.contains(&id) && table.lines().count() == 2, "{table}");

    let moved = cli.run(&["services", "edit", &id, "--base-url", "https://other.example.com"]).await;
    assert!(moved.exit == 0 && moved.out.contains("because the base URL changed"), "{} {}", moved.out, moved.err);
    let arguments = ["services", "edit", &id, "--name", "find", "--inject", "bearer", "--clear", "allow", "--clear", "callers", "--json"];
    let edited = cli.run(&arguments).await.json();
    assert_eq!((&edited["name"], &edited["allow"], &edited["callers"]), (&json!("find"), &json!([]), &json!([])));
    assert_eq!((&edited["injection"], &edited["timeout_seconds"]), (&json!({ "type": "bearer" }), &json!(30)));
    assert_eq!(cli.run(&["services", "edit", &id, "--credential", &credential, "--json"]).await.json()["credential"], credential);
    assert_eq!(cli.run(&["services", "edit", &id, "--clear", "credential", "--json"]).await.json()["credential"], Value::Null);

    let unconfirmed = cli.run(&["services", "delete", &id]).await;
    assert!(unconfirmed.exit == 2 && unconfirmed.err.contains("--yes"), "{}", unconfirmed.err);
    assert_eq!(cli.run(&["services", "delete", "--yes", &id]).await.out, format!("Deleted {id}.\n"));
    let unknown = cli.run(&["services", "get", &id]).await;
    assert!(unknown.exit == 3 && unknown.err.contains("not_found"), "{}", unknown.err);
}

#[tokio::test]
async fn invalid_usage_is_reported_before_any_request() {
    let mock = MockService::start().await;
    let cli = Cli { url: mock.url.clone(), key: "lki_key".to_owned() };
    let (id, secret) = ("svc_00000000000000000000000000000000", "sk-pasted-by-mistake");
    for arguments in [
        &["services", "get", secret][..],
        &["services", "delete", "--yes", secret],
        &["services", "edit", id],
        &["services", "edit", id, "--credential", secret],
        &["services", "edit", id, "--allow", "GET /", "--clear", "allow"],
        &["services", "create", "--name", "a"],
        &["services", "create", "--name", "a", "--base-url", "https://a", "--inject", "cookie"],
        &["services", "create", "--name", "a", "--base-url", "https://a", "--caller", "everybody"],
        &["services", "create", "--name", "a", "--base-url", "https://a", "--allow", "/v1"],
    ] {
        let rejected = cli.run(arguments).await;
        assert!(rejected.exit == 2 && rejected.out.is_empty(), "{arguments:?}: {} {}", rejected.exit, rejected.out);
        assert!(!rejected.err.contains(secret), "{arguments:?}: {}", rejected.err);
    }
    assert_eq!(mock.request_count(), 0);
}
