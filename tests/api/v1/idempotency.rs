//! `Idempotency-Key`.

use latchkey_store as store;
use latchkey_types::permission::Permissions;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TestServer, text};

/// A call as it is kept: both digests, headers and body.
type Stored = (Vec<u8>, Vec<u8>, String, Vec<u8>);

async fn desk() -> (TestServer, Api) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

fn named(api: &Api, path: &str, name: &str, body: &Value) -> RequestBuilder {
    api.request(Method::POST, path).header("idempotency-key", name).json(body)
}

async fn sent(request: RequestBuilder) -> (u16, Option<String>, Value) {
    let response: Response = request.send().await.unwrap();
    let replayed = response.headers().get("idempotency-replayed").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), replayed, response.json().await.unwrap_or_default())
}

async fn total(api: &Api) -> Value {
    api.get("/keys?kind=client").await.1["total"].clone()
}

#[tokio::test]
async fn a_call_that_is_repeated_makes_one_key_and_shows_its_secret_once() {
    let (server, api) = desk().await;
    let body = json!({ "kind": "client", "name": "a" });
    let first = named(&api, "/keys", "one", &body).send().await.unwrap();
    assert!(first.headers().get("idempotency-replayed").is_none());
    let of = |response: &Response| ["location", "etag", "content-type", "cache-control"].map(|name| response.headers()[name].clone());
    let (status, headers) = (first.status(), of(&first));
    let first: Value = first.json().await.unwrap();
    let secret = text(&first["secret"]);
    for _ in 0..2 {
        let again = named(&api, "/keys", "one", &body).send().await.unwrap();
        assert_eq!((again.status(), of(&again), again.headers()["idempotency-replayed"].as_bytes()), (status, headers.clone(), &b"true"[..]));
        assert_eq!(again.json::<Value>().await.unwrap(), json!({ "key": first["key"], "secret": null }));
    }
    assert_eq!((total(&api).await, api.verify(&secret).await), (json!(1), "VALID".to_owned()));
    // Nowhere in the database: neither the secret, nor the name, nor what was sent.
    let stored: Vec<Stored> =
        sqlx::query_as("select digest, call_digest, headers, body from named_calls").fetch_all(&server.database().await).await.unwrap();
    let [(digest, call, headers, body)] = &stored[..] else { panic!("one call is kept") };
    assert_eq!((digest.len(), call.len()), (32, 32));
    assert!(!headers.contains(&secret) && !String::from_utf8_lossy(body).contains(&secret));
}

#[tokio::test]
async fn a_name_is_for_one_call_of_one_key() {
    let (server, api) = desk().await;
    let body = json!({ "kind": "client", "name": "a" });
    assert_eq!(sent(named(&api, "/keys", "one", &body)).await.0, 201);
    let key = api.post("/keys", body.clone()).await.1["key"]["id"].clone();
    let place = format!("/keys/{}/rotate", text(&key));
    for (path, body) in [
        ("/keys", json!({ "kind": "client", "name": "b" })),
        ("/keys?x", body.clone()),
        ("/corpora", json!({ "name": "a" })),
        (&place, json!({ "grace_seconds": 0 })),
    ] {
        let (status, _, problem) = sent(named(&api, path, "one", &body)).await;
        assert_eq!((status, &problem["code"], &problem["field"]), (422, &json!("idempotency_key_reused"), &json!("Idempotency-Key")), "{path}");
    }
    // Another key's call has nothing to do with it.
    let other = server.api("owner@acme.test", "keys:write");
    let (status, replayed, _) = sent(named(&other, "/keys", "one", &body)).await;
    assert_eq!((status, replayed), (201, None));
    for bad in ["", "a b", &"a".repeat(256)] {
        assert_eq!(sent(named(&api, "/keys", bad, &body)).await.2["code"], "malformed", "{bad}");
    }
    assert_eq!(sent(named(&api, "/keys", "two", &body).header("idempotency-key", "three")).await.0, 400);
    assert_eq!(total(&api).await, 3);
}

