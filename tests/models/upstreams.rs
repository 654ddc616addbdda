//! Providers that fail, lie or attack: each has a clear answer, and the bill stays right.

use std::time::Duration;

use latchkey_types::dollars::Dollars;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{CHAT, CHAT_COST, Fixture, MESSAGES, chat, chat_stream, refusal};
use crate::{
    services::{SECRET, code, with},
    support::{
        eventually, model_upstream,
        upstream::{ReceivedRequest, Script, Upstream, head},
    },
};

const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("content-type", "text/event-stream");

impl Fixture {
    /// The only usage so far, which is that of one model. A response may have ended shortly before.
    async fn only_usage(&self, calls: i64) -> Value {
        let is_recorded = async || self.usage("model").await.first().is_some_and(|model| model["calls"] == calls);
        eventually("the calls are recorded", is_recorded).await;
        self.usage("model").await.remove(0)
    }
}

/// A chat completion with this usage instead of its own.
fn with_usage(request: &ReceivedRequest, usage: &Value) -> Script {
    Script::response(200, &[JSON], with(model_upstream::answer(request), &json!({ "usage": usage })).to_string())
}

#[tokio::test]
async fn invalid_responses_are_502() {
    let fixture = Fixture::start().await;
    let elsewhere = Upstream::start().await;
    let large = "x".repeat(1 << 20);
    let redirect = format!("{}/v1/chat/completions", elsewhere.url);
    let huge_headers = (0..10).fold(Script::new().send("HTTP/1.1 200 OK\r\n"), |script, number| script.send(format!("x-{number}: {large}\r\n")));
    for (script, expected) in [
        (Script::new().close(), "upstream_failed"),
        (Script::new().send("this is not HTTP\r\n\r\n").close(), "upstream_failed"),
        (huge_headers.send("content-length: 2\r\n\r\n{}"), "upstream_failed"),
        (Script::response(307, &[("location", redirect.as_str())], "{}"), "upstream_failed"),
        (Script::response(200, &[JSON, ("content-encoding", "gzip")], "{}"), "encoded_response"),
        (Script::new().send(head(200, &[JSON, ("content-length", "99")])).send("{").close(), "upstream_failed"),
    ] {
        fixture.upstream.respond(script);
        for body in [chat("gpt"), chat_stream("gpt")] {
            assert_eq!(refusal(fixture.post(CHAT, body).await).await, code(502, expected), "{expected}");
        }
    }
    assert!(elsewhere.requests().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn an_interrupted_stream_ends_with_an_error_and_an_estimate() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 3).send("5\r\ndata:\r\n").close());
    let body = chat_stream("gpt");
    let text = fixture.post(CHAT, &body).await.text().await.unwrap();
    // The incomplete event was held back, because it could have been that of the usage.
    assert!(text.contains("there") && text.ends_with("\n\n"), "{text}");
    let error: Value = serde_json::from_str(text.rsplit_once("data: ").unwrap().1).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["type"]), (&json!("upstream_failed"), &json!("api_error")));
    let (input, output) = (body.to_string().len().div_ceil(4), "Hello there".len().div_ceil(4));
    let usage = fixture.only_usage(1).await;
    let tokens = json!({ "input": input, "cached": 0, "cache_write": 0, "output": output, "reasoning": 0 });
    assert_eq!((&usage["tokens"], &usage["estimated"], &usage["failures"]), (&tokens, &json!(1), &json!(1)), "{usage}");
    let call = fixture.log().await.remove(0);
    assert_eq!((&call["status"], &call["code"], &call["usage"]), (&json!(200), &json!("upstream_failed"), &json!("estimated")));
    assert_eq!(fixture.api.get("/calls?outcome=failed").await.1["items"], json!([call]));

    // After the last event, it does not matter how the connection ends.
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 99).close());
    let text = fixture.post(CHAT, &body).await.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let usage = fixture.only_usage(2).await;
    assert_eq!((&usage["estimated"], &usage["failures"]), (&json!(1), &json!(1)), "{usage}");
}

