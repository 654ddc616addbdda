//! Aliases and fallbacks: which target is called, and what happens if it fails.

use latchkey_types::dollars::Dollars;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, CHAT_COST, Fixture, MESSAGES, budgets::worst_case, chat, chat_stream, message, refusal, refusal_text};
use crate::{
    services::{SECRET, code},
    support::{
        eventually, model_upstream,
        upstream::{ReceivedRequest, Script},
    },
};

type Respond = fn(&ReceivedRequest) -> Script;

impl Fixture {
    /// Two more models, and the alias `best` for `gpt` and then `large`, which the upstream knows as `model-a` and `model-b`.
    async fn start_with_alias() -> Self {
        let fixture = Self::start().await;
        let large = fixture.model("large", json!({ "upstream_name": "model-b" })).await;
        fixture.alias("best", &[(&fixture.gpt, 1, 1), (&large, 2, 1)]).await;
        fixture
    }

    /// A change of the models, after which no target is skipped.
    async fn forget_failures(&self) {
        let other = 1_000_000 + self.called().len();
        self.edit(&format!("/models/{}", self.gpt), json!({ "output_tokens": other })).await;
    }
}

#[tokio::test]
async fn a_failed_call_goes_to_the_next_target() {
    let fixture = Fixture::start_with_alias().await;
    let failures: [(&str, Respond); 5] = [
        ("500", |_| Script::response(500, &[], "broken")),
        ("429", |_| Script::response(429, &[], "slow down")),
        ("401", |_| Script::response(401, &[], "who are you?")),
        ("closed", |_| Script::new().close()),
        ("redirect", |_| Script::response(307, &[("location", "http://127.0.0.1:1/")], "")),
    ];
    for (name, respond) in failures {
        fixture.forget_failures().await;
        fixture.respond_to("model-a", respond);
        let before = fixture.called().len();
        for body in [chat("best"), chat_stream("best"), chat("best")] {
            let response = fixture.post(CHAT, &body).await;
            assert_eq!((response.status(), &response.headers()["x-latchkey-model"]), (StatusCode::OK, &"large".parse().unwrap()), "{name}");
            assert!(response.text().await.unwrap().contains("there"));
        }
        // The target that failed is skipped from then on.
        assert_eq!(fixture.called()[before..], ["model-a", "model-b", "model-b", "model-b"], "{name}");
    }
    // Errors of the caller are not repeated elsewhere.
    fixture.forget_failures().await;
    fixture.respond_to("model-a", |_| model_upstream::error(400, "wrong"));
    let before = fixture.called().len();
    let response = fixture.post(CHAT, chat("best")).await;
    assert_eq!((response.status(), &response.headers()["x-latchkey-code"]), (StatusCode::BAD_REQUEST, &"upstream_error".parse().unwrap()));
    assert_eq!(fixture.called()[before..], ["model-a"]);
    // Sorted, because several calls can begin within a millisecond.
    let mut attempts: Vec<i64> = fixture.log().await[..4].iter().map(|call| call["attempts"].as_i64().unwrap()).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_target_whose_response_was_lost_is_charged_too() {
    let fixture = Fixture::start_with_alias().await;
    fixture.respond_to("model-a", |_| Script::new().close());
    let body = chat("best");
    let worst = worst_case(&body);
    let key = async |limit: i64| fixture.key("agent", json!({ "budget": { "limit": Dollars(limit), "period": "day" }, "max_parallel": 1 })).await;
    let (id, covered) = key(2 * worst).await;
    let response = fixture.post_with(&covered, CHAT, &body).await;
    assert_eq!((response.status(), &response.headers()["x-latchkey-model"]), (StatusCode::OK, &"large".parse().unwrap()));
    assert!(!response.headers().contains_key("x-latchkey-cost"), "what the first target bills is not known");
    let budget = fixture.budget(&id).await;
    assert_eq!((&budget["spent"], &budget["reserved"]), (&json!(Dollars(worst + CHAT_COST)), &json!("0")));
    let estimate = body.to_string().len().div_ceil(4);
    let usage = fixture.usage("model").await;
    for (name, estimated, input) in [("gpt", 1, estimate), ("large", 0, 20)] {
        let model = usage.iter().find(|model| model["name"] == name).unwrap();
        assert_eq!((&model["calls"], &model["failures"], &model["estimated"]), (&json!(1), &json!(estimated), &json!(estimated)), "{name}");
        assert_eq!(model["tokens"]["input"], input, "{name}");
    }
    let call = fixture.log().await.remove(0);
    assert_eq!((&call["attempts"], &call["usage"], &call["tokens"]["input"]), (&json!(2), &json!("estimated"), &json!(estimate + 20)));

    // A second call that the budget does not cover is not made.
    fixture.forget_failures().await;
    let (id, uncovered) = key(2 * worst - 1).await;
    assert_eq!(refusal(fixture.post_with(&uncovered, CHAT, &body).await).await, code(502, "upstream_failed"));
    assert_eq!(fixture.budget(&id).await["spent"], json!(Dollars(worst)));
    assert_eq!(fixture.called(), ["model-a", "model-b", "model-a"]);
}

#[tokio::test]
async fn a_target_is_skipped_for_as_long_as_it_asks() {
    let fixture = Fixture::start_with_alias().await;
    fixture.respond_to("model-a", |_| Script::response(429, &[("retry-after", "1")], "{}"));
    let answers = async || fixture.post(CHAT, chat("best")).await.headers()["x-latchkey-model"].clone();
    assert_eq!(answers().await, "large");
    fixture.upstream.respond_with(model_upstream::respond);
    eventually("the target is called again", async || answers().await == "gpt").await;
    assert_eq!(answers().await, "gpt");
    let called = fixture.called();
    let skipped = called.iter().skip(1).take_while(|model| *model == "model-b").count();
    assert!(skipped > 1, "{called:?}");

    // If all are skipped, they are called anyway; the error of the last one is passed on.
    fixture.upstream.respond_with(|request| {
        let status = if model_upstream::model(request) == "model-a" { 503 } else { 529 };
        Script::response(status, &[("retry-after-ms", "60000")], r#"{"error":{"message":"overloaded"}}"#)
    });
    for _ in 0..2 {
        let before = fixture.called().len();
        let response = fixture.post(CHAT, chat("best")).await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after-ms"]), (529, &"60000".parse().unwrap()));
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["message"], "overloaded");
        assert_eq!(fixture.called()[before..], ["model-a", "model-b"]);
    }
}

#[tokio::test]
async fn nothing_is_repeated_after_the_first_byte() {
    let fixture = Fixture::start_with_alias().await;
    fixture.respond_to("model-a", |request| model_upstream::begin(request, 2).close());
    let response = fixture.post(CHAT, chat_stream("best")).await;
    assert_eq!(response.headers()["x-latchkey-model"], "gpt");
    let text = response.text().await.unwrap();
    assert!(text.contains("Hello ") && text.contains(r#""code":"upstream_failed""#) && !text.contains("there"), "{text}");
    fixture.respond_to("model-a", |_| Script::new().send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{").close());
    assert_eq!(refusal(fixture.post(CHAT, chat("best")).await).await, code(502, "upstream_failed"));
    assert_eq!(fixture.called(), ["model-a", "model-a"]);
}

#[tokio::test]
async fn the_only_target_is_called_once() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond(model_upstream::error(500, "broken"));
    let response = fixture.post(CHAT, chat("gpt")).await;
    let headers = response.headers().clone();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in
        [("x-latchkey-code", "upstream_error"), ("x-request-id", "req_upstream"), ("x-latchkey-model", "gpt"), ("retry-after-ms", "1")]
    {
        assert_eq!(headers[name], value);
    }
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["message"], "broken");
    eventually("the failure is counted", async || fixture.usage("model").await.first().is_some_and(|model| model["failures"] == 1)).await;
    let call = fixture.log().await.remove(0);
    assert_eq!((&call["status"], &call["code"]), (&json!(500), &json!("")), "the response was complete");
    fixture.upstream.respond(Script::new().close());
    assert_eq!(refusal(fixture.post(CHAT, chat("gpt")).await).await, code(502, "upstream_failed"));
    assert_eq!(fixture.called().len(), 2);
    // Nothing listens there.
    let closed = json!({ "base_url": "http://127.0.0.1:1/v1", "credential": fixture.credential });
    let provider = fixture.provider("Closed", "openai", &closed).await;
    fixture.model_of(&provider, "closed", json!({})).await;
    let (status, code, message) = refusal_text(fixture.post(CHAT, chat("closed")).await).await;
    assert_eq!((status, code.as_str()), (502, "upstream_failed"));
    assert!(message.starts_with("“Closed” could not be reached."), "{message}");
    let provider = format!("/providers/{provider}");
    eventually("the failure is stored", async || fixture.api.get(&provider).await.1["last_error"].is_object()).await;
    // The last error is cleared by a success.
    let openai = format!("/providers/{}", fixture.openai);
    eventually("the failure is stored", async || fixture.api.get(&openai).await.1["last_error"].is_object()).await;
    fixture.upstream.respond_with(model_upstream::respond);
    let is_cleared = async || {
        assert_eq!(fixture.post(CHAT, chat("gpt")).await.status(), StatusCode::OK);
        fixture.api.get(&openai).await.1["last_error"].is_null()
    };
    eventually("the failure is cleared", is_cleared).await;
}

#[tokio::test]
async fn weights_balance_the_keys_of_a_provider() {
    let fixture = Fixture::start().await;
    let second = fixture.general_key("Second key", "sk-second-0123456").await;
    let other = fixture.model("gpt-second", json!({ "upstream_name": "model-a", "credential": second })).await;
    fixture.alias("balanced", &[(&fixture.gpt, 1, 300), (&other, 1, 100)]).await;
    for _ in 0..80 {
        assert_eq!(fixture.post(CHAT, chat("balanced")).await.status(), StatusCode::OK);
    }
    let keys: Vec<String> = fixture.upstream.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    let calls = |key: &str| keys.iter().filter(|sent| *sent == &format!("Bearer {key}")).count();
    let (first, second) = (calls(SECRET), calls("sk-second-0123456"));
    // 60 and 20 on average; less than one in a million runs exceeds this.
    assert!(first + second == 80 && first > 40 && second > 0, "{first} {second}");
}

#[tokio::test]
async fn fallbacks_and_other_apis() {
    let fixture = Fixture::start().await;
    let last = fixture.model("last", json!({ "upstream_name": "model-l" })).await;
    let second = fixture.model("second", json!({ "upstream_name": "model-b", "fallbacks": [last] })).await;
    fixture.edit(&format!("/models/{}", fixture.gpt), json!({ "fallbacks": [fixture.claude, second] })).await;
    fixture.upstream.respond(model_upstream::error(500, "broken"));
    assert_eq!(fixture.post(CHAT, chat("gpt")).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // Neither the model of the other API, nor the fallback of a fallback.
    assert_eq!(fixture.called(), ["model-a", "model-b"]);

    fixture.upstream.respond_with(model_upstream::respond);
    fixture.alias("both", &[(&fixture.claude, 1, 1), (&fixture.gpt, 1, 1)]).await;
    for (path, body, model) in [(CHAT, chat("both"), "gpt"), (MESSAGES, chat("both"), "claude")] {
        let response = fixture.post(path, body).await;
        assert_eq!((response.status(), &response.headers()["x-latchkey-model"]), (StatusCode::OK, &model.parse().unwrap()));
    }
    for (path, body, other) in [(CHAT, message(), "/v1/messages"), (MESSAGES, chat("second"), "/v1/chat/completions")] {
        let (status, code, message) = refusal_text(fixture.post(path, body).await).await;
        assert_eq!((status, code.as_str()), (400, "wrong_api"));
        assert!(message.contains(&format!("POST {other}.")), "{message}");
    }
}
