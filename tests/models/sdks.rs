//! The unmodified SDKs of `OpenAI` and Anthropic, for JavaScript and Python: through Latchkey they return what they return directly.

use std::{
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::Fixture;
use crate::support::{eventually, model_upstream, repository};

/// An SDK, and the program that uses it.
struct Sdk {
    command: Command,
    code: &'static str,
    /// The id of the provider whose API it calls.
    provider: fn(&Fixture) -> &str,
}

impl Sdk {
    fn node(code: &'static str, provider: fn(&Fixture) -> &str) -> Self {
        let mut command = Command::new("node");
        command.current_dir(repository().join("end2end")).args(["--input-type=module", "-e"]);
        Self { command, code, provider }
    }

    fn python(code: &'static str, provider: fn(&Fixture) -> &str) -> Self {
        let mut command = Command::new(repository().join("target/sdks/bin/python"));
        command.arg("-c");
        Self { command, code, provider }
    }

    /// What the program prints.
    async fn run(mut self, servers: &Value) -> Value {
        self.command.arg(self.code).arg(servers.to_string()).env("NO_PROXY", "127.0.0.1");
        let run = move || self.command.output().expect("the SDKs are not installed: run `cargo xtask setup`");
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn openai(fixture: &Fixture) -> &str {
    &fixture.openai
}

fn anthropic(fixture: &Fixture) -> &str {
    &fixture.anthropic
}

/// Calls models that answer, fail, fail every second time, and never end. Returns the results, after those of both ways have been compared.
async fn contract(sdk: Sdk) -> Value {
    let fixture = Fixture::start().await;
    for name in ["plain", "broken", "flaky", "endless"] {
        fixture.model_of((sdk.provider)(&fixture), name, json!({})).await;
    }
    let flaky_calls = AtomicUsize::new(0);
    fixture.upstream.respond_with(move |request| match &*model_upstream::model(request) {
        "broken" => model_upstream::error(400, "This model is broken."),
        "flaky" if flaky_calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => model_upstream::error(503, "Try again."),
        "endless" => model_upstream::begin(request, 3).hang(),
        _ => model_upstream::respond(request),
    });
    let (exhausted_id, exhausted) = fixture.key("agent", json!({ "models": ["pl*"], "budget": { "limit": "0" } })).await;
    let (_, key) = fixture.key("agent", json!({ "models": ["plain", "broken", "flaky", "endless"] })).await;
    let server = |url: &str, key: &str| json!({ "url": url, "key": key });
    let (url, direct) = (&fixture.server.url, &fixture.upstream.url);
    let results = sdk.run(&json!({ "direct": server(direct, "any"), "through": server(url, &key), "exhausted": server(url, &exhausted) })).await;

    let compared = results["direct"].as_object().unwrap().keys();
    compared.for_each(|name| assert_eq!(results["through"][name], results["direct"][name], "{name}"));
    assert_eq!(results["models"], json!(["broken", "endless", "flaky", "plain"]));
    let error = |name: &str| ["status", "code"].map(|field| results[name][field].clone());
    assert_eq!(error("unknown"), [json!(404), json!("model_not_found")]);
    assert_eq!(error("exhausted"), [json!(429), json!("budget_exceeded")]);
    assert_eq!(error("unknownKey"), [json!(401), json!("invalid_api_key")]);
    // The SDK repeated what can succeed, and nothing else: the second call of each way did.
    let called = fixture.called();
    let count = |name: &str| called.iter().filter(|called| *called == name).count();
    assert_eq!((count("flaky"), count("broken")), (4, 2));
    assert_eq!(
        fixture.api.get(&format!("/calls?key={exhausted_id}")).await.1["items"].as_array().unwrap().len(),
        1,
        "a final refusal is not repeated"
    );
    // The streams that the SDK left are closed.
    let are_closed = async || {
        let requests = fixture.upstream.requests();
        requests.iter().filter(|request| model_upstream::model(request) == "endless").all(|request| request.closed_at.is_some())
    };
    eventually("both endless streams are closed", are_closed).await;
    assert_eq!(count("endless"), 2);
    results["through"].clone()
}

async fn check_openai(sdk: Sdk) {
    let results = contract(sdk).await;
    let plain = &results["plain"];
    assert_eq!((&plain["choices"][0]["message"]["content"], &plain["usage"]["total_tokens"]), (&json!("Hello there"), &json!(30)));
    let streamed = |name: &str| -> String {
        let events = results[name].as_array().unwrap().iter();
        events.filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
    };
    assert_eq!((streamed("stream"), streamed("streamWithUsage")), ("Hello there".to_owned(), "Hello there".to_owned()));
    let usages = |name: &str| results[name].as_array().unwrap().iter().filter(|event| event["usage"].is_object()).count();
    assert_eq!((usages("stream"), usages("streamWithUsage")), (0, 1), "only if it was requested");
    let call = &results["tools"]["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!((&call["name"], &call["arguments"]), (&json!("weather"), &json!(r#"{"city":"Paris"}"#)));
    let parts = results["toolStream"].as_array().unwrap().iter();
    let arguments: String = parts.filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, r#"{"city":"Paris"}"#);
    assert_eq!(results["completion"]["choices"][0]["text"], "Hello there");
    for name in ["embedding", "numbers"] {
        // JavaScript prints 1.0 as an integer.
        let numbers: Vec<Option<f64>> = results[name].as_array().unwrap().iter().map(Value::as_f64).collect();
        assert_eq!(numbers, [Some(0.25), Some(-0.5), Some(1.0)], "{name}");
    }
    assert_eq!(results["response"]["output"][0]["content"][0]["text"], "Hello there");
    assert_eq!(results["responseStream"].as_array().unwrap().last().unwrap()["type"], "response.completed");
    let error = &results["error"];
    assert_eq!((&error["name"], &error["status"], &error["requestID"]), (&json!("BadRequestError"), &json!(400), &json!("req_upstream")));
    assert_eq!(results["retried"]["model"], "flaky");
}

async fn check_anthropic(sdk: Sdk) {
    let results = contract(sdk).await;
    let plain = &results["plain"];
    assert_eq!((&plain["content"][0]["text"], &plain["usage"]["output_tokens"]), (&json!("Hello there"), &json!(10)));
    let events = results["stream"].as_array().unwrap().iter();
    let streamed: String = events.filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!((streamed.as_str(), &results["final"]["content"][0]["text"]), ("Hello there", &json!("Hello there")));
    assert_eq!(results["final"]["usage"]["output_tokens"], 10, "the last one counts");
    for content in [&results["tools"]["content"], &results["toolStream"]] {
        assert_eq!((&content[0]["name"], &content[0]["input"]), (&json!("weather"), &json!({ "city": "Paris" })));
    }
    assert_eq!(results["tokens"]["input_tokens"], 14);
    let error = &results["error"];
    assert_eq!((&error["name"], &error["status"], &error["requestID"]), (&json!("BadRequestError"), &json!(400), &json!("req_upstream")));
    assert_eq!(results["retried"]["model"], "flaky");
}

#[tokio::test]
async fn openai_for_javascript() {
    check_openai(Sdk::node(include_str!("sdks/openai.mjs"), openai)).await;
}

#[tokio::test]
async fn openai_for_python() {
    check_openai(Sdk::python(include_str!("sdks/openai.py"), openai)).await;
}

#[tokio::test]
async fn anthropic_for_javascript() {
    check_anthropic(Sdk::node(include_str!("sdks/anthropic.mjs"), anthropic)).await;
}

#[tokio::test]
async fn anthropic_for_python() {
    check_anthropic(Sdk::python(include_str!("sdks/anthropic.py"), anthropic)).await;
}
