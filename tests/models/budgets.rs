//! Budgets, and the other limits of keys: what is left is spent to the last billionth, and never more.

use std::time::Duration;

use latchkey_types::dollars::Dollars;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use super::{CHAT, CHAT_COST, Fixture, RESPONSES, chat, chat_stream, refusal, refusal_text};
use crate::{
    services::{code, with},
    support::{eventually, model_upstream, text, upstream::Script},
};

/// The most that a chat completion with this body and 20 tokens of output can cost: each byte may be a token.
pub fn worst_case(body: &Value) -> i64 {
    bytes(body) * 2000 + 20 * 10_000
}

fn bytes(body: &Value) -> i64 {
    i64::try_from(body.to_string().len()).unwrap()
}

/// A budget in dollars, of billionths.
fn dollars(limit: i64) -> Value {
    json!({ "budget": { "limit": Dollars(limit), "period": "day" } })
}

#[tokio::test]
async fn a_budget_is_spent_as_far_as_it_covers_calls() {
    let fixture = Fixture::start().await;
    let body = chat("gpt");
    let (limit, worst) = (worst_case(&body) + CHAT_COST, worst_case(&body));
    let (id, key) = fixture.key("agent", dollars(limit)).await;
    for _ in 0..2 {
        assert_eq!(fixture.post_with(&key, CHAT, &body).await.status(), StatusCode::OK);
    }
    let budget = fixture.budget(&id).await;
    assert_eq!((&budget["spent"], &budget["reserved"]), (&json!(Dollars(2 * CHAT_COST)), &json!("0")));
    // What is left does not cover the most that a third one can cost.
    let response = fixture.post_with(&key, CHAT, &body).await;
    let headers = response.headers().clone();
    assert!(headers["x-should-retry"] == "false" && !headers.contains_key("retry-after"), "{headers:?}");
    let (status, code, message) = refusal_text(response).await;
    assert_eq!((status, code.as_str()), (429, "budget_exceeded"));
    let (left, limit_text, worst_text) = (Dollars(worst - CHAT_COST), Dollars(limit), Dollars(worst));
    for part in
        [format!("${left} of ${limit_text} are left"), format!("may cost up to ${worst_text}"), format!("again at {}", text(&budget["resets_at"]))]
    {
        assert!(message.contains(&part), "{message}: {part}");
    }
    assert_eq!(fixture.upstream.requests().len(), 2);
    // A cheaper call is covered.
    let cheaper = with(body.clone(), &json!({ "max_tokens": 1 }));
    assert_eq!(fixture.post_with(&key, CHAT, &cheaper).await.status(), StatusCode::OK);
    // To the billionth.
    for (more, status) in [(-1, 429), (0, 200)] {
        fixture.edit(&format!("/keys/{id}"), dollars(3 * CHAT_COST + worst + more)).await;
        assert_eq!(fixture.post_with(&key, CHAT, &body).await.status(), status);
    }
    assert_eq!(fixture.budget(&id).await["spent"], json!(Dollars(4 * CHAT_COST)));
}