#[tokio::test]
async fn the_input_of_an_interrupted_stream_is_the_reported_one() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 4).close());
    let text = fixture.post(MESSAGES, with(chat("claude"), &json!({ "stream": true }))).await.text().await.unwrap();
    assert!(text.contains("Hello ") && text.contains("event: error\n"), "{text}");
    let usage = fixture.only_usage(1).await;
    let tokens = json!({ "input": 20, "cached": 5, "cache_write": 3, "output": "Hello ".len().div_ceil(4), "reasoning": 0 });
    assert_eq!((&usage["tokens"], &usage["estimated"]), (&tokens, &json!(1)), "{usage}");
}

#[tokio::test]
async fn absurd_usage_is_ignored() {
    let fixture = Fixture::start().await;
    let body = chat("gpt");
    let absurd = [
        Value::Null,
        json!({ "prompt_tokens": -20, "completion_tokens": 10 }),
        json!({ "prompt_tokens": 20, "completion_tokens": -10 }),
        json!({ "prompt_tokens": 1_000_000_000_000_000_i64, "completion_tokens": 10 }),
        json!({ "prompt_tokens": 1e30, "completion_tokens": 10 }),
        json!({ "prompt_tokens": "20", "completion_tokens": 10 }),
        json!({ "total_tokens": 30 }),
    ];
    let count = i64::try_from(absurd.len()).unwrap();
    for usage in absurd {
        let expected = usage.clone();
        fixture.upstream.respond_with(move |request| with_usage(request, &usage));
        let response = fixture.post(CHAT, &body).await;
        assert!(response.status() == StatusCode::OK && !response.headers().contains_key("x-latchkey-cost"));
        assert_eq!(response.json::<Value>().await.unwrap()["usage"], expected, "the response is passed on");
    }
    let estimate = |bytes: usize| i64::try_from(bytes.div_ceil(4)).unwrap() * count;
    let usage = fixture.only_usage(count).await;
    assert_eq!(usage["estimated"], count);
    assert_eq!(usage["tokens"]["input"], estimate(body.to_string().len()));
    assert_eq!(usage["tokens"]["output"], estimate("Hello there".len()));
}

#[tokio::test]
async fn usage_above_the_bound_is_charged_up_to_it() {
    let fixture = Fixture::start().await;
    let (id, key) = fixture.key("agent", json!({ "budget": { "limit": "1" } })).await;
    let body = chat("gpt");
    fixture.upstream.respond_with(|request| with_usage(request, &json!({ "prompt_tokens": 20, "completion_tokens": 1_000_000 })));
    let response = fixture.post_with(&key, CHAT, &body).await;
    // The cost is what the provider will charge.
    assert_eq!((response.status(), &response.headers()["x-latchkey-cost"]), (StatusCode::OK, &"10.00004".parse().unwrap()));
    let bound = i64::try_from(body.to_string().len()).unwrap() * 2000 + 20 * 10_000;
    assert_eq!(fixture.budget(&id).await["spent"], json!(Dollars(bound)));
    let usage = fixture.only_usage(1).await;
    assert_eq!((&usage["cost"], &usage["failures"], &usage["estimated"]), (&json!("10.00004"), &json!(0), &json!(0)));
    let call = fixture.log().await.remove(0);
    assert_eq!((&call["code"], &call["status"], &call["tokens"]["output"]), (&json!("usage_above_bound"), &json!(200), &json!(1_000_000)));
}

#[tokio::test]
async fn an_error_with_status_200_costs_nothing() {
    let fixture = Fixture::start().await;
    let error = json!({ "error": { "message": "The model is overloaded.", "type": "server_error", "code": 503 } }).to_string();
    fixture.upstream.respond(Script::response(200, &[JSON], &error));
    let response = fixture.post(CHAT, chat("gpt")).await;
    assert_eq!((response.status(), &response.headers()["x-latchkey-cost"]), (StatusCode::OK, &"0".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), error);
    let event = format!("data: {error}\n\n");
    fixture.upstream.respond(Script::chunked(200, &[EVENTS], &[event.as_bytes()]));
    assert_eq!(fixture.post(CHAT, chat_stream("gpt")).await.text().await.unwrap(), event);
    let usage = fixture.only_usage(2).await;
    assert_eq!((&usage["tokens"]["input"], &usage["cost"], &usage["estimated"]), (&json!(0), &json!("0"), &json!(0)), "{usage}");
}

