//! What is recorded of calls: usage by key, model, member and day, and the log. What fails or breaks off is in `upstreams.rs`.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, Fixture, MESSAGES, chat, chat_stream, message, refusal};
use crate::{
    services::{code, with},
    support::{eventually, model_upstream, upstream::Script},
};

/// The field of each item.
fn field(items: &[Value], name: &str) -> Vec<Value> {
    items.iter().map(|item| item[name].clone()).collect()
}

#[tokio::test]
async fn usage_is_that_of_the_provider_by_key_model_member_and_day() {
    let fixture = Fixture::start().await;
    fixture.alias("best", &[(&fixture.gpt, 1, 1)]).await;
    let (other_id, other) = fixture.key("client", json!({ "models": ["*"] })).await;
    let free = json!({ "model": "claude", "messages": [{ "role": "user", "content": "Hi" }] });
    for (key, path, body) in [
        (&fixture.key, CHAT, chat("gpt")),
        (&fixture.key, CHAT, chat("best")),
        (&other, CHAT, chat("gpt")),
        (&other, MESSAGES, message()),
        (&other, "/v1/messages/count_tokens", free),
        (&other, "/v1/embeddings", json!({ "model": "gpt", "input": "Hi" })),
    ] {
        assert_eq!(fixture.post_with(key, path, body).await.status(), StatusCode::OK);
    }
    let models = fixture.usage("model").await;
    assert_eq!(field(&models, "name"), ["gpt", "claude"]);
    assert_eq!(field(&models, "calls"), [4, 2]);
    assert_eq!(field(&models, "cost"), ["0.000418", "0.00019875"]);
    assert_eq!(models[0]["tokens"], json!({ "input": 65, "cached": 12, "cache_write": 0, "output": 30, "reasoning": 9 }));
    assert_eq!(models[1]["tokens"], json!({ "input": 20, "cached": 5, "cache_write": 3, "output": 10, "reasoning": 0 }));
    let mut keys = fixture.usage("key").await;
    keys.sort_by_key(|key| key["id"] != json!(fixture.key_id));
    assert_eq!(field(&keys, "id"), [json!(fixture.key_id), json!(other_id)]);
    assert_eq!(field(&keys, "cost"), ["0.000272", "0.00034475"]);
    for group in ["member", "day"] {
        let all = fixture.usage(group).await;
        assert_eq!((all.len(), &all[0]["calls"], &all[0]["cost"]), (1, &json!(6), &json!("0.00061675")), "{group}");
    }
    // Shown with the provider and its models.
    let recent = fixture.api.get(&format!("/providers/{}", fixture.openai)).await.1["recent"].clone();
    assert_eq!((&recent["calls"], &recent["failures"], &recent["cost"]), (&json!(4), &json!(0), &json!("0.000418")));

    let log = fixture.log().await;
    assert_eq!(field(&log, "path"), ["/v1/embeddings", "/v1/messages/count_tokens", MESSAGES, CHAT, CHAT, CHAT]);
    let call = &log[4];
    for (name, value) in [
        ("model", json!("best")),
        ("target", json!("gpt")),
        ("provider", json!("OpenAI")),
        ("key", json!(fixture.key_id)),
        ("is_stream", json!(false)),
        ("status", json!(200)),
        ("code", json!("")),
        ("cost", json!("0.000136")),
        ("usage", json!("reported")),
        ("attempts", json!(1)),
        ("tokens", json!({ "input": 20, "cached": 4, "cache_write": 0, "output": 10, "reasoning": 3 })),
    ] {
        assert_eq!(call[name], value, "{name}");
    }
    assert!(call["first_byte_ms"].is_i64() && call["duration_ms"].is_i64() && call["key_name"].as_str().unwrap().starts_with("agent "), "{call}");
    assert_eq!((&log[1]["usage"], &log[1]["cost"]), (&Value::Null, &json!("0")), "counting tokens is free");
}

