use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Prices of 1, 2 and 3 dollars per million tokens.
const PRICE: ModelPrice =
    ModelPrice { input: 1_000_000_000, cached_input: None, cache_write: Some(2_000_000_000), output: 3_000_000_000, long: None };

const HOST: &str = "api.openai.com";

fn parse(api: Api, body: impl ToString) -> Result<ModelRequest, RequestError> {
    ModelRequest::parse(api, Bytes::from(body.to_string()))
}

fn chat(body: Value) -> ModelRequest {
    parse(Api::ChatCompletions, body).unwrap()
}

fn sent(request: &ModelRequest, upstream_name: &str) -> String {
    String::from_utf8(request.for_target(upstream_name, HOST).concat()).unwrap()
}

fn invalid_field(api: Api, body: Value) -> &'static str {
    match parse(api, body) {
        Err(RequestError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_path_names_its_api() {
    for api in Api::ALL {
        assert_eq!(Api::from_path(api.path()), Some(api));
    }
    assert_eq!(Api::from_path("/v1/chat/completions/"), None);
}

#[test]
fn the_model_is_read() {
    assert_eq!(parse(Api::ChatCompletions, r#"{"model":"org\/gpt-\u0034"}"#).unwrap().model, "org/gpt-4");
    for body in [json!({}), json!({ "model": null }), json!({ "model": "" })] {
        assert_eq!(parse(Api::Messages, body).unwrap_err(), RequestError::NoModel);
    }
    assert_eq!(invalid_field(Api::Messages, json!({ "model": 5 })), "model");
    assert_eq!(invalid_field(Api::ChatCompletions, json!({ "model": "a", "models": ["b"] })), "models");
}

#[test]
fn settings_of_a_wrong_type_are_refused() {
    for (field, value) in [
        ("stream", json!("true")),
        ("max_tokens", json!(1.5)),
        ("max_tokens", json!("5")),
        ("max_completion_tokens", json!(18_446_744_073_709_551_615_u64)),
        ("n", json!(0)),
        ("n", json!(-1)),
    ] {
        assert_eq!(invalid_field(Api::ChatCompletions, json!({ "model": "a", field: value })), field);
    }
    let null = chat(json!({ "model": "a", "stream": null, "max_tokens": null, "n": null }));
    assert_eq!((null.is_stream, null.output_limit, null.choices), (false, None, 1));
    assert_eq!(invalid_field(Api::Responses, json!({ "model": "a", "background": true })), "background");
}

#[test]
fn the_highest_limit_counts() {
    let limit = |api, body: Value| parse(api, body).unwrap().output_limit;
    assert_eq!(limit(Api::ChatCompletions, json!({ "model": "a", "max_tokens": 5, "max_completion_tokens": 7 })), Some(7));
    assert_eq!(limit(Api::ChatCompletions, json!({ "model": "a", "max_tokens": -1, "max_completion_tokens": 7 })), None);
    assert_eq!(limit(Api::Responses, json!({ "model": "a", "max_tokens": 5, "max_output_tokens": 7 })), Some(7));
    assert_eq!(limit(Api::Messages, json!({ "model": "a", "max_tokens": 0 })), Some(0));
}

#[test]
fn every_result_counts() {
    let choices = |api, body: Value| parse(api, body).unwrap().choices;
    assert_eq!(choices(Api::ChatCompletions, json!({ "model": "a", "n": 3 })), 3);
    assert_eq!(choices(Api::Completions, json!({ "model": "a", "n": 3, "best_of": 5, "prompt": "a" })), 5);
    assert_eq!(choices(Api::Completions, json!({ "model": "a", "n": 3, "prompt": ["a", "b"] })), 6);
    assert_eq!(choices(Api::Completions, json!({ "model": "a", "prompt": [[1, 2], [3]] })), 2);
    assert_eq!(choices(Api::Completions, json!({ "model": "a", "prompt": [1, 2, 3] })), 1);
    assert_eq!(choices(Api::Completions, json!({ "model": "a", "prompt": [1, "b", [2]] })), 2);
    assert_eq!(choices(Api::Messages, json!({ "model": "a", "n": 3 })), 1);
}

#[test]
fn a_body_passes_unchanged_but_for_the_model() {
    let body = r#" {"x": 1.50, "model" :"a" , "\u00e4":[ ]} "#;
    let request = parse(Api::Messages, body).unwrap();
    assert_eq!(sent(&request, "a"), body);
    assert_eq!(request.for_target("a", HOST)[0].as_ptr(), request.body.as_ptr());
    assert_eq!(sent(&request, "x\"y/z"), body.replace(r#""a""#, r#""x\"y/z""#));
}

#[test]
fn the_usage_of_a_stream_is_requested_once() {
    for (before, after) in [
        (r#"{"model":"a","stream":true}"#, r#"{"model":"b","stream_options":{"include_usage":true},"stream":true}"#),
        (r#"{"stream":true,"model":"a"}"#, r#"{"stream":true,"model":"b","stream_options":{"include_usage":true}}"#),
        (r#"{"model":"a","stream":true,"stream_options":null}"#, r#"{"model":"b","stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"model":"a","stream":true,"stream_options":{ }}"#, r#"{"model":"b","stream":true,"stream_options":{"include_usage":true }}"#),
        (r#"{"stream_options":{"x":1},"model":"a","stream":true}"#, r#"{"stream_options":{"include_usage":true,"x":1},"model":"b","stream":true}"#),
        (
            r#"{"model":"a","stream":true,"stream_options":{"include_usage":false}}"#,
            r#"{"model":"b","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        for api in [Api::ChatCompletions, Api::Completions] {
            let request = parse(api, before).unwrap();
            assert!(request.adds_usage(HOST) && request.is_stream, "{before}");
            assert_eq!(sent(&request, "b"), after);
        }
    }
}

#[test]
fn the_usage_is_not_requested_without_need() {
    let requested = r#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#;
    let plain = r#"{"model":"a","stream":false,"stream_options":{"include_usage":false}}"#;
    for (api, body) in [(Api::ChatCompletions, requested), (Api::ChatCompletions, plain), (Api::Messages, r#"{"model":"a","stream":true}"#)] {
        let request = parse(api, body).unwrap();
        assert!(!request.adds_usage(HOST));
        assert_eq!(sent(&request, "a"), body);
    }
    assert_eq!(invalid_field(Api::ChatCompletions, json!({ "model": "a", "stream": true, "stream_options": [] })), "stream_options");
    let stream = r#"{"model":"a","stream":true}"#;
    for (host, adds_usage) in [("api.mistral.ai", false), ("mistral.ai", false), ("notmistral.ai", true), ("", true)] {
        let request = parse(Api::ChatCompletions, stream).unwrap();
        assert_eq!(request.adds_usage(host), adds_usage, "{host}");
        assert_eq!(request.for_target("a", host).concat() == stream.as_bytes(), !adds_usage, "{host}");
    }
}

#[test]
fn the_input_is_bounded_by_the_body() {
    let body = json!({ "model": "a", "messages": [{ "role": "user", "content": "hello" }] });
    let bytes = i64::try_from(body.to_string().len()).unwrap();
    assert_eq!(chat(body.clone()).input_bound, InputBound::Bytes(bytes));
    let tools = json!({ "model": "a", "tools": [] });
    assert_eq!(chat(tools.clone()).input_bound, InputBound::Bytes(i64::try_from(tools.to_string().len()).unwrap() + 1024));
    for (field, value) in [("previous_response_id", json!("resp_1")), ("conversation", json!("conv_1")), ("prompt", json!({ "id": "pmpt_1" }))] {
        let request = parse(Api::Responses, json!({ "model": "a", field: value })).unwrap();
        assert!(matches!(request.input_bound, InputBound::Unbounded(_)), "{field}");
    }
    assert!(matches!(parse(Api::Completions, json!({ "model": "a", "prompt": "a" })).unwrap().input_bound, InputBound::Bytes(_)));
}

#[test]
fn the_worst_case_follows_the_limits() {
    let body = json!({ "model": "a", "max_tokens": 10, "n": 2 });
    let bytes = i64::try_from(body.to_string().len()).unwrap();
    assert_eq!(chat(body).most_tokens(None, None), Some((bytes, 20)));
    assert_eq!(chat(json!({ "model": "a" })).most_tokens(None, None), None);
    assert_eq!(chat(json!({ "model": "a" })).most_tokens(Some(1000), None), Some((13, 1000)));
    assert_eq!(chat(json!({ "model": "a" })).most_tokens(Some(1000), Some(50)), Some((13, 50)));
    let image = json!({ "model": "a", "max_tokens": 10, "messages": [{ "content": [{ "type": "image_url" }] }] });
    assert_eq!((chat(image.clone()).most_tokens(None, None), chat(image).most_tokens(Some(1000), None)), (None, Some((1000, 10))));
    let huge = json!({ "model": "a", "max_tokens": i64::MAX, "n": i64::MAX });
    assert_eq!(chat(huge).most_tokens(None, None).unwrap().1, i64::MAX);
    assert_eq!(parse(Api::Embeddings, json!({ "model": "a" })).unwrap().most_tokens(None, None), Some((13, 0)));
    assert_eq!(parse(Api::CountTokens, json!({ "model": "a" })).unwrap().most_tokens(None, None), Some((0, 0)));
    let predicted = json!({ "model": "a", "max_tokens": 10, "prediction": { "type": "content", "content": "abc" } });
    let bytes = i64::try_from(predicted.to_string().len()).unwrap();
    assert_eq!(chat(predicted).most_tokens(None, None), Some((bytes, 10 + bytes)));
}

#[test]
fn settings_with_other_prices_have_no_price() {
    for (field, value) in [("service_tier", "priority"), ("speed", "fast"), ("inference_geo", "us"), ("audio", "{}")] {
        assert_eq!(chat(json!({ "model": "a", field: value })).price_of(Some(&PRICE)), None, "{field}");
    }
    for (field, value) in [("service_tier", "auto"), ("service_tier", "flex"), ("speed", "standard"), ("x", "y")] {
        assert_eq!(chat(json!({ "model": "a", field: value })).price_of(Some(&PRICE)), Some(&PRICE), "{field}");
    }
}

#[test]
fn a_long_time_in_the_cache_may_cost_more() {
    let body = |ttl: &str| json!({ "model": "a", "cache_control": { "type": "ephemeral", "ttl": ttl } });
    for (ttl, expected) in [("5m", false), ("1h", true)] {
        assert_eq!(parse(Api::Messages, body(ttl)).unwrap().may_write_for_hour, expected, "{ttl}");
    }
}

proptest! {
    #[test]
    fn only_the_model_changes(text in "\\PC{0,20}", name in "[!-~]{1,20}", upstream in "\\PC{1,20}", is_stream: bool) {
        let body = json!({ "a": text, "model": name, "stream": is_stream, "z": [text] });
        let request = chat(body.clone());
        prop_assert_eq!(&request.model, &name);
        let mut expected = body;
        expected["model"] = upstream.clone().into();
        if is_stream {
            expected["stream_options"] = json!({ "include_usage": true });
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&sent(&request, &upstream)).unwrap(), expected);
    }
}