#[tokio::test]
async fn an_answer_of_another_type_is_passed_on() {
    let fixture = Fixture::start().await;
    // JSON although a stream was requested, and a slow one.
    fixture.upstream.respond_with(|request| {
        let body = model_upstream::answer(request).to_string();
        let (first, second) = body.split_at(40);
        let length = body.len().to_string();
        let start = Script::new().wait(Duration::from_millis(600)).send(head(200, &[JSON, ("content-length", length.as_str())])).send(first);
        start.wait(Duration::from_millis(600)).send(second)
    });
    let response = fixture.post(CHAT, chat_stream("gpt")).await;
    assert_eq!(response.headers()["x-latchkey-cost"], "0.000136");
    assert_eq!(response.json::<Value>().await.unwrap()["choices"][0]["message"]["content"], "Hello there");
    // A stream although none was requested, without its type.
    fixture.upstream.respond_with(|request| {
        let mut streamed = request.clone();
        streamed.body = with(chat_stream("model-a"), &json!({ "stream_options": { "include_usage": true } })).to_string().into_bytes();
        let events = model_upstream::events(&streamed);
        let chunks: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
        Script::chunked(200, &[EVENTS], &chunks)
    });
    let text = fixture.post(CHAT, chat("gpt")).await.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let usage = fixture.only_usage(2).await;
    assert_eq!((&usage["cost"], &usage["estimated"]), (&json!(Dollars(2 * CHAT_COST)), &json!(0)), "{usage}");
}

/// The response, and whether it contains the credential.
async fn leaks(response: Response) -> (StatusCode, bool) {
    let (status, headers) = (response.status(), format!("{:?}", response.headers()));
    let text = response.text().await.unwrap();
    assert!(headers.contains("****") && text.contains("****"), "{headers} {text}");
    (status, headers.contains(SECRET) || text.contains(SECRET))
}

#[tokio::test]
async fn an_echo_of_the_credential_is_masked() {
    let fixture = Fixture::start().await;
    let echo = ("x-echo", SECRET);
    for status in [200, 400, 500] {
        let text = json!({ "error": { "message": format!("Incorrect API key provided: {SECRET}.") } }).to_string();
        fixture.upstream.respond(Script::response(status, &[JSON, echo], text));
        for (path, body) in [(CHAT, chat("gpt")), (MESSAGES, chat("claude"))] {
            assert_eq!(leaks(fixture.post(path, body).await).await, (StatusCode::from_u16(status).unwrap(), false));
        }
    }
    let (first, second) = SECRET.split_at(8);
    let chunks = [format!("data: {first}"), format!("{second}\n\n")];
    fixture.upstream.respond(Script::chunked(200, &[EVENTS, echo], &[chunks[0].as_bytes(), chunks[1].as_bytes()]));
    for body in [chat_stream("gpt"), chat("gpt")] {
        assert_eq!(leaks(fixture.post(CHAT, body).await).await, (StatusCode::OK, false));
    }
    let sql = "select actor_kind, actor_id, object_name from audit_events where action = 'provider.secret_echoed' order by object_name";
    let database = fixture.server.database().await;
    let audited = async || sqlx::query_as::<_, (String, String, String)>(sql).fetch_all(&database).await.unwrap();
    eventually("the echoes are audited", async || audited().await.len() == 2).await;
    let expected = ["Anthropic", "OpenAI"].map(|name| ("key".to_owned(), fixture.key_id.clone(), name.to_owned()));
    assert_eq!(audited().await, expected, "at most one a minute for each provider");
    // What a provider says about itself is not taken for Latchkey's.
    fixture.upstream.respond(Script::response(200, &[JSON, ("x-latchkey-cost", "7"), ("x-latchkey-code", "forged"), ("set-cookie", "a=1")], "{}"));
    let response = fixture.post(CHAT, chat("gpt")).await;
    assert_eq!(response.headers().keys().filter(|name| ["x-latchkey-cost", "x-latchkey-code", "set-cookie"].contains(&name.as_str())).count(), 0);
}
