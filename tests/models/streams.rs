//! Streams: they are what the provider sends, at once, and end with the caller, the key and the budget.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use latchkey_types::dollars::Dollars;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{CHAT, CHAT_COST, Fixture, MESSAGES, RESPONSES, budgets::worst_case, chat, chat_stream, message, refusal};
use crate::{
    services::{code, with},
    support::{eventually, model_upstream, upstream::Script},
};

/// Maximum time from the disconnection of a client to the end of the call to the provider.
const END_LIMIT: Duration = Duration::from_millis(100);
/// Maximum time from the revocation of a key to the end of its open streams.
const REVOKED_LIMIT: Duration = Duration::from_secs(1);
/// Longer than anything takes that is waited for.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A stream of which the beginning was received.
struct OpenStream {
    response: Response,
    received: String,
}

impl OpenStream {
    /// Opens a stream with this key, and receives until this text has arrived.
    async fn open(fixture: &Fixture, key: &str, path: &str, body: &Value, text: &str) -> Self {
        let response = fixture.post_with(key, path, body).await;
        assert_eq!((response.status(), &response.headers()["x-accel-buffering"]), (StatusCode::OK, &"no".parse().unwrap()));
        let mut stream = Self { response, received: String::new() };
        while !stream.received.contains(text) {
            let next = stream.next().await.expect("the stream has not ended");
            stream.received += &next;
        }
        stream
    }

    async fn next(&mut self) -> Option<String> {
        let chunk = timeout(TIMEOUT, self.response.chunk()).await.expect("the stream continues or ends").unwrap()?;
        Some(String::from_utf8(chunk.to_vec()).unwrap())
    }

    /// What arrives until the end of the stream.
    async fn rest(mut self) -> String {
        let mut rest = String::new();
        while let Some(chunk) = self.next().await {
            rest += &chunk;
        }
        rest
    }
}

