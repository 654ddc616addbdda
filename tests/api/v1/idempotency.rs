//! `Idempotency-Key`.

use latchkey_types::permission::Permissions;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    instances::Pair,
    support::{ApiClient, TestServer, send_large, text},
};

/// A stored request: both digests, and headers and body of the response.
type Stored = (Vec<u8>, Vec<u8>, String, Vec<u8>);

async fn setup() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

fn with_idempotency_key(api: &ApiClient, path: &str, key: &str, body: &Value) -> RequestBuilder {
    api.request(Method::POST, path).header("idempotency-key", key).json(body)
}

async fn send(request: RequestBuilder) -> (u16, Option<String>, Value) {
    let response = send_large(request).await;
    let replayed = response.headers().get("idempotency-replayed").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), replayed, response.json().await.unwrap_or_default())
}

async fn total(api: &ApiClient) -> Value {
    api.get("/keys?kind=client").await.1["total"].clone()
}

#[tokio::test]
async fn repeated_request_creates_one_key_and_shows_its_secret_once() {
    let (server, api) = setup().await;
    let body = json!({ "kind": "client", "name": "a" });
    let first = with_idempotency_key(&api, "/keys", "one", &body).send().await.unwrap();
    assert!(first.headers().get("idempotency-replayed").is_none());
    let headers_of = |response: &Response| ["location", "etag", "content-type", "cache-control"].map(|name| response.headers()[name].clone());
    let (status, headers) = (first.status(), headers_of(&first));
    let first: Value = first.json().await.unwrap();
    let secret = text(&first["secret"]);
    for _ in 0..2 {
        let again = with_idempotency_key(&api, "/keys", "one", &body).send().await.unwrap();
        assert_eq!((again.status(), headers_of(&again), again.headers()["idempotency-replayed"].as_bytes()), (status, headers.clone(), &b"true"[..]));
        assert_eq!(again.json::<Value>().await.unwrap(), json!({ "key": first["key"], "secret": null }));
    }
    assert_eq!((total(&api).await, api.verify(&secret).await), (json!(1), "VALID".to_owned()));
    // The database contains neither the secret nor the idempotency key nor the request in plain text.
    let stored: Vec<Stored> =
        sqlx::query_as("select key_digest, request_digest, headers, body from idempotency_keys").fetch_all(&server.database().await).await.unwrap();
    let [(digest, call, headers, body)] = &stored[..] else { panic!("expected one stored request") };
    assert_eq!((digest.len(), call.len()), (32, 32));
    assert!(!headers.contains(&secret) && !String::from_utf8_lossy(body).contains(&secret));
}

#[tokio::test]
async fn idempotency_key_is_for_one_request_of_one_api_key() {
    let (server, api) = setup().await;
    let body = json!({ "kind": "client", "name": "a" });
    assert_eq!(send(with_idempotency_key(&api, "/keys", "one", &body)).await.0, 201);
    let key = api.post("/keys", body.clone()).await.1["key"]["id"].clone();
    let rotate = format!("/keys/{}/rotate", text(&key));
    for (path, body) in [
        ("/keys", json!({ "kind": "client", "name": "b" })),
        ("/keys?x", body.clone()),
        ("/corpora", json!({ "name": "a" })),
        (&rotate, json!({ "grace_seconds": 0 })),
    ] {
        let (status, _, problem) = send(with_idempotency_key(&api, path, "one", &body)).await;
        assert_eq!((status, &problem["code"], &problem["field"]), (422, &json!("idempotency_key_reused"), &json!("Idempotency-Key")), "{path}");
    }
    // A request with another API key is independent.
    let other = server.api("owner@acme.test", "keys:write");
    let (status, replayed, _) = send(with_idempotency_key(&other, "/keys", "one", &body)).await;
    assert_eq!((status, replayed), (201, None));
    for invalid in ["", "a b", &"a".repeat(256)] {
        assert_eq!(send(with_idempotency_key(&api, "/keys", invalid, &body)).await.2["code"], "malformed", "{invalid}");
    }
    assert_eq!(send(with_idempotency_key(&api, "/keys", "two", &body).header("idempotency-key", "three")).await.0, 400);
    assert_eq!(total(&api).await, 3);
}

