//! Bodies of calls: logged only for keys that are set to, sealed, and read with a permission of its own.

use latchkey_core::model_usage;
use latchkey_types::model_call::{REQUEST_BODY_MAX, RESPONSE_BODY_MAX};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHAT, Fixture, MESSAGES, chat, chat_stream, message};
use crate::{
    services::with,
    support::{eventually, files_below, model_upstream, text, upstream::Script},
};

/// A text that occurs nowhere else.
const PLAN: &str = "A secret plan of ours";

/// A chat completion with [`PLAN`].
fn plan() -> Value {
    with(chat("gpt"), &json!({ "messages": [{ "role": "user", "content": PLAN }] }))
}

/// The newest call of the log, which has this number of calls. A call is logged when its response has ended.
async fn newest(fixture: &Fixture, count: usize) -> Value {
    eventually("the call is logged", async || fixture.log().await.len() == count).await;
    fixture.log().await.remove(0)
}

fn path_of(call: &Value) -> String {
    format!("/calls/{}/bodies", text(&call["id"]))
}

/// The bodies of the newest call of the log, which has this number of calls.
async fn newest_bodies(fixture: &Fixture, count: usize) -> Value {
    let call = newest(fixture, count).await;
    assert_eq!(call["has_bodies"], true, "{call}");
    let (status, bodies) = fixture.api.get(&path_of(&call)).await;
    assert_eq!(status, StatusCode::OK, "{bodies}");
    bodies
}

/// A key that logs bodies.
async fn logging_key(fixture: &Fixture) -> String {
    fixture.key("agent", json!({ "log_bodies": true })).await.1
}

/// The number of calls whose bodies are stored.
async fn stored(fixture: &Fixture) -> i64 {
    fixture.server.state.body_log.flush().await;
    sqlx::query_scalar("select count(*) from call_bodies").fetch_one(&fixture.server.database().await).await.unwrap()
}

#[tokio::test]
async fn bodies_are_logged_as_sent_and_as_received() {
    let fixture = Fixture::start().await;
    let key = logging_key(&fixture).await;
    fixture.model("broken", json!({ "upstream_name": "model-b" })).await;
    fixture.respond_to("model-b", |_| model_upstream::error(400, "A wrong request"));
    let calls = [
        (CHAT, chat("gpt")),
        (CHAT, chat_stream("gpt")),
        (MESSAGES, message()),
        (MESSAGES, with(message(), &json!({ "stream": true }))),
        (CHAT, chat("broken")),
        (CHAT, chat("unknown")),
        (MESSAGES, with(message(), &json!({ "model": "unknown" }))),
    ];
    for (index, (path, body)) in calls.into_iter().enumerate() {
        let received = fixture.post_with(&key, path, &body).await.text().await.unwrap();
        let bodies = newest_bodies(&fixture, index + 1).await;
        assert_eq!(bodies["request"], json!({ "text": body.to_string(), "is_cut": false }), "{path} {index}");
        assert_eq!(bodies["response"], json!({ "text": received, "is_cut": false }), "{path} {index}");
    }
}

