//! Who may call a service, and the limits of keys: evaluated as by verify, but only forwarded calls are charged.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, code, read_raw, refusal};
use crate::support::{
    eventually,
    projects::{create_project, insert_issued_key, insert_template, reveal_token},
    text,
    upstream::Script,
};

#[tokio::test]
async fn caller_needs_a_valid_key() {
    let fixture = Fixture::start().await;
    let (id, key) = fixture.key("client", json!({})).await;
    let without = fixture.server.visitor().get("/gateway/api/a").send().await.unwrap();
    assert_eq!(refusal(without).await, code(401, "missing_api_key"));
    for unknown in ["unknown", "lkc_0000000000000000000000000000000000000000000000000"] {
        assert_eq!(refusal(fixture.get_with(unknown, "/api/a").await).await, code(401, "invalid_api_key"));
    }
    assert_eq!(fixture.get_with(&key, "/api/a").await.status(), StatusCode::OK);
    fixture.api.post(&format!("/keys/{id}/disable"), json!({})).await;
    assert_eq!(refusal(fixture.get_with(&key, "/api/a").await).await, code(401, "disabled_api_key"));
    fixture.api.post(&format!("/keys/{id}/enable"), json!({})).await;
    assert_eq!(fixture.get_with(&key, "/api/a").await.status(), StatusCode::OK);
    fixture.api.call(Method::DELETE, &format!("/keys/{id}"), None).await;
    assert_eq!(refusal(fixture.get_with(&key, "/api/a").await).await, code(401, "invalid_api_key"));
    let (id, expired) = fixture.key("client", json!({ "duration_days": 1 })).await;
    sqlx::query("update api_keys set expires_at = 1 where id = $1").bind(&id).execute(&fixture.server.database().await).await.unwrap();
    assert_eq!(refusal(fixture.get_with(&expired, "/api/a").await).await, code(401, "expired_api_key"));

    fixture.server.user("owner", "globex").await;
    let foreign = fixture.server.api("owner@globex.test", "");
    let (_, created) = foreign.post("/keys", json!({ "kind": "client", "name": "a" })).await;
    assert_eq!(refusal(fixture.get_with(&text(&created["secret"]), "/api/a").await).await, code(404, "not_found"));
}

#[tokio::test]
async fn caller_needs_the_kind_and_the_scope() {
    let fixture = Fixture::start_with(json!({ "callers": [] })).await;
    let (_, reader) = fixture.key("client", json!({ "scopes": ["orders:read"] })).await;
    let (_, writer) = fixture.key("client", json!({ "scopes": ["orders:write"] })).await;
    let (_, agent) = fixture.key("agent", json!({})).await;
    let (_, internal) = fixture.key("internal", json!({ "scopes": ["verify"], "duration_days": 1 })).await;
    assert_eq!(fixture.api.post("/corpora", json!({ "name": "a" })).await.1["id"], 1);
    let (_, corpus) = fixture.key("corpus", json!({ "corpora": [1], "scopes": ["query"] })).await;
    let project = create_project(&fixture.owner, "Genomes").await;
    let template = insert_template(&fixture.server, &project, "t", "viewer", 0).await;
    let issued = insert_issued_key(&fixture.server, template, "owner@acme.test", None).await;
    let project = reveal_token(&fixture.owner, issued).await;
    let keys = [("reader", &reader), ("writer", &writer), ("agent", &agent), ("internal", &internal), ("project", &project), ("corpus", &corpus)];
    for (callers, allowed, without_scope) in [
        (json!([{ "kind": "client", "scope": "orders:read" }]), &["reader"][..], &["writer"][..]),
        (json!([{ "kind": "client" }]), &["reader", "writer"], &[]),
        (json!([]), &[], &[]),
        (json!([{ "kind": "agent" }, { "kind": "client", "scope": "orders:write" }]), &["agent", "writer"], &["reader"]),
        (json!([{ "kind": "internal", "scope": "verify" }]), &["internal"], &[]),
        (json!([{ "kind": "internal", "scope": "gateway:read" }]), &[], &["internal"]),
        (json!([{ "kind": "project" }]), &["project"], &[]),
        (json!([{ "kind": "project", "scope": "view_project" }]), &["project"], &[]),
        (json!([{ "kind": "project", "scope": "manage_projects" }]), &[], &["project"]),
    ] {
        fixture.edit_service(json!({ "callers": callers })).await;
        for (name, key) in keys {
            let response = fixture.get_with(key, "/api/a").await;
            if allowed.contains(&name) {
                assert_eq!(response.status(), StatusCode::OK, "{name} of {callers}");
            } else {
                let expected = if without_scope.contains(&name) { "insufficient_scope" } else { "forbidden" };
                assert_eq!(refusal(response).await, code(403, expected), "{name} of {callers}");
            }
        }
    }
}

#[tokio::test]
async fn address_of_the_caller_is_checked() {
    let fixture = Fixture::start().await;
    let (_, elsewhere) = fixture.key("client", json!({ "allowed_ips": ["192.0.2.0/24"] })).await;
    let (_, here) = fixture.key("client", json!({ "allowed_ips": ["127.0.0.0/8"] })).await;
    assert_eq!(refusal(fixture.get_with(&elsewhere, "/api/a").await).await, code(403, "forbidden"));
    assert_eq!(fixture.get_with(&here, "/api/a").await.status(), StatusCode::OK);
    // A header of the caller is ignored.
    let forged = fixture.request_with(&elsewhere, Method::GET, "/api/a").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(refusal(forged.send().await.unwrap()).await, code(403, "forbidden"));
}

