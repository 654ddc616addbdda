//! Limits of time and memory, lower than those of an installation.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::stream;
use latchkey_http::ModelLimits;
use latchkey_types::dollars::Dollars;
use reqwest::{Body, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{CHAT, Fixture, MESSAGES, budgets::worst_case, chat, chat_stream, message, refusal};
use crate::{
    services::{code, with},
    support::{
        eventually, model_upstream, send_large,
        upstream::{Script, head},
    },
};

/// Of each limit of time.
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_provider_that_does_not_respond_is_504() {
    let fixture = Fixture::start_with(ModelLimits { headers: LIMIT, idle: LIMIT, ..ModelLimits::default() }).await;
    let large = fixture.model("large", json!({ "upstream_name": "model-b" })).await;
    fixture.alias("best", &[(&fixture.gpt, 1, 1), (&large, 2, 1)]).await;
    let (id, key) = fixture.key("agent", json!({ "budget": { "limit": "1" } })).await;
    fixture.upstream.respond(Script::new().hang());
    let response = fixture.post_with(&key, CHAT, chat("best")).await;
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert_eq!(refusal(response).await, code(504, "upstream_timeout"));
    assert_eq!(fixture.called(), ["model-a"], "it may still be working");
    assert_eq!(fixture.budget(&id).await["spent"], json!(Dollars(worst_case(&chat("best")))));

    let headers = [("content-type", "application/json"), ("content-length", "99")];
    fixture.upstream.respond(Script::new().send(head(200, &headers)).send("{").hang());
    assert_eq!(refusal(fixture.post(CHAT, chat("gpt")).await).await, code(504, "upstream_timeout"));
}

#[tokio::test]
async fn a_stream_ends_after_a_long_pause() {
    let fixture = Fixture::start_with(ModelLimits { idle: LIMIT, ..ModelLimits::default() }).await;
    fixture.upstream.respond_with(|request| model_upstream::begin(request, 2).hang());
    let began = Instant::now();
    let text = fixture.post(CHAT, chat_stream("gpt")).await.text().await.unwrap();
    assert!(text.contains("Hello ") && text.contains(r#""code":"upstream_timeout""#), "{text}");
    assert!(began.elapsed() >= LIMIT, "{:?}", began.elapsed());
    eventually("the provider's connection is closed", async || fixture.upstream.last_request().closed_at.is_some()).await;
    // Shorter pauses may take longer together.
    fixture.upstream.respond_with(|request| {
        let rest = model_upstream::events(request).into_iter().skip(1);
        rest.fold(model_upstream::begin(request, 1), |script, event| script.wait(LIMIT / 2).chunk(event.as_bytes())).send("0\r\n\r\n")
    });
    let began = Instant::now();
    let text = fixture.post(CHAT, chat_stream("gpt")).await.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n") && began.elapsed() > 2 * LIMIT, "{text}");
}

#[tokio::test]
async fn large_bodies_share_a_room() {
    let limits = ModelLimits { bodies: Arc::new(Semaphore::new(500_000)), body_wait: Duration::from_millis(100), ..ModelLimits::default() };
    let fixture = Fixture::start_with(limits).await;
    let large = with(message(), &json!({ "system": "x".repeat(300_000) })).to_string();
    fixture.upstream.respond(Script::new().hang());
    let open = tokio::spawn(fixture.request_with(&fixture.key, MESSAGES, &large).send());
    eventually("the call is forwarded", async || fixture.upstream.requests().len() == 1).await;
    fixture.upstream.respond_with(model_upstream::respond);
    let send = async || send_large(fixture.request_with(&fixture.key, MESSAGES, &large)).await;
    let refused = send().await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refusal(refused).await, code(503, "busy"));
    assert_eq!(fixture.post(MESSAGES, message()).await.status(), StatusCode::OK, "a small body takes no room");
    open.abort();
    eventually("there is room again", async || send().await.status() == StatusCode::OK).await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let fixture = Fixture::start_with(ModelLimits { body_idle: Duration::from_millis(200), ..ModelLimits::default() }).await;
    let endless = Body::wrap_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
    let response = fixture.request_with(&fixture.key, CHAT, "").body(endless).send().await.unwrap();
    assert_eq!(refusal(response).await, code(408, "too_slow"));
    assert!(fixture.upstream.requests().is_empty());
}