#[tokio::test]
async fn input_that_is_cached_for_an_hour_costs_more() {
    let fixture = Fixture::start().await;
    let usage = json!({
        "input_tokens": 12, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3, "output_tokens": 10,
        "cache_creation": { "ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2 },
    });
    fixture.upstream.respond_with(move |request| {
        let answer = with(model_upstream::answer(request), &json!({ "usage": usage })).to_string();
        Script::response(200, &[("content-type", "application/json")], answer)
    });
    let response = fixture.post(MESSAGES, message()).await;
    // In dollars for a million tokens: 12 at 3, 5 at 0.3, 1 at 3.75, 2 at 6 and 10 at 15.
    assert_eq!(response.headers()["x-latchkey-cost"], "0.00020325");
    assert_eq!(fixture.usage("model").await[0]["cost"], "0.00020325");
}

#[tokio::test]
async fn a_model_without_a_price_never_counts_as_free() {
    let fixture = Fixture::start().await;
    let local = fixture.model("local", json!({ "price": null, "upstream_name": "a-model-without-a-price" })).await;
    assert_eq!(fixture.api.get(&format!("/models/{local}")).await.1["price_source"], "unknown");
    assert_eq!(refusal(fixture.post(CHAT, chat("local")).await).await, code(403, "unpriced_model"));
    assert!(fixture.upstream.requests().is_empty());
    fixture.edit(&format!("/models/{local}"), json!({ "allow_unpriced": true })).await;
    let response = fixture.post(CHAT, chat("local")).await;
    assert!(response.status() == StatusCode::OK && !response.headers().contains_key("x-latchkey-cost"));
    let usage = fixture.usage("model").await.remove(0);
    assert_eq!((&usage["unpriced"], &usage["calls"], &usage["tokens"]["input"], &usage["cost"]), (&json!(1), &json!(1), &json!(20), &json!("0")));
    let call = fixture.log().await.remove(0);
    assert_eq!((&call["usage"], &call["cost"]), (&json!("unpriced"), &Value::Null));

    // Not below a budget in dollars; one in tokens counts it.
    let budget = |unit: &str, limit: Value| json!({ "budget": { "limit": limit, "unit": unit, "period": "day" } });
    let (_, dollars) = fixture.key("agent", budget("usd", json!("5"))).await;
    assert_eq!(refusal(fixture.post_with(&dollars, CHAT, chat("local")).await).await, code(403, "unpriced_model"));
    let (id, tokens) = fixture.key("agent", budget("tokens", json!(1000))).await;
    assert_eq!(fixture.post_with(&tokens, CHAT, chat("local")).await.status(), StatusCode::OK);
    assert_eq!(fixture.budget(&id).await["spent"], 30);

    // A request with other prices than those of the model has no price either.
    let priority = with(chat("gpt"), &json!({ "service_tier": "priority" }));
    assert_eq!(refusal(fixture.post(CHAT, &priority).await).await, code(403, "unpriced_model"));
    assert_eq!(fixture.post(CHAT, with(chat("gpt"), &json!({ "service_tier": "default" }))).await.status(), StatusCode::OK);
    // A change of the price is effective at once.
    fixture.edit(&format!("/models/{local}"), json!({ "price": { "input": "1", "output": "1" } })).await;
    assert_eq!(fixture.post(CHAT, chat("local")).await.headers()["x-latchkey-cost"], "0.00003");
}

#[tokio::test]
async fn calls_are_logged_as_the_organization_has_set() {
    let fixture = Fixture::start().await;
    assert_eq!(refusal(fixture.post(CHAT, chat("unknown")).await).await, code(404, "model_not_found"));
    assert!(fixture.post(CHAT, chat_stream("gpt")).await.text().await.unwrap().contains("there"));
    eventually("both are logged", async || fixture.log().await.len() == 2).await;
    let mut log = fixture.log().await;
    log.sort_by_key(|call| call["code"].to_string());
    assert_eq!(field(&log, "code"), ["", "model_not_found"]);
    assert_eq!((&log[0]["is_stream"], &log[1]["target"], &log[1]["attempts"]), (&json!(true), &json!(""), &json!(0)));
    assert!(!serde_json::to_string(&log).unwrap().contains("Hello"), "no text of a call");
    let failed = fixture.api.get("/calls?outcome=failed").await.1;
    assert_eq!(failed["items"], json!([log[1]]));
    assert_eq!(fixture.owner.call("organization/set-call-log-days", json!({ "days": 0 })).await.0, StatusCode::OK);
    assert_eq!(fixture.post(CHAT, chat("gpt")).await.status(), StatusCode::OK);
    assert_eq!(fixture.owner.call("organization/set-call-log-days", json!({ "days": 1 })).await.0, StatusCode::OK);
    assert_eq!(fixture.post(CHAT, chat("claude")).await.status(), StatusCode::BAD_REQUEST);
    let log = fixture.log().await;
    assert_eq!((log.len(), &log[0]["code"]), (3, &json!("wrong_api")), "{log:?}");
}