#[tokio::test]
async fn budgets_of_the_member_and_the_organization_apply() {
    let fixture = Fixture::start().await;
    let user = text(&fixture.api.get(&format!("/keys/{}", fixture.key_id)).await.1["created_by"]);
    let body = chat("gpt");
    for (function, of) in [("members/set-budget", "the member to whom the call is counted"), ("organization/set-budget", "the organization")] {
        let set = async |budget: Value| {
            let arguments = if function.starts_with("members") { json!({ "user": user, "budget": budget }) } else { json!({ "budget": budget }) };
            let (status, outcome) = fixture.owner.call(function, arguments).await;
            assert_eq!(status, StatusCode::OK, "{outcome}");
        };
        let budget = |limit: i64| json!({ "limit": limit, "unit": "usd", "period": "month" });
        set(budget(worst_case(&body) - 1)).await;
        let (status, code, message) = refusal_text(fixture.post(CHAT, &body).await).await;
        assert_eq!((status, code.as_str()), (429, "budget_exceeded"));
        assert!(message.contains(&format!("The budget of {of} does not cover this call")), "{message}");
        set(budget(worst_case(&body))).await;
        assert_eq!(fixture.post(CHAT, &body).await.status(), StatusCode::OK);
        // Of all keys together.
        let (_, other) = fixture.key("agent", json!({})).await;
        assert_eq!(refusal(fixture.post_with(&other, CHAT, &body).await).await.1, "budget_exceeded");
        set(Value::Null).await;
        assert_eq!(fixture.post(CHAT, &body).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn calls_at_once_are_admitted_exactly_as_far_as_the_budget_covers_them() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond(Script::new().hang());
    let body = chat("gpt");
    let (id, key) = fixture.key("agent", dollars(6 * worst_case(&body) - 1)).await;
    let mut calls = JoinSet::new();
    for _ in 0..12 {
        calls.spawn(fixture.request_with(&key, CHAT, &body).send());
    }
    for _ in 0..7 {
        let refused = timeout(Duration::from_secs(20), calls.join_next()).await.expect("seven calls are refused").unwrap().unwrap().unwrap();
        // What is reserved may become free.
        assert_eq!((&refused.headers()["retry-after"], refused.headers().contains_key("x-should-retry")), (&"1".parse().unwrap(), false));
        assert_eq!(refusal(refused).await, code(429, "budget_exceeded"));
    }
    eventually("five calls are forwarded", async || fixture.upstream.requests().len() == 5).await;
    let budget = fixture.budget(&id).await;
    assert_eq!((&budget["spent"], &budget["reserved"]), (&json!("0"), &json!(Dollars(5 * worst_case(&body)))));
    // Calls that broke off are charged as reserved: what the provider bills is not known.
    drop(calls);
    eventually("nothing is reserved", async || fixture.budget(&id).await["reserved"] == "0").await;
    assert_eq!(fixture.budget(&id).await["spent"], json!(Dollars(5 * worst_case(&body))));
    assert_eq!(fixture.upstream.requests().len(), 5);
}

#[tokio::test]
async fn a_call_without_a_bound_is_refused_or_reserves_the_context() {
    let fixture = Fixture::start().await;
    let image = json!([{ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } }]);
    let image = with(chat("gpt"), &json!({ "messages": [{ "role": "user", "content": image }] }));
    let unlimited = json!({ "model": "gpt", "messages": [{ "role": "user", "content": "Hi" }] });
    let search = json!({ "model": "gpt", "input": "Hi", "max_output_tokens": 20, "tools": [{ "type": "web_search" }] });
    let earlier = json!({ "model": "gpt", "input": "Hi", "max_output_tokens": 20, "previous_response_id": "resp_0" });
    let item = json!({ "model": "gpt", "input": [{ "id": "msg_0" }], "max_output_tokens": 20 });
    let all = [(CHAT, &image), (CHAT, &unlimited), (RESPONSES, &search), (RESPONSES, &earlier), (RESPONSES, &item)];
    let (_, key) = fixture.key("agent", json!({ "budget": { "limit": "100" } })).await;
    for (path, body) in all {
        let (status, code, message) = refusal_text(fixture.post_with(&key, path, body).await).await;
        assert_eq!((status, code.as_str()), (400, "unbounded_cost"), "{body}");
        assert!(message.contains("Settings → Providers"), "{message}");
        assert_eq!(fixture.post(path, body).await.status(), StatusCode::OK, "without a budget");
    }
    fixture.edit(&format!("/models/{}", fixture.gpt), json!({ "context_tokens": 1000, "output_tokens": 500 })).await;
    for (path, body) in all {
        assert_eq!(fixture.post_with(&key, path, body).await.status(), StatusCode::OK, "{body}");
    }
    for (body, worst) in [(&image, 1000 * 2000 + 20 * 10_000), (&unlimited, bytes(&unlimited) * 2000 + 500 * 10_000)] {
        for (less, status) in [(1, 429), (0, 200)] {
            let (_, key) = fixture.key("agent", dollars(worst - less)).await;
            assert_eq!(fixture.post_with(&key, CHAT, body).await.status(), status, "{body}");
        }
    }
}

#[tokio::test]
async fn tokens_per_minute_and_parallel_calls_are_limited() {
    let fixture = Fixture::start().await;
    let body = chat("gpt");
    // The first call is corrected to the 30 tokens that it used.
    for (missing, status) in [(1, 429), (0, 200)] {
        let (_, key) = fixture.key("agent", json!({ "tokens_per_minute": bytes(&body) + 20 + 30 - missing })).await;
        assert_eq!(fixture.post_with(&key, CHAT, &body).await.status(), StatusCode::OK);
        let second = fixture.post_with(&key, CHAT, &body).await;
        assert_eq!(second.status(), status);
        if status == 429 {
            let retry_after: i64 = second.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=61).contains(&retry_after), "{retry_after}");
            assert_eq!(refusal(second).await, code(429, "token_rate_exceeded"));
        }
    }
    let (_, key) = fixture.key("agent", json!({ "max_parallel": 1 })).await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 2).hang());
    let open = fixture.post_with(&key, CHAT, chat_stream("gpt")).await;
    assert_eq!(open.status(), StatusCode::OK);
    let second = fixture.post_with(&key, CHAT, &body).await;
    assert_eq!(second.headers()["retry-after"], "1");
    assert_eq!(refusal(second).await, code(429, "too_many_parallel_calls"));
    drop(open);
    fixture.upstream.respond_with(model_upstream::respond);
    eventually("the next call is admitted", async || fixture.post_with(&key, CHAT, &body).await.status() == StatusCode::OK).await;
}

