//! `POST /api/v1/keys/import`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{TestServer, text};

fn sha256(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

#[tokio::test]
async fn imported_key_verifies_unchanged() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let body =
        json!({ "sha256": sha256("sk_live_old key"), "name": "Old", "external_id": "customer-1", "metadata": { "plan": "pro" }, "scopes": ["read"] });
    assert_eq!(api.verify("sk_live_old key").await, "NOT_FOUND");
    let response = api.request(Method::POST, "/keys/import").json(&body).send().await.unwrap();
    let (status, headers, created) = (response.status(), response.headers().clone(), response.json::<Value>().await.unwrap());
    let path = format!("/keys/{}", text(&created["key"]["id"]));
    assert_eq!(headers["location"], format!("/api/v1{path}"));
    let fetched = api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(headers["etag"], fetched.headers()["etag"]);
    let digits = sha256("sk_live_old key");
    let mask = json!(format!("sha256 {}…{}", &digits[..4], &digits[60..]));
    assert_eq!((status, &created["key"]["mask"], &created["secret"]), (StatusCode::CREATED, &mask, &Value::Null), "{created}");
    let (_, verdict) = api.post("/verify", json!({ "key": "sk_live_old key", "scope": "read" })).await;
    assert_eq!(
        (&verdict["code"], &verdict["kind"], &verdict["external_id"], &verdict["metadata"]),
        (&json!("VALID"), &json!("client"), &json!("customer-1"), &json!({ "plan": "pro" }))
    );

    // A key can be imported only once, even after it is deleted.
    assert_eq!(api.post("/keys/import", body.clone()).await.1["field"], "sha256");
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    let (status, problem) = api.post("/keys/import", body).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("sha256")));
    assert_eq!(api.verify("sk_live_old key").await, "NOT_FOUND");
}

#[tokio::test]
async fn bulk_import_is_all_or_nothing() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let api = server.api("owner@acme.test", "");
    let key = |n: usize| json!({ "sha256": sha256(&format!("key {n}")), "name": format!("key {n}") });
    let (status, created) = api.post("/keys/import", json!({ "keys": (0..100).map(key).collect::<Vec<_>>() })).await;
    assert_eq!((status, created["items"].as_array().unwrap().len()), (StatusCode::CREATED, 100));
    assert_eq!(api.verify("key 42").await, "VALID");

    for (keys, field) in [
        (vec![key(200), key(7)], "keys[1].sha256"),
        (vec![key(200), key(201), key(200)], "keys[2].sha256"),
        (vec![key(200), json!({ "sha256": sha256("b"), "name": "" })], "keys[1].name"),
        (vec![key(200), json!({ "sha256": "b", "name": "b" })], "keys[1].sha256"),
        (vec![key(200), json!({ "sha256": sha256("b"), "name": "b", "kind": "agent" })], "keys[1].kind"),
        (vec![key(200), json!({ "sha256": sha256("b"), "name": "b", "corpora": [1] })], "corpora"),
        (vec![], "keys"),
    ] {
        let (status, problem) = api.post("/keys/import", json!({ "keys": keys })).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY || status == StatusCode::CONFLICT, "{problem}");
        assert_eq!(problem["field"], field, "{problem}");
    }
    assert_eq!(api.get("/keys?kind=client").await.1["total"], 100);
    // The largest allowed batch, with metadata close to its limit.
    let full = |n: usize| json!({ "sha256": sha256(&format!("full {n}")), "name": format!("full {n}"), "metadata": { "a": "x".repeat(4000) } });
    let (status, created) = api.post("/keys/import", json!({ "keys": (0..1000).map(full).collect::<Vec<_>>() })).await;
    assert_eq!((status, created["items"].as_array().unwrap().len()), (StatusCode::CREATED, 1000));
    assert_eq!(api.post("/keys/import", json!({ "keys": (0..1001).map(key).collect::<Vec<_>>() })).await.1["field"], "keys");
    let viewer = server.api("viewer@acme.test", "");
    assert_eq!(viewer.post("/keys/import", key(300)).await.0, StatusCode::FORBIDDEN);
}