#[tokio::test]
async fn bodies_are_logged_only_while_this_is_switched_on() {
    let fixture = Fixture::start().await;
    let (id, key) = fixture.key("client", json!({ "models": ["*"] })).await;
    let path = format!("/keys/{id}");
    assert_eq!(fixture.api.get(&path).await.1["log_bodies"], false);
    for (count, is_on) in [(1, false), (2, true), (3, false)] {
        if count > 1 {
            assert_eq!(fixture.edit(&path, json!({ "log_bodies": is_on })).await["log_bodies"], is_on);
        }
        assert_eq!(fixture.post_with(&key, CHAT, chat("gpt")).await.status(), StatusCode::OK);
        let call = newest(&fixture, count).await;
        assert_eq!(call["has_bodies"], is_on, "{call}");
        let expected = if is_on { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(fixture.api.get(&path_of(&call)).await.0, expected);
    }
    assert_eq!(stored(&fixture).await, 1);
    let (_, audit) = fixture.owner.call("audit/read", json!({ "query": { "search": "key.edited", "period": "all" } })).await;
    let details: Vec<&Value> = audit["events"].as_array().unwrap().iter().map(|event| &event["details"]).collect();
    assert_eq!(details, [&json!([["log bodies", "no"]]), &json!([["log bodies", "yes"]])]);

    // Without a log of calls, none of bodies.
    fixture.edit(&path, json!({ "log_bodies": true })).await;
    assert_eq!(fixture.owner.call("organization/set-call-log-days", json!({ "days": 0 })).await.0, StatusCode::OK);
    assert_eq!(fixture.post_with(&key, CHAT, chat("gpt")).await.status(), StatusCode::OK);
    assert_eq!(stored(&fixture).await, 1);
}

#[tokio::test]
async fn long_bodies_are_cut() {
    let fixture = Fixture::start().await;
    let key = logging_key(&fixture).await;
    fixture.respond_to("model-a", |request| {
        let answer = with(model_upstream::answer(request), &json!({ "padding": "é".repeat(200_000) })).to_string();
        Script::response(200, &[("content-type", "application/json")], answer)
    });
    let body = with(chat("gpt"), &json!({ "user": "é".repeat(50_000) })).to_string();
    let received = fixture.post_with(&key, CHAT, &body).await.text().await.unwrap();
    let bodies = newest_bodies(&fixture, 1).await;
    for (part, whole, max) in [("request", &body, REQUEST_BODY_MAX), ("response", &received, RESPONSE_BODY_MAX)] {
        let kept = text(&bodies[part]["text"]);
        assert!(bodies[part]["is_cut"] == true && whole.len() > max && whole.starts_with(&kept), "{part}");
        assert!((max - 1..=max).contains(&kept.len()), "{part}: {}", kept.len());
    }
}

#[tokio::test]
async fn bodies_are_stored_sealed() {
    let fixture = Fixture::start().await;
    let key = logging_key(&fixture).await;
    assert_eq!(fixture.post_with(&key, CHAT, plan()).await.status(), StatusCode::OK);
    let call = newest(&fixture, 1).await;
    assert_eq!(stored(&fixture).await, 1);
    let database = fixture.server.database().await;
    let sealed: Vec<u8> = sqlx::query_scalar("select sealed from call_bodies").fetch_one(&database).await.unwrap();
    let contains = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let files: Vec<Vec<u8>> = files_below(fixture.server.data.path()).iter().map(|file| std::fs::read(file).unwrap_or_default()).collect();
    for plain in [PLAN, "Hello there", "chatcmpl-1"] {
        assert!(!contains(&sealed, plain) && !files.iter().any(|file| contains(file, plain)), "{plain}");
    }

    // The key that seals them is rewrapped with the master key.
    let rotated = fixture.server.latchkey(&["admin", "rotate-master-key"], "");
    assert!(rotated.status.success(), "{rotated:?}");
    assert!(fixture.api.get(&path_of(&call)).await.1["request"]["text"].as_str().unwrap().contains(PLAN));
    assert_eq!(fixture.post_with(&key, CHAT, plan()).await.status(), StatusCode::OK);
    assert!(newest_bodies(&fixture, 2).await["request"]["text"].as_str().unwrap().contains(PLAN));
}

#[tokio::test]
async fn reading_bodies_needs_its_permission_and_is_audited() {
    let fixture = Fixture::start().await;
    let key = logging_key(&fixture).await;
    assert_eq!(fixture.post_with(&key, CHAT, plan()).await.status(), StatusCode::OK);
    let call = newest(&fixture, 1).await;
    let (path, id) = (path_of(&call), &call["id"]);

    let admin = fixture.server.user("admin", "acme").await;
    let (status, error) = admin.call("calls/bodies", json!({ "id": id })).await;
    assert!(status == StatusCode::FORBIDDEN && error.to_string().contains("Read Call Bodies"), "{status} {error}");
    let (status, problem) = fixture.server.api("owner@acme.test", "usage:read").get(&path).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")));
    let (status, problem) = fixture.server.api("admin@acme.test", "").get(&path).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
    let foreign = fixture.server.user("owner", "globex").await;
    assert_eq!(foreign.call("calls/bodies", json!({ "id": id })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.server.api("owner@globex.test", "").get(&path).await.0, StatusCode::NOT_FOUND);

    let response = fixture.api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!((response.status(), &response.headers()["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let by_key = response.json::<Value>().await.unwrap();
    let (status, on_page) = fixture.owner.call("calls/bodies", json!({ "id": id })).await;
    assert_eq!((status, &on_page), (StatusCode::OK, &by_key));

    // Refused reads are not in the log.
    let (_, audit) = fixture.owner.call("audit/read", json!({ "query": { "search": "call.bodies_read", "period": "all" } })).await;
    let events = audit["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["auth_method"], &events[1]["auth_method"]), (2, &Value::Null, &json!("API key")));
    for event in events {
        assert_eq!((&event["object_kind"], &event["object_id"]), (&json!("call"), id));
        assert_eq!(event["details"], json!([["key", call["key_name"]], ["model", "gpt"]]), "{event}");
    }

    // Bodies that are moved to another organization cannot be opened there.
    let sql = "update call_bodies set organization_id = (select id from organizations where name = 'globex')";
    sqlx::query(sql).execute(&fixture.server.database().await).await.unwrap();
    assert_eq!(foreign.call("calls/bodies", json!({ "id": id })).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn bodies_are_deleted_with_the_log() {
    let fixture = Fixture::start().await;
    let key = logging_key(&fixture).await;
    assert_eq!(fixture.post_with(&key, CHAT, plan()).await.status(), StatusCode::OK);
    let call = newest(&fixture, 1).await;
    assert_eq!(stored(&fixture).await, 1);
    assert_eq!(fixture.owner.call("organization/set-call-log-days", json!({ "days": 0 })).await.0, StatusCode::OK);
    let state = &fixture.server.state;
    let cleaner = tokio::spawn(model_usage::delete_old(state.store.clone(), state.call_log.clone()));
    eventually("the bodies are deleted", async || stored(&fixture).await == 0).await;
    cleaner.abort();
    assert_eq!(fixture.api.get(&path_of(&call)).await.0, StatusCode::NOT_FOUND);
}