/// The data of an event that follows an interrupted one.
fn last_event(text: &str) -> Value {
    serde_json::from_str(text.rsplit_once("data: ").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_stream_equals_the_direct_one() {
    let fixture = Fixture::start().await;
    let tool = json!([{ "type": "function", "function": { "name": "weather", "parameters": { "type": "object", "properties": {} } } }]);
    let with_usage = json!({ "stream": true, "stream_options": { "include_usage": true } });
    for (path, body) in [
        (CHAT, with(chat("gpt"), &with_usage)),
        (CHAT, with(with(chat("gpt"), &with_usage), &json!({ "tools": tool }))),
        ("/v1/completions", with(json!({ "model": "gpt", "prompt": "Hi", "max_tokens": 20 }), &with_usage)),
        (RESPONSES, json!({ "model": "gpt", "input": "Hi", "stream": true, "max_output_tokens": 20 })),
        (MESSAGES, with(message(), &json!({ "stream": true }))),
    ] {
        let through = fixture.post(path, &body).await;
        assert_eq!(through.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert!(!through.headers().contains_key("x-latchkey-cost") && through.headers().contains_key("x-latchkey-overhead-ms"));
        let through = through.text().await.unwrap();
        let direct = with(body, &json!({ "model": if path == MESSAGES { "model-c" } else { "model-a" } }));
        let direct = fixture.api.client.post(format!("{}{path}", fixture.upstream.url)).body(direct.to_string()).send().await.unwrap();
        assert_eq!(through, direct.text().await.unwrap(), "{path}");
        assert!(through.contains("usage"), "{through}");
    }
    eventually("all are recorded", async || fixture.usage("model").await.iter().map(|model| model["calls"].as_i64().unwrap()).sum::<i64>() == 5)
        .await;
    let usage = fixture.usage("model").await;
    let tokens = |calls: i64| json!({ "input": 20 * calls, "cached": 4 * calls, "cache_write": 0, "output": 10 * calls, "reasoning": 3 * calls });
    let messages = json!({ "input": 20, "cached": 5, "cache_write": 3, "output": 10, "reasoning": 0 });
    for (name, tokens, cost) in [("gpt", tokens(4), "0.000544"), ("claude", messages, "0.00019875")] {
        let model = usage.iter().find(|model| model["name"] == name).unwrap();
        assert_eq!((&model["tokens"], &model["cost"], &model["estimated"]), (&tokens, &json!(cost), &json!(0)));
    }
}

#[tokio::test]
async fn the_usage_is_requested_and_removed_again() {
    let fixture = Fixture::start().await;
    for (path, body) in [(CHAT, chat_stream("gpt")), ("/v1/completions", json!({ "model": "gpt", "prompt": "Hi", "stream": true, "max_tokens": 20 }))]
    {
        let received = fixture.post(path, &body).await.text().await.unwrap();
        let mut sent = fixture.upstream.last_request();
        let expected = with(body, &json!({ "model": "model-a", "stream_options": { "include_usage": true } }));
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), expected);
        // What the provider sends without the request for the usage.
        sent.body = with(expected, &json!({ "stream_options": null })).to_string().into_bytes();
        assert_eq!(received, model_upstream::events(&sent).concat(), "{path}");
    }
    eventually("both are recorded", async || fixture.usage("model").await.first().is_some_and(|model| model["cost"] == "0.000272")).await;
    assert_eq!(fixture.usage("model").await[0]["estimated"], 0);
}

#[tokio::test]
async fn a_revoked_key_ends_its_open_calls() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 4).hang());
    let responses = json!({ "model": "gpt", "input": "Hi", "stream": true });
    for (path, body, change) in
        [(CHAT, chat_stream("gpt"), "delete"), (MESSAGES, with(message(), &json!({ "stream": true })), "disable"), (RESPONSES, responses, "models")]
    {
        let (id, key) = fixture.key("agent", json!({})).await;
        let stream = OpenStream::open(&fixture, &key, path, &body, "Hello ").await;
        let key_path = format!("/keys/{id}");
        let (status, _) = match change {
            "delete" => fixture.api.call(Method::DELETE, &key_path, None).await,
            "disable" => fixture.api.post(&format!("{key_path}/disable"), json!({})).await,
            _ => fixture.api.call(Method::PATCH, &key_path, Some(json!({ "models": ["other"] }))).await,
        };
        assert!(status.is_success(), "{change}: {status}");
        let revoked = Instant::now();
        let rest = stream.rest().await;
        assert!(revoked.elapsed() < REVOKED_LIMIT, "{change}: {:?}", revoked.elapsed());
        let event = last_event(&rest);
        assert_eq!(event["error"]["code"], "key_revoked", "{rest}");
        assert_eq!(event["type"], if path == CHAT { Value::Null } else { json!("error") });
        assert_eq!(rest.contains("event: error\n"), path != CHAT);
        eventually("the provider's connection is closed", async || fixture.upstream.last_request().closed_at.is_some()).await;
    }
    // Before the response begins, the call is refused.
    let (id, key) = fixture.key("agent", json!({})).await;
    fixture.upstream.respond(Script::new().hang());
    let waiting = tokio::spawn(fixture.request_with(&key, CHAT, chat("gpt")).send());
    eventually("the call arrives", async || fixture.upstream.requests().len() == 4).await;
    fixture.api.call(Method::DELETE, &format!("/keys/{id}"), None).await;
    let response = timeout(TIMEOUT, waiting).await.expect("the call ends").unwrap().unwrap();
    assert_eq!(refusal(response).await, code(401, "key_revoked"));
}