#[tokio::test]
async fn rate_limits_and_credits_of_keys_apply() {
    let fixture = Fixture::start().await;
    let (_, key) = fixture.key("client", json!({ "models": ["*"], "credits": { "remaining": 1 } })).await;
    // Calls that are refused before are not charged.
    assert_eq!(refusal(fixture.post_with(&key, CHAT, chat("unknown")).await).await, code(404, "model_not_found"));
    let response = fixture.post_with(&key, CHAT, chat("gpt")).await;
    assert_eq!((response.status(), &response.headers()["x-latchkey-credits-remaining"]), (StatusCode::OK, &"0".parse().unwrap()));
    assert_eq!(refusal(fixture.post_with(&key, CHAT, chat("gpt")).await).await, code(429, "usage_exceeded"));

    // A call that a budget refuses takes no credit.
    let fields = json!({ "models": ["*"], "credits": { "remaining": 1 }, "budget": { "limit": "0", "period": "day" } });
    let (id, key) = fixture.key("client", fields).await;
    let refused = fixture.post_with(&key, CHAT, chat("gpt")).await;
    assert_eq!(refused.headers()["x-latchkey-credits-remaining"], "1");
    assert_eq!(refusal(refused).await, code(429, "budget_exceeded"));
    fixture.edit(&format!("/keys/{id}"), json!({ "budget": null })).await;
    let response = fixture.post_with(&key, CHAT, chat("gpt")).await;
    assert_eq!((response.status(), &response.headers()["x-latchkey-credits-remaining"]), (StatusCode::OK, &"0".parse().unwrap()));

    let limits = json!({ "models": ["*"], "rate_limits": [{ "name": "burst", "limit": 1, "duration_ms": 3_600_000 }] });
    // An unknown name counts as a request, because similar names are searched for.
    let (_, key) = fixture.key("client", limits.clone()).await;
    assert_eq!(refusal(fixture.post_with(&key, CHAT, chat("gtp")).await).await, code(404, "model_not_found"));
    assert_eq!(refusal(fixture.post_with(&key, CHAT, chat("gtp")).await).await, code(429, "rate_limited"));
    let (_, key) = fixture.key("client", limits).await;
    assert_eq!(fixture.post_with(&key, CHAT, chat("gpt")).await.status(), StatusCode::OK);
    let limited = fixture.post_with(&key, CHAT, chat("gpt")).await;
    assert!(
        limited.headers().contains_key("retry-after") && limited.headers()["ratelimit-policy"] == "\"burst\";q=1;w=3600",
        "{:?}",
        limited.headers()
    );
    let error = limited.json::<Value>().await.unwrap()["error"].clone();
    assert_eq!((&error["code"], &error["type"]), (&json!("rate_limited"), &json!("rate_limit_error")));
    assert_eq!(fixture.upstream.requests().len(), 3);
}

#[tokio::test]
async fn used_budgets_are_reported() {
    let fixture = Fixture::start().await;
    let body = chat("gpt");
    let (_, key) = fixture.key("agent", dollars(worst_case(&body) * 5 / 4)).await;
    let usage = json!({ "usage": { "prompt_tokens": bytes(&body), "completion_tokens": 20 } });
    fixture.upstream.respond_with(move |request| {
        let answer = with(model_upstream::answer(request), &usage).to_string();
        Script::response(200, &[("content-type", "application/json")], answer)
    });
    assert_eq!(fixture.post_with(&key, CHAT, &body).await.status(), StatusCode::OK);
    let is_notified = async |event: &str| {
        let (_, list) = fixture.owner.call("notifications/list", json!({})).await;
        list.as_array().unwrap().iter().any(|notification| notification["event"] == event)
    };
    eventually("80 % are reported", async || is_notified("BudgetWarning").await).await;
    assert!(!is_notified("BudgetUsed").await);
    assert_eq!(refusal(fixture.post_with(&key, CHAT, &body).await).await, code(429, "budget_exceeded"));
    eventually("100 % are reported", async || is_notified("BudgetUsed").await).await;
}