#[tokio::test]
async fn every_change_can_have_a_name() {
    let (_server, api) = desk().await;
    let key = text(&api.post("/keys", json!({ "kind": "client", "name": "a" })).await.1["key"]["id"]);
    let imported = json!({ "name": "b", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" });
    let credential = json!({ "kind": "llm", "name": "a", "value": "sk-0123456789" });
    for (path, body) in [
        (format!("/keys/{key}/disable"), json!({})),
        (format!("/keys/{key}/enable"), json!({})),
        (format!("/keys/{key}/rotate"), json!({ "grace_seconds": 0 })),
        ("/keys/import".to_owned(), imported),
        ("/corpora".to_owned(), json!({ "name": "a" })),
        ("/credentials".to_owned(), credential),
    ] {
        let (status, replayed, first) = sent(named(&api, &path, &path, &body)).await;
        assert!(status < 300 && replayed.is_none(), "{path}: {first}");
        let (again, replayed, mut second) = sent(named(&api, &path, &path, &body)).await;
        assert_eq!((again, replayed.as_deref()), (status, Some("true")), "{path}");
        if second.get("secret").is_some_and(Value::is_null) {
            second["secret"] = first["secret"].clone();
        }
        assert_eq!(second, first, "{path}");
    }
    // The key was rotated once: its secret is still the first answer's.
    let (_, _, rotated) = sent(named(&api, &format!("/keys/{key}/rotate"), "again", &json!({ "grace_seconds": 0 }))).await;
    assert_eq!(api.verify(&text(&rotated["secret"])).await, "VALID");
}

#[tokio::test]
async fn of_many_calls_with_one_name_at_once_one_makes_a_key() {
    let (_server, api) = desk().await;
    let calls: Vec<_> = (0..32).map(|_| tokio::spawn(sent(named(&api, "/keys", "one", &json!({ "kind": "client", "name": "a" }))))).collect();
    let mut made = 0;
    for call in calls {
        match call.await.unwrap() {
            (201, None, answer) => made += i32::from(answer["secret"].is_string()),
            (201, Some(_), answer) => assert!(answer["secret"].is_null()),
            (status, _, problem) => assert_eq!((status, &problem["code"]), (409, &json!("idempotency_in_progress"))),
        }
    }
    assert_eq!((made, total(&api).await), (1, json!(1)));
}

#[tokio::test]
async fn a_refused_call_may_be_made_again() {
    let (_server, api) = desk().await;
    let body = json!({ "kind": "agent", "name": "a" });
    let taken = text(&api.post("/keys", body.clone()).await.1["key"]["id"]);
    assert_eq!(sent(named(&api, "/keys", "one", &body)).await.0, 409);
    assert_eq!(api.call(Method::DELETE, &format!("/keys/{taken}"), None).await.0, StatusCode::NO_CONTENT);
    let (status, replayed, _) = sent(named(&api, "/keys", "one", &body)).await;
    assert_eq!((status, replayed), (201, None));
    // Whoever is not let in learns nothing, and keeps nothing.
    let unscoped = api.with_key("lkp_unknown");
    assert_eq!(sent(named(&unscoped, "/keys", "one", &body)).await.0, 401);
    assert_eq!(sent(named(&api, "/keys", "large", &json!({ "kind": "a".repeat(70_000) }))).await.0, 413);
}

#[tokio::test]
async fn what_broke_off_is_not_done_a_second_time() {
    let (server, api) = desk().await;
    let body = json!({ "kind": "client", "name": "a" });
    assert_eq!(sent(named(&api, "/keys", "one", &body)).await.0, 201);
    let database = server.database().await;
    let pretend = async |sql: &'static str| {
        sqlx::query(sql).execute(&database).await.unwrap();
    };
    let code = async || sent(named(&api, "/keys", "one", &body)).await.2["code"].clone();
    // As the row stands when the process is killed before it could keep the answer.
    pretend("update named_calls set status = null, headers = null, body = null").await;
    assert_eq!(code().await, "idempotency_in_progress");
    pretend("update named_calls set started_at = started_at - 60001").await;
    assert_eq!(code().await, "idempotency_interrupted");
    pretend("update named_calls set status = 500").await;
    assert_eq!(code().await, "idempotency_interrupted");
    assert_eq!(total(&api).await, 1);
    // After a day the name is free.
    pretend("update named_calls set started_at = started_at - 86400000").await;
    assert_eq!(sent(named(&api, "/keys", "one", &body)).await.0, 201);
    assert_eq!(total(&api).await, 2);
}

#[tokio::test]
async fn nobody_is_told_again_what_they_may_no_longer_do() {
    let (server, api) = desk().await;
    let body = json!({ "name": "a" });
    assert_eq!(sent(named(&api, "/corpora", "one", &body)).await.0, 201);
    let all = Permissions::from_words("manage_api_keys view_keys").words();
    sqlx::query("update roles set permissions = $1 where name = 'owner'").bind(all).execute(&server.database().await).await.unwrap();
    let noted = server.state.store.write(|tx| {
        Box::pin(async move {
            store::changes::note(tx, None).await?;
            Ok(())
        })
    });
    noted.await.unwrap();
    server.state.verifier.forget(None);
    assert_eq!(sent(named(&api, "/corpora", "one", &body)).await.0, 403);
}
