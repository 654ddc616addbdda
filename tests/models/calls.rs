//! What is forwarded, which models a key may call, and the list of models.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, Fixture, MESSAGES, RESPONSES, chat, message, refusal, refusal_text};
use crate::{
    services::{SECRET, code},
    support::model_upstream,
};

#[tokio::test]
async fn every_api_is_forwarded_with_the_stored_key() {
    let fixture = Fixture::start().await;
    let bearer = format!("Bearer {SECRET}");
    for (path, body, cost) in [
        (CHAT, chat("gpt"), "0.000136"),
        ("/v1/completions", json!({ "model": "GPT", "prompt": "Hi", "max_tokens": 20 }), "0.000136"),
        (RESPONSES, json!({ "model": "gpt", "input": "Hi", "max_output_tokens": 20 }), "0.000136"),
        ("/v1/embeddings", json!({ "model": "gpt", "input": "Hi" }), "0.00001"),
        (MESSAGES, message(), "0.00019875"),
        ("/v1/messages/count_tokens", json!({ "model": "claude", "messages": [{ "role": "user", "content": "Hi" }] }), "0"),
    ] {
        let is_anthropic = path.starts_with(MESSAGES);
        let response = fixture.request_with(&fixture.key, &format!("{path}?beta=true"), &body).header("anthropic-beta", "a-1").send().await.unwrap();
        let sent = fixture.upstream.last_request();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers();
        let (model, provider) = if is_anthropic { ("claude", "Anthropic") } else { ("gpt", "OpenAI") };
        for (name, value) in [("x-latchkey-model", model), ("x-latchkey-provider", provider), ("x-latchkey-cost", cost)] {
            assert_eq!(headers[name], value, "{path}");
        }
        let overhead: f64 = headers["x-latchkey-overhead-ms"].to_str().unwrap().parse().unwrap();
        assert!((0.0..20_000.0).contains(&overhead) && !headers.contains_key("x-latchkey-code"), "{headers:?}");
        // Those of the provider.
        let own = if is_anthropic {
            [("request-id", "req_upstream"), ("anthropic-ratelimit-requests-remaining", "49")]
        } else {
            [("x-request-id", "req_upstream"), ("x-ratelimit-remaining-requests", "99")]
        };
        for (name, value) in own {
            assert_eq!(headers[name], value, "{path}");
        }
        assert_eq!(response.json::<Value>().await.unwrap(), model_upstream::answer(&sent));

        assert_eq!(sent.line, format!("POST {path}?beta=true HTTP/1.1"));
        let keys = (sent.header("authorization"), sent.header("x-api-key"));
        assert_eq!(keys, if is_anthropic { (None, Some(SECRET)) } else { (Some(bearer.as_str()), None) });
        let host = fixture.upstream.url.trim_start_matches("http://");
        for (name, value) in [("host", host), ("accept-encoding", "identity"), ("content-type", "application/json"), ("anthropic-beta", "a-1")] {
            assert_eq!(sent.header(name), Some(value), "{path}");
        }
        assert!(!format!("{sent:?}").contains(&fixture.key));
        let mut expected = body;
        expected["model"] = json!(if is_anthropic { "model-c" } else { "model-a" });
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), expected);
    }
}