#[tokio::test]
async fn every_post_supports_an_idempotency_key() {
    let (_server, api) = setup().await;
    let key = text(&api.post("/keys", json!({ "kind": "client", "name": "a" })).await.1["key"]["id"]);
    let imported = json!({ "name": "b", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" });
    let credential = json!({ "kind": "general", "name": "a", "value": "sk-0123456789" });
    for (path, body) in [
        (format!("/keys/{key}/disable"), json!({})),
        (format!("/keys/{key}/enable"), json!({})),
        (format!("/keys/{key}/rotate"), json!({ "grace_seconds": 0 })),
        ("/keys/import".to_owned(), imported),
        ("/corpora".to_owned(), json!({ "name": "a" })),
        ("/credentials".to_owned(), credential),
    ] {
        let (status, replayed, first) = send(with_idempotency_key(&api, &path, &path, &body)).await;
        assert!(status < 300 && replayed.is_none(), "{path}: {first}");
        let (again, replayed, mut second) = send(with_idempotency_key(&api, &path, &path, &body)).await;
        assert_eq!((again, replayed.as_deref()), (status, Some("true")), "{path}");
        if second.get("secret").is_some_and(Value::is_null) {
            second["secret"] = first["secret"].clone();
        }
        assert_eq!(second, first, "{path}");
    }
    // A new idempotency key rotates again, and the new secret is valid.
    let (_, _, rotated) = send(with_idempotency_key(&api, &format!("/keys/{key}/rotate"), "again", &json!({ "grace_seconds": 0 }))).await;
    assert_eq!(api.verify(&text(&rotated["secret"])).await, "VALID");
}

#[tokio::test]
async fn one_of_many_concurrent_requests_creates_the_key() {
    let (_server, api) = setup().await;
    let calls: Vec<_> =
        (0..32).map(|_| tokio::spawn(send(with_idempotency_key(&api, "/keys", "one", &json!({ "kind": "client", "name": "a" }))))).collect();
    let mut created = 0;
    for call in calls {
        match call.await.unwrap() {
            (201, None, response) => created += i32::from(response["secret"].is_string()),
            (201, Some(_), response) => assert!(response["secret"].is_null()),
            (status, _, problem) => assert_eq!((status, &problem["code"]), (409, &json!("idempotency_in_progress"))),
        }
    }
    assert_eq!((created, total(&api).await), (1, json!(1)));
}

#[tokio::test]
async fn one_of_two_concurrent_calls_with_a_key_runs() {
    let Some(pair) = Pair::start().await else { return };
    pair.first.user("owner", "acme").await;
    let first = pair.first.api("owner@acme.test", "");
    let second = pair.api_at_second(&first);
    for number in 0..20 {
        let (name, body) = (format!("key-{number}"), json!({ "kind": "client", "name": "a" }));
        let (one, other) =
            tokio::join!(send(with_idempotency_key(&first, "/keys", &name, &body)), send(with_idempotency_key(&second, "/keys", &name, &body)));
        let (created, repeated): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(|(status, replayed, _)| *status == 201 && replayed.is_none());
        assert_eq!(created.len(), 1, "{created:?}");
        match &repeated[0] {
            (201, Some(_), response) => assert!(response["secret"].is_null()),
            (status, _, problem) => assert_eq!((*status, &problem["code"]), (409, &json!("idempotency_in_progress"))),
        }
        let (status, replayed, _) = send(with_idempotency_key(&second, "/keys", &name, &body)).await;
        assert_eq!((status, replayed.as_deref()), (201, Some("true")), "a response is repeated by the other instance");
    }
    assert_eq!(total(&first).await, 20);
}

#[tokio::test]
async fn rejected_request_can_be_repeated() {
    let (_server, api) = setup().await;
    let body = json!({ "kind": "agent", "name": "a" });
    let existing = text(&api.post("/keys", body.clone()).await.1["key"]["id"]);
    assert_eq!(send(with_idempotency_key(&api, "/keys", "one", &body)).await.0, 409);
    assert_eq!(api.call(Method::DELETE, &format!("/keys/{existing}"), None).await.0, StatusCode::NO_CONTENT);
    let (status, replayed, _) = send(with_idempotency_key(&api, "/keys", "one", &body)).await;
    assert_eq!((status, replayed), (201, None));
    // Unauthenticated and oversized requests are not stored.
    let unscoped = api.with_key("lki_unknown");
    assert_eq!(send(with_idempotency_key(&unscoped, "/keys", "one", &body)).await.0, 401);
    assert_eq!(send(with_idempotency_key(&api, "/keys", "large", &json!({ "kind": "a".repeat(70_000) }))).await.0, 413);
}

#[tokio::test]
async fn interrupted_request_is_not_executed_again() {
    let (server, api) = setup().await;
    let body = json!({ "kind": "client", "name": "a" });
    assert_eq!(send(with_idempotency_key(&api, "/keys", "one", &body)).await.0, 201);
    let database = server.database().await;
    let execute = async |sql: &'static str| {
        sqlx::query(sql).execute(&database).await.unwrap();
    };
    let code = async || send(with_idempotency_key(&api, "/keys", "one", &body)).await.2["code"].clone();
    // The row as the process leaves it if it is killed before it stores the response.
    execute("update idempotency_keys set status = null, headers = null, body = null").await;
    assert_eq!(code().await, "idempotency_in_progress");
    execute("update idempotency_keys set started_at = started_at - 60001").await;
    assert_eq!(code().await, "idempotency_interrupted");
    execute("update idempotency_keys set status = 500").await;
    assert_eq!(code().await, "idempotency_interrupted");
    assert_eq!(total(&api).await, 1);
    // After a day the idempotency key can be used again.
    execute("update idempotency_keys set started_at = started_at - 86400000").await;
    assert_eq!(send(with_idempotency_key(&api, "/keys", "one", &body)).await.0, 201);
    assert_eq!(total(&api).await, 2);
}

#[tokio::test]
async fn replay_requires_the_current_permission() {
    let (server, api) = setup().await;
    let body = json!({ "name": "a" });
    assert_eq!(send(with_idempotency_key(&api, "/corpora", "one", &body)).await.0, 201);
    let all = Permissions::parse_list("manage_api_keys view_keys").to_list();
    sqlx::query("update roles set permissions = $1 where name = 'owner'").bind(all).execute(&server.database().await).await.unwrap();
    server.state.verifier.invalidate_all();
    assert_eq!(send(with_idempotency_key(&api, "/corpora", "one", &body)).await.0, 403);
}
