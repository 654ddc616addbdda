//! `/api/v1/keys`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestServer, text, unix_ms};

#[tokio::test]
async fn key_is_created_read_renamed_and_deleted() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");

    let response = api.request(Method::POST, "/keys").json(&json!({ "kind": "agent", "name": " Nightly " })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = response.json().await.unwrap();
    let (key, secret) = (&created["key"], text(&created["secret"]));
    assert_eq!((&key["name"], &key["kind"], &key["status"]), (&json!("Nightly"), &json!("agent"), &json!("active")));
    assert_eq!(text(&key["mask"]), format!("{}…{}", &secret[..4], &secret[secret.len() - 4..]));
    let days = |from: &Value, to: &Value| (unix_ms(to) - unix_ms(from)) / 86_400_000;
    assert_eq!(days(&key["created_at"], &key["expires_at"]), 90);
    let path = format!("/keys/{}", text(&key["id"]));
    assert_eq!(location, format!("/api/v1{path}"));

    assert_eq!(api.get(&path).await, (StatusCode::OK, key.clone()));
    let (status, renamed) = api.call(Method::PATCH, &path, Some(json!({ "name": "Weekly" }))).await;
    assert_eq!((status, &renamed["name"]), (StatusCode::OK, &json!("Weekly")));
    assert_eq!(api.verify(&secret).await, "VALID");
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.verify(&secret).await, "NOT_FOUND");
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(api.call(method, &path, None).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn invalid_field_is_named_and_nothing_is_stored() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    assert_eq!(api.post("/keys", json!({ "kind": "agent", "name": "Straße" })).await.0, StatusCode::CREATED);
    for (body, status, field) in [
        (json!({ "kind": "agent", "name": "" }), 422, "name"),
        (json!({ "kind": "agent", "name": " \t" }), 422, "name"),
        (json!({ "kind": "agent", "name": "a".repeat(101) }), 422, "name"),
        (json!({ "kind": "agent", "name": "a\u{0}b" }), 422, "name"),
        (json!({ "kind": "agent", "name": "a\u{202E}b" }), 422, "name"),
        (json!({ "kind": "agent", "name": "STRAßE" }), 409, "name"),
        (json!({ "kind": "agent", "name": 7 }), 422, "name"),
        (json!({ "kind": "agent" }), 422, "name"),
        (json!({ "kind": "agent", "name": "a", "duration_days": 30 }), 422, "duration_days"),
        (json!({ "kind": "agent", "name": "a", "scopes": ["verify"] }), 422, "scopes"),
        (json!({ "kind": "agent", "name": "a", "colour": "red" }), 422, "colour"),
        (json!({ "kind": "project", "name": "a" }), 422, "kind"),
        (json!({ "kind": "robot", "name": "a" }), 422, "kind"),
    ] {
        let (actual, problem) = api.post("/keys", body.clone()).await;
        assert_eq!((actual.as_u16(), &problem["field"]), (status, &json!(field)), "{body}");
    }
    assert_eq!(api.get("/keys?kind=agent").await.1["total"], 1);
}

#[tokio::test]
async fn names_are_unique_until_the_key_is_deleted() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let calls = (0..8).map(|n| {
        let api = api.clone();
        tokio::spawn(async move { api.post("/keys", json!({ "kind": "agent", "name": if n % 2 == 0 { "twin" } else { "TWIN" } })).await })
    });
    let mut created = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let (status, response) = call.await.unwrap();
        assert!([StatusCode::CREATED, StatusCode::CONFLICT].contains(&status));
        created.extend((status == StatusCode::CREATED).then(|| text(&response["key"]["id"])));
    }
    assert_eq!(created.len(), 1);
    let (_, other) = api.post("/keys", json!({ "kind": "agent", "name": "other" })).await;
    let other = format!("/keys/{}", text(&other["key"]["id"]));
    assert_eq!(api.call(Method::PATCH, &other, Some(json!({ "name": "Twin" }))).await.0, StatusCode::CONFLICT);
    assert_eq!(api.call(Method::PATCH, &other, Some(json!({ "name": "OTHER" }))).await.0, StatusCode::OK);
    assert_eq!(api.call(Method::DELETE, &format!("/keys/{}", created[0]), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.call(Method::PATCH, &other, Some(json!({ "name": "Twin" }))).await.0, StatusCode::OK);
}