#[tokio::test]
async fn a_lowered_budget_ends_open_streams() {
    let fixture = Fixture::start().await;
    let (id, key) = fixture.key("agent", json!({ "budget": { "limit": "1", "period": "day" } })).await;
    assert_eq!(fixture.post_with(&key, CHAT, chat("gpt")).await.status(), StatusCode::OK);
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 2).hang());
    let stream = OpenStream::open(&fixture, &key, CHAT, &chat_stream("gpt"), "Hello ").await;
    let path = format!("/keys/{id}");
    // Nothing of it is left, but what the call has reserved is not spent.
    fixture.edit(&path, json!({ "budget": { "limit": "0.000136", "period": "day" } })).await;
    let lowered = Instant::now();
    let event = last_event(&stream.rest().await);
    assert!(lowered.elapsed() < REVOKED_LIMIT, "{:?}", lowered.elapsed());
    assert_eq!((&event["error"]["code"], &event["error"]["type"]), (&json!("budget_exceeded"), &json!("insufficient_quota")));
    // The call that was ended is charged as reserved.
    let spent = Dollars(CHAT_COST + worst_case(&chat_stream("gpt")));
    eventually("the call is charged", async || fixture.budget(&id).await["reserved"] == "0").await;
    assert_eq!(fixture.budget(&id).await["spent"], json!(spent));
}

#[tokio::test]
async fn credits_that_are_set_to_zero_end_open_streams() {
    let fixture = Fixture::start().await;
    let (id, key) = fixture.key("client", json!({ "models": ["*"], "credits": { "remaining": 1 } })).await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 2).hang());
    let mut stream = OpenStream::open(&fixture, &key, CHAT, &chat_stream("gpt"), "Hello ").await;
    // The stream has taken the last credit, and other changes of the key do not end it.
    let path = format!("/keys/{id}");
    fixture.edit(&path, json!({ "name": "other" })).await;
    let ended = timeout(2 * REVOKED_LIMIT, async { while stream.next().await.is_some_and(|chunk| !chunk.contains("error")) {} }).await;
    assert!(ended.is_err(), "the stream did not end");
    fixture.edit(&path, json!({ "credits": { "remaining": 0 } })).await;
    let changed = Instant::now();
    let event = last_event(&stream.rest().await);
    assert!(changed.elapsed() < REVOKED_LIMIT, "{:?}", changed.elapsed());
    assert_eq!((&event["error"]["code"], &event["error"]["type"]), (&json!("usage_exceeded"), &json!("insufficient_quota")));
    eventually("the provider's connection is closed", async || fixture.upstream.last_request().closed_at.is_some()).await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call() {
    let fixture = Fixture::start().await;
    for is_stream in [false, true] {
        let body = if is_stream { chat_stream("gpt") } else { chat("gpt") };
        fixture.upstream.respond_with(move |request| if is_stream { model_upstream::begin(request, 2).hang() } else { Script::new().hang() });
        let mut times = Vec::new();
        // The best of several, because other tests run at the same time.
        while times.len() < 5 && times.iter().min().is_none_or(|time| *time > END_LIMIT) {
            let (count, has_begun) = (fixture.upstream.requests().len(), AtomicBool::new(false));
            let call = async {
                let mut response = fixture.post(CHAT, &body).await;
                while response.chunk().await.unwrap().is_some() {
                    has_begun.store(true, Ordering::Relaxed);
                }
            };
            let is_open = async || has_begun.load(Ordering::Relaxed) || (!is_stream && fixture.upstream.requests().len() > count);
            // The client disconnects when its future is dropped.
            tokio::select! {
                () = call => panic!("the call ended by itself"),
                () = eventually("the call arrives", is_open) => {}
            }
            let left = Instant::now();
            let closed_at = || fixture.upstream.requests().get(count).and_then(|request| request.closed_at);
            eventually("the call ends", async || closed_at().is_some()).await;
            times.push(closed_at().unwrap().saturating_duration_since(left));
        }
        assert!(times.iter().min().is_some_and(|time| *time <= END_LIMIT), "{is_stream}: {times:?}");
        eventually("the call is logged", async || fixture.log().await.first().is_some_and(|call| call["is_stream"] == is_stream)).await;
        let call = fixture.log().await.remove(0);
        assert_eq!((&call["code"], &call["usage"]), (&json!("client_closed"), &json!("estimated")), "{call}");
    }
    let usage = fixture.usage("model").await;
    assert_eq!(usage[0]["estimated"], usage[0]["calls"], "a call that was left is not free");
}
