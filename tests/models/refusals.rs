//! Requests that are refused before a provider is called.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, Fixture, MESSAGES, RESPONSES, chat, message, refusal, refusal_text};
use crate::{
    services::{code, with},
    support::send_large,
};

#[tokio::test]
async fn bodies_with_two_meanings_are_refused() {
    let fixture = Fixture::start().await;
    let deep = format!(r#"{{"model":"gpt","a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, expected, param) in [
        ("", "malformed", Value::Null),
        ("[]", "malformed", Value::Null),
        (r#"{"model":"gpt""#, "malformed", Value::Null),
        (r#"{"model":"gpt"} {}"#, "malformed", Value::Null),
        (r#"{"model":"gpt","a":01}"#, "malformed", Value::Null),
        (&deep, "malformed", Value::Null),
        (r#"{"model":"gpt","model":"gpt"}"#, "duplicate_field", json!("model")),
        (r#"{"model":"gpt","max_tokens":1,"max_tokens":1}"#, "duplicate_field", json!("max_tokens")),
        (r#"{"model":"gpt","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#, "duplicate_field", json!("include_usage")),
        (r#"{"m\u006fdel":"gpt"}"#, "escaped_field", json!("model")),
        (r#"{"model":"gpt","Model":"claude"}"#, "escaped_field", json!("model")),
        (r#"{"model":"gpt","\u006d\u0061x_tokens":1}"#, "escaped_field", json!("max_tokens")),
        (r#"{"messages":[]}"#, "model_missing", json!("model")),
        (r#"{"model":""}"#, "model_missing", json!("model")),
        (r#"{"model":["gpt"]}"#, "invalid", json!("model")),
        (r#"{"model":"gpt","stream":"true"}"#, "invalid", json!("stream")),
        (r#"{"model":"gpt","max_tokens":"5"}"#, "invalid", json!("max_tokens")),
        (r#"{"model":"gpt","n":0}"#, "invalid", json!("n")),
        (r#"{"model":"gpt","models":["claude"]}"#, "invalid", json!("models")),
    ] {
        let response = fixture.post(CHAT, body).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let error = response.json::<Value>().await.unwrap()["error"].clone();
        assert_eq!((status, &error["code"], &error["param"]), (StatusCode::BAD_REQUEST, &json!(expected), &param), "{body}");
        assert_eq!((&error["type"], &headers["x-should-retry"]), (&json!("invalid_request_error"), &"false".parse().unwrap()), "{body}");
    }
    let invalid = fixture.request_with(&fixture.key, CHAT, "").body(vec![b'{', 0xFF, b'}']).send().await.unwrap();
    assert_eq!(refusal(invalid).await, code(400, "malformed"));
    let background = json!({ "model": "gpt", "input": "Hi", "background": true });
    assert_eq!(refusal(fixture.post(RESPONSES, background).await).await, code(400, "invalid"));
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_similar_names() {
    let fixture = Fixture::start().await;
    fixture.model("gpt-large", json!({})).await;
    let (status, code, message) = refusal_text(fixture.post(CHAT, chat("gtp")).await).await;
    assert_eq!((status, code.as_str()), (404, "model_not_found"));
    assert!(message.contains("“gtp”") && message.contains("“gpt”") && !message.contains("claude"), "{message}");
    // Only names that the key may use.
    let (_, key) = fixture.key("client", json!({ "models": ["gpt-large"] })).await;
    let (_, _, message) = refusal_text(fixture.post_with(&key, CHAT, chat("gpt-larg")).await).await;
    assert!(message.contains("“gpt-large”") && !message.contains("“gpt”"), "{message}");
    let (_, _, message) = refusal_text(fixture.post(CHAT, chat(&"x".repeat(100_000))).await).await;
    assert!(message.len() < 500 && message.contains("GET /v1/models"), "{message}");
    // Another organization's models are unknown.
    fixture.server.user("owner", "globex").await;
    let foreign = fixture.server.api("owner@globex.test", "");
    let (_, created) = foreign.post("/keys", json!({ "kind": "agent", "name": "theirs" })).await;
    let response = fixture.post_with(created["secret"].as_str().unwrap(), CHAT, chat("gpt")).await;
    let (status, _, message) = refusal_text(response).await;
    assert_eq!((status, message.contains("Similar")), (404, false), "{message}");
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn errors_have_the_form_of_the_api() {
    let fixture = Fixture::start().await;
    for (path, status, kind) in [(CHAT, 404, "invalid_request_error"), (MESSAGES, 404, "not_found_error")] {
        let response = fixture.post(path, chat("unknown")).await;
        let headers = response.headers().clone();
        assert_eq!((response.status().as_u16(), &headers["x-should-retry"]), (status, &"false".parse().unwrap()));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], kind, "{body}");
        if path == MESSAGES {
            assert_eq!((&body["type"], body["request_id"].as_str().unwrap()), (&json!("error"), headers["request-id"].to_str().unwrap()));
        } else {
            assert_eq!(body["error"]["param"], "model");
        }
    }
    let get = fixture.get(&fixture.key, MESSAGES, ("accept", "*/*")).await;
    assert_eq!((get.status(), &get.headers()["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap()));
    assert_eq!(refusal(get).await, code(405, "method_not_allowed"));
    assert_eq!(refusal(fixture.post("/v1/audio/speech", json!({})).await).await, code(404, "not_found"));
    let list = fixture.get("unknown", "/v1/models", ("anthropic-version", "2023-06-01")).await;
    assert_eq!(list.json::<Value>().await.unwrap()["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn keys_are_checked_first() {
    let fixture = Fixture::start().await;
    let url = format!("{}{CHAT}", fixture.server.url);
    let post = || fixture.api.client.post(&url).body("not JSON");
    assert_eq!(refusal(post().send().await.unwrap()).await, code(401, "missing_api_key"));
    assert_eq!(refusal(post().bearer_auth("unknown").send().await.unwrap()).await, code(401, "invalid_api_key"));
    let two = post().bearer_auth(&fixture.key).header("x-api-key", "other");
    assert_eq!(refusal(two.send().await.unwrap()).await, code(400, "two_api_keys"));
    let indirect = post().bearer_auth(&fixture.key).header("x-http-method-override", "GET");
    assert_eq!(refusal(indirect.send().await.unwrap()).await, code(403, "not_allowed"));
    let (elsewhere, elsewhere_key) = fixture.key("client", json!({ "models": ["*"], "allowed_ips": ["192.0.2.0/24"] })).await;
    assert_eq!(refusal(fixture.post_with(&elsewhere_key, CHAT, chat("gpt")).await).await, code(403, "forbidden"));
    fixture.edit(&format!("/keys/{elsewhere}"), json!({ "allowed_ips": ["127.0.0.0/8"] })).await;
    assert_eq!(fixture.post_with(&elsewhere_key, CHAT, chat("gpt")).await.status(), StatusCode::OK);

    let path = format!("/keys/{}", fixture.key_id);
    for (change, expected) in [("disable", "disabled_api_key"), ("enable", "")] {
        assert!(fixture.api.post(&format!("{path}/{change}"), json!({})).await.0.is_success());
        let response = fixture.post(CHAT, chat("gpt")).await;
        if expected.is_empty() {
            assert_eq!(response.status(), StatusCode::OK);
        } else {
            assert_eq!(refusal(response).await, code(401, expected));
        }
    }
    let (id, expired) = fixture.key("client", json!({ "models": ["*"], "duration_days": 1 })).await;
    sqlx::query("update api_keys set expires_at = 1 where id = $1").bind(&id).execute(&fixture.server.database().await).await.unwrap();
    assert_eq!(refusal(fixture.post_with(&expired, CHAT, chat("gpt")).await).await, code(401, "expired_api_key"));
    assert_eq!(fixture.upstream.requests().len(), 2);
}

#[tokio::test]
async fn large_and_encoded_bodies_are_refused() {
    let fixture = Fixture::start().await;
    let gzip = fixture.request_with(&fixture.key, CHAT, chat("gpt")).header("content-encoding", "gzip");
    assert_eq!(refusal(gzip.send().await.unwrap()).await, code(415, "encoded_request"));
    let identity = fixture.request_with(&fixture.key, CHAT, chat("gpt")).header("content-encoding", "identity");
    assert_eq!(identity.send().await.unwrap().status(), StatusCode::OK);

    let large = with(message(), &json!({ "system": "x".repeat(300_000) })).to_string();
    assert_eq!(fixture.post(MESSAGES, &large).await.status(), StatusCode::OK);
    assert_eq!(fixture.upstream.last_request().body.len(), large.len() + "model-c".len() - "claude".len());
    let refused = send_large(fixture.request_with(&fixture.key, MESSAGES, "").body(vec![b' '; (32 << 20) + 1])).await;
    assert_eq!(refusal(refused).await, code(413, "too_large"));
    assert_eq!(fixture.upstream.requests().len(), 2);
}