#[tokio::test]
async fn rate_limit_is_429_with_its_headers() {
    let fixture = Fixture::start().await;
    let limits = json!({ "rate_limits": [{ "name": "burst", "limit": 2, "duration_ms": 3_600_000 }] });
    let (_, key) = fixture.key("client", limits).await;
    for _ in 0..2 {
        assert_eq!(fixture.get_with(&key, "/api/a").await.status(), StatusCode::OK);
    }
    let refused = fixture.get_with(&key, "/api/a").await;
    let retry_after: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3660).contains(&retry_after), "{retry_after}");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"burst\";q=2;w=3600");
    assert_eq!(refusal(refused).await, code(429, "rate_limited"));
    assert_eq!(fixture.upstream.requests().len(), 2);
    // The limit of an upstream is not that of a key.
    fixture.upstream.respond(Script::response(429, &[("retry-after", "7")], "slow down"));
    let response = fixture.get("/api/a").await;
    assert_eq!((response.status(), &response.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"7".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), "slow down");
}

#[tokio::test]
async fn only_forwarded_calls_are_charged() {
    let fixture = Fixture::start_with(json!({ "allow": [{ "method": "GET", "path": "/a" }], "body_max": 10 })).await;
    let (id, key) = fixture.key("client", json!({ "credits": { "remaining": 2 } })).await;
    fixture.create_service(json!({ "name": "agents", "callers": [{ "kind": "agent" }] })).await;
    for (path, expected) in [("/api/b", 403), ("/api/a%00", 400), ("/nowhere/a", 404), ("/agents/a", 403)] {
        assert_eq!(fixture.get_with(&key, path).await.status(), expected, "{path}");
    }
    let too_large = fixture.request_with(&key, Method::GET, "/api/a").body("12345678901").send().await.unwrap();
    assert_eq!(refusal(too_large).await, code(413, "too_large"));
    for _ in 0..2 {
        assert_eq!(fixture.get_with(&key, "/api/a").await.status(), StatusCode::OK);
    }
    assert_eq!(refusal(fixture.get_with(&key, "/api/a").await).await, code(429, "usage_exceeded"));
    assert_eq!(fixture.upstream.requests().len(), 2);
    eventually("the use is saved", async || fixture.api.get(&format!("/keys/{id}")).await.1["last_used_at"].is_string()).await;
}

#[tokio::test]
async fn each_call_of_a_project_key_is_counted() {
    let fixture = Fixture::start_with(json!({ "callers": [{ "kind": "project" }] })).await;
    let project = create_project(&fixture.owner, "Genomes").await;
    let template = insert_template(&fixture.server, &project, "t", "viewer", 5).await;
    let issued = insert_issued_key(&fixture.server, template, "owner@acme.test", None).await;
    let token = reveal_token(&fixture.owner, issued).await;
    for _ in 0..3 {
        assert_eq!(fixture.get_with(&token, "/api/a").await.status(), StatusCode::OK);
    }
    fixture.server.state.verifier.flush().await;
    let sql = "select cast(sum(requests) as bigint), cast(sum(cost) as bigint) from usage_by_minute where key_id = $1";
    let used: (i64, i64) = sqlx::query_as(sql).bind(issued.to_string()).fetch_one(&fixture.server.database().await).await.unwrap();
    assert_eq!(used, (3, 15));
}

#[tokio::test]
async fn body_over_the_limit_is_refused() {
    let fixture = Fixture::start_with(json!({ "body_max": 10 })).await;
    let post = async |body: &str| fixture.request(Method::POST, "/api/a").body(body.to_owned()).send().await.unwrap();
    assert_eq!(post("1234567890").await.status(), StatusCode::OK);
    assert_eq!(fixture.upstream.last_request().body, b"1234567890");
    assert_eq!(refusal(post("12345678901").await).await, code(413, "too_large"));
    assert_eq!(fixture.upstream.requests().len(), 1);
    // Without a length, the limit is noticed while the body is forwarded: the upstream never receives a complete request.
    let head = format!("POST /gateway/api/chunked HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\nTransfer-Encoding: chunked\r\n", fixture.key);
    let stream = fixture.connect(format!("{head}Connection: close\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")).await;
    let response = read_raw(stream).await;
    assert!(response.status == 413 && response.body.contains("too_large"), "{} {}", response.head, response.body);
    let received = fixture.upstream.requests();
    assert!(received.iter().all(|request| request.body.len() <= 10), "{received:?}");
    fixture.edit_service(json!({ "body_max": 0 })).await;
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    assert_eq!(refusal(post("1").await).await, code(413, "too_large"));
}

#[tokio::test]
async fn refused_calls_reveal_no_service_of_others() {
    let fixture = Fixture::start().await;
    let server = &fixture.server;
    server.user("owner", "globex").await;
    let foreign = server.api("owner@globex.test", "");
    let (_, created) = foreign.post("/keys", json!({ "kind": "client", "name": "a" })).await;
    let key = text(&created["secret"]);
    let body = async |path: &str| {
        let mut problem: Value = fixture.get_with(&key, path).await.json().await.unwrap();
        problem["request_id"] = Value::Null;
        problem
    };
    assert_eq!(body("/api/a").await, body("/nowhere/a").await);
    // The same name in another organization is another service.
    let other = json!({ "name": "api", "base_url": "http://127.0.0.1:1", "injection": { "type": "bearer" } });
    assert_eq!(foreign.post("/services", other).await.0, StatusCode::CREATED);
    assert_eq!(body("/api/a").await["code"], "forbidden");
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
}
