//! `Try it`: a prompt from the page, under the member's session.

use std::time::{Duration, Instant};

use latchkey_types::dollars::Dollars;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{CHAT, CHAT_COST, Fixture, MESSAGES, refusal};
use crate::{
    services::{SECRET, code},
    support::{BrowserClient, eventually, model_upstream, text},
};

const PATH: &str = "/console/models/try";

async fn send(page: &BrowserClient, model: &str, prompt: &str) -> Response {
    page.request(Method::POST, PATH).json(&json!({ "model": model, "prompt": prompt })).send().await.unwrap()
}

#[tokio::test]
async fn a_prompt_is_answered_and_counted_to_the_member() {
    let fixture = Fixture::start().await;
    fixture.alias("best", &[(&fixture.gpt, 1, 1)]).await;
    for (model, target, path) in [("gpt", "gpt", CHAT), ("best", "gpt", CHAT), ("claude", "claude", MESSAGES)] {
        let response = send(&fixture.owner, model, "Say “hello”.").await;
        let headers = response.headers();
        assert_eq!((response.status(), &headers["x-latchkey-model"]), (StatusCode::OK, &target.parse().unwrap()));
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream") && headers["x-accel-buffering"] == "no");
        let text = response.text().await.unwrap();
        assert!(text.contains("Hello ") && text.contains("there"), "{text}");
        let sent = fixture.upstream.last_request();
        let is_anthropic = path == MESSAGES;
        assert_eq!((sent.target(), sent.header("anthropic-version").is_some(), sent.header("cookie")), (path, is_anthropic, None));
        assert_eq!(sent.header(if is_anthropic { "x-api-key" } else { "authorization" }).map(|key| key.contains(SECRET)), Some(true));
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(body["messages"], json!([{ "role": "user", "content": "Say “hello”." }]));
        assert_eq!((&body["stream"], &body["max_tokens"]), (&json!(true), &json!(1024)), "{body}");
    }
    let all_counted = async || fixture.usage("key").await.first().is_some_and(|page| page["calls"] == 3);
    eventually("the calls are counted", all_counted).await;
    let page = fixture.usage("key").await.remove(0);
    let cost = Dollars(2 * CHAT_COST + 198_750);
    assert_eq!((&page["name"], &page["id"], &page["cost"], &page["estimated"]), (&json!("Page"), &json!(""), &json!(cost), &json!(0)));
    assert_eq!(fixture.usage("member").await[0]["name"], "owner of acme");
    assert!(fixture.log().await.iter().all(|call| call["key"].is_null() && call["is_stream"] == true));
}

#[tokio::test]
async fn only_managers_of_credentials_may_try() {
    let fixture = Fixture::start().await;
    assert_eq!(send(&fixture.server.visitor(), "gpt", "Hi").await.status(), StatusCode::UNAUTHORIZED);
    let member = fixture.server.user("member", "acme").await;
    assert_eq!(send(&member, "gpt", "Hi").await.status(), StatusCode::FORBIDDEN);
    let foreign = fixture.server.user("owner", "globex").await;
    assert_eq!(refusal(send(&foreign, "gpt", "Hi").await).await, code(404, "model_not_found"));
    let cookie = fixture.owner.cookie.clone().unwrap();
    for origin in ["https://evil.test", "null"] {
        let request = fixture.owner.client.post(format!("{}{PATH}", fixture.server.url)).header("cookie", &cookie).header("origin", origin);
        let response = request.json(&json!({ "model": "gpt", "prompt": "Hi" })).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin}");
    }
    assert_eq!(send(&fixture.owner, "gpt", &"x".repeat(100 * 1024 + 1)).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refusal(send(&fixture.owner, "gtp", "Hi").await).await, code(404, "model_not_found"));
    assert!(fixture.upstream.requests().is_empty());

    // The member's budget applies.
    let user = text(&fixture.api.get("/whoami").await.1["user"]["id"]);
    let nothing = json!({ "user": user, "budget": { "limit": 0, "unit": "usd", "period": "none" } });
    assert_eq!(fixture.owner.call("members/set-budget", nothing).await.0, StatusCode::OK);
    assert_eq!(refusal(send(&fixture.owner, "gpt", "Hi").await).await, code(429, "budget_exceeded"));
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn an_open_answer_ends_with_the_session() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 2).hang());
    let mut response = send(&fixture.owner, "gpt", "Hi").await;
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(fixture.owner.call("account/sign-out", json!({})).await.0, StatusCode::OK);
    let signed_out = Instant::now();
    let rest = response.text().await.unwrap();
    assert!(signed_out.elapsed() < Duration::from_secs(1), "{:?}", signed_out.elapsed());
    assert!(rest.contains(r#""code":"key_revoked""#), "{rest}");
    eventually("the provider's connection is closed", async || fixture.upstream.last_request().closed_at.is_some()).await;
}