#[tokio::test]
async fn bodies_and_headers_pass_byte_for_byte() {
    let fixture = Fixture::start().await;
    let body = r#" { "unknown":[1.50,1e2,"\u00e9"],  "max_tokens" : 20,
        "system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}], "model" :"claude","messages":[] } "#;
    let request = fixture.request_with(&fixture.key, MESSAGES, body);
    let headers = [
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "x"),
        ("openai-organization", "org"),
        ("idempotency-key", "1"),
        ("user-agent", "t/1"),
    ];
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    assert_eq!(request.header("cookie", "a=1").header("x-forwarded-for", "192.0.2.1").send().await.unwrap().status(), StatusCode::OK);
    let sent = fixture.upstream.last_request();
    assert_eq!(String::from_utf8_lossy(&sent.body), body.replace(r#""claude""#, r#""model-c""#));
    for (name, value) in headers {
        assert_eq!(sent.header(name), Some(value));
    }
    assert_eq!((sent.header("cookie"), sent.header("x-forwarded-for")), (None, None));

    // Without another name at the provider, nothing is replaced; and the credential may have its own header.
    let linked = json!({ "credential": fixture.credential, "credential_header": "api-key" });
    let azure = fixture.provider("Azure", "openai", &linked).await;
    fixture.model_of(&azure, "org/same:1", json!({})).await;
    let body = body.replace("claude", "org/same:1");
    // The key in both headers is one key.
    let request = fixture.request_with(&fixture.key, CHAT, &body).header("x-api-key", &fixture.key);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let sent = fixture.upstream.last_request();
    assert_eq!(String::from_utf8_lossy(&sent.body), body);
    assert_eq!((sent.header("api-key"), sent.header("authorization"), sent.header("x-api-key")), (Some(SECRET), None, None));
}

#[tokio::test]
async fn a_key_calls_only_the_models_that_it_may_call() {
    let fixture = Fixture::start().await;
    fixture.model("team/large", json!({})).await;
    fixture.alias("best", &[(&fixture.gpt, 1, 1)]).await;
    for (kind, fields, may_call) in [
        ("agent", json!({}), &["gpt", "team/large", "best"][..]),
        ("agent", json!({ "models": ["GPT", "team/*"] }), &["gpt", "team/large"]),
        ("agent", json!({ "models": [] }), &[]),
        ("client", json!({}), &[]),
        ("client", json!({ "models": ["b*"] }), &["best"]),
        ("client", json!({ "models": ["*"] }), &["gpt", "team/large", "best"]),
    ] {
        let (_, key) = fixture.key(kind, fields.clone()).await;
        for model in ["gpt", "team/large", "best"] {
            let response = fixture.post_with(&key, CHAT, chat(model)).await;
            if may_call.contains(&model) {
                assert_eq!(response.status(), StatusCode::OK, "{kind} {fields} {model}");
            } else {
                assert_eq!(refusal(response).await, code(403, "model_not_allowed"), "{kind} {fields} {model}");
            }
        }
    }
    let (_, internal) = fixture.key("internal", json!({ "scopes": ["verify"], "duration_days": 1 })).await;
    let response = fixture.post_with(&internal, CHAT, chat("gpt")).await;
    assert_eq!(refusal(response).await, code(403, "wrong_kind"));

    // A change of the key or of the models is effective at once.
    let (id, key) = fixture.key("client", json!({ "models": ["gpt"] })).await;
    assert_eq!(fixture.post_with(&key, CHAT, chat("gpt")).await.status(), StatusCode::OK);
    fixture.edit(&format!("/keys/{id}"), json!({ "models": null })).await;
    assert_eq!(refusal(fixture.post_with(&key, CHAT, chat("gpt")).await).await, code(403, "model_not_allowed"));
    fixture.edit(&format!("/models/{}", fixture.gpt), json!({ "name": "gpt-2" })).await;
    assert_eq!(refusal(fixture.post(CHAT, chat("gpt")).await).await, code(404, "model_not_found"));
    assert_eq!(fixture.post(CHAT, chat("gpt-2")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn models_are_listed_in_the_form_of_the_client() {
    let fixture = Fixture::start().await;
    fixture.model("team/large", json!({})).await;
    fixture.alias("best", &[(&fixture.claude, 1, 1)]).await;
    let (_, limited) = fixture.key("client", json!({ "models": ["team/*"] })).await;
    let (openai, anthropic) = (("accept", "*/*"), ("anthropic-version", "2023-06-01"));
    let list = async |key: &str, form: (&str, &str)| {
        let response = fixture.get(key, "/v1/models", form).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json::<Value>().await.unwrap()
    };
    let names = |list: &Value| list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = list(&fixture.key, openai).await;
    assert_eq!((names(&all), &all["object"]), (["best", "claude", "gpt", "team/large"].map(ToOwned::to_owned).to_vec(), &json!("list")));
    let first = &all["data"][0];
    assert_eq!((&first["object"], &first["owned_by"], first["created"].is_i64()), (&json!("model"), &json!("Anthropic"), true), "{first}");
    let all = list(&fixture.key, anthropic).await;
    assert_eq!((&all["first_id"], &all["last_id"], &all["has_more"]), (&json!("best"), &json!("team/large"), &json!(false)));
    let first = &all["data"][0];
    assert_eq!((&first["type"], &first["display_name"], first["created_at"].is_string()), (&json!("model"), &json!("best"), true), "{first}");
    assert_eq!(names(&list(&limited, openai).await), ["team/large"]);

    let found = fixture.get(&limited, "/v1/models/team/large", openai).await;
    assert_eq!(found.json::<Value>().await.unwrap()["id"], "team/large");
    let encoded = fixture.get(&limited, "/v1/models/team%2Flarge", anthropic).await;
    assert_eq!(encoded.json::<Value>().await.unwrap()["display_name"], "team/large");
    // Whether there are other models is not revealed.
    for name in ["gpt", "unknown"] {
        let (status, code, message) = refusal_text(fixture.get(&limited, &format!("/v1/models/{name}"), openai).await).await;
        assert_eq!((status, code.as_str()), (404, "model_not_found"));
        assert!(!message.contains("claude") && message.contains(&format!("“{name}”")), "{message}");
    }
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_call_that_comes_back_is_refused() {
    let fixture = Fixture::start().await;
    let own = json!({ "base_url": format!("{}/v1", fixture.server.url), "credential": fixture.general_key("own", &fixture.key).await });
    let provider = fixture.provider("Loop", "openai", &own).await;
    fixture.model_of(&provider, "loop", json!({})).await;
    let response = fixture.post(CHAT, chat("loop")).await;
    assert_eq!((response.status().as_u16(), &response.headers()["x-latchkey-code"]), (508, &"upstream_error".parse().unwrap()));
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "loop_detected");
}

#[tokio::test]
async fn names_in_headers_can_be_decoded() {
    let fixture = Fixture::start().await;
    let provider = fixture.provider("Zürich 100%41", "openai", &json!({ "credential": fixture.credential })).await;
    fixture.model_of(&provider, "small%20", json!({ "upstream_name": "model-a" })).await;
    let response = fixture.post(CHAT, chat("small%20")).await;
    assert_eq!(response.status(), StatusCode::OK);
    for (name, value) in [("x-latchkey-model", "small%2520"), ("x-latchkey-provider", "Z%C3%BCrich 100%2541")] {
        assert_eq!(response.headers()[name], value);
    }
}