#[tokio::test]
async fn markup_in_a_name_is_escaped() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    page.agent_key("<script>alert(1)</script>").await;
    let html = page.get("/keys/agent").send().await.unwrap().text().await.unwrap();
    assert!(!html.contains("<script>alert(1)") && html.contains("&lt;script&gt;alert(1)"), "the name is escaped on the page");
}

#[tokio::test]
async fn permission_is_checked_before_the_object() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    server.user("owner", "globex").await;
    let (id, _) = page.agent_key("a").await;
    let (owner, viewer, other_organization) =
        (server.api("owner@acme.test", ""), server.api("viewer@acme.test", ""), server.api("owner@globex.test", ""));
    for path in [format!("/keys/{id}"), "/keys/key_00000000000070008000000000000000".to_owned(), "/keys/nonsense".to_owned()] {
        let edit = Some(json!({ "name": "b" }));
        assert_eq!(viewer.call(Method::PATCH, &path, edit.clone()).await.0, StatusCode::FORBIDDEN);
        assert_eq!(viewer.call(Method::DELETE, &path, None).await.0, StatusCode::FORBIDDEN);
        assert_eq!(other_organization.get(&path).await.0, StatusCode::NOT_FOUND);
        assert_eq!(other_organization.call(Method::PATCH, &path, edit).await.0, StatusCode::NOT_FOUND);
        assert_eq!(other_organization.call(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(viewer.get(&format!("/keys/{id}")).await.0, StatusCode::OK);
    assert_eq!(viewer.post("/keys", json!({ "kind": "agent", "name": "b" })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(owner.get(&format!("/keys/{id}")).await.1["name"], "a");
    assert_eq!(other_organization.get("/keys?kind=agent").await.1["total"], 0);
}

#[tokio::test]
async fn key_is_limited_to_its_scopes() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (id, _) = page.agent_key("a").await;
    let reader = server.api("owner@acme.test", "keys:read");
    let writer = server.api("owner@acme.test", "keys:write");
    assert_eq!(reader.get("/keys").await.0, StatusCode::OK);
    assert_eq!(reader.post("/keys", json!({ "kind": "agent", "name": "b" })).await.1["code"], "insufficient_scope");
    assert_eq!(writer.get("/keys").await.1["code"], "insufficient_scope");
    assert_eq!(writer.call(Method::DELETE, &format!("/keys/{id}"), None).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn members_see_their_own_internal_keys_and_admins_all() {
    let server = TestServer::start().await;
    for role in ["owner", "admin", "member"] {
        server.user(role, "acme").await;
    }
    let (owner, admin, member) = (server.api("owner@acme.test", ""), server.api("admin@acme.test", ""), server.api("member@acme.test", ""));
    let total = async |api: &crate::support::ApiClient| api.get("/keys?kind=internal").await.1["total"].clone();
    assert_eq!((total(&owner).await, total(&admin).await, total(&member).await), (json!(3), json!(3), json!(1)));
    let (_, all) = owner.get("/keys?kind=internal&sort=created_at").await;
    let owner_key = format!("/keys/{}", text(&all["items"][0]["id"]));
    assert_eq!(member.get(&owner_key).await.0, StatusCode::NOT_FOUND);
    assert_eq!(member.call(Method::DELETE, &owner_key, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(admin.get(&owner_key).await.0, StatusCode::OK);
}

#[tokio::test]
async fn unknown_paths_return_problem_details() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    for (method, path, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::PUT, "/keys", 405),
        (Method::GET, "/keys/a/b", 404),
        (Method::POST, "/", 404),
        (Method::GET, "", 404),
    ] {
        let response = api.request(method, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
    }
}

/// The clocks of instances differ.
#[tokio::test]
async fn without_grace_a_secret_has_expired_by_every_clock() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, created) = api.post("/keys", json!({ "kind": "client", "name": "a" })).await;
    let path = format!("/keys/{}/rotate", text(&created["key"]["id"]));
    let database = server.database().await;
    for grace_seconds in [3600, 0] {
        assert_eq!(api.post(&path, json!({ "grace_seconds": grace_seconds })).await.0, StatusCode::OK);
        let ends: Vec<i64> = sqlx::query_scalar("select expires_at from retired_secrets").fetch_all(&database).await.unwrap();
        assert!(ends.iter().all(|end| (*end == 0) == (grace_seconds == 0)), "{ends:?}");
    }
}
