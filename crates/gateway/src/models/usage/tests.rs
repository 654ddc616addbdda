use serde_json::{Value, json};

use super::*;

fn counts(input: i64, cached: i64, cache_write: i64, output: i64, reasoning: i64) -> TokenCounts {
    TokenCounts { input, cached, cache_write, output, reasoning }
}

fn reported(api: Api, usage: Value) -> Option<TokenCounts> {
    of_body(api, json!({ "id": "1", "usage": usage }).to_string().as_bytes()).map(|usage| usage.tokens)
}

#[test]
fn chat_completions_report_parts_of_the_whole() {
    let usage = json!({
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": { "cached_tokens": 80, "audio_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 30 },
    });
    assert_eq!(reported(Api::ChatCompletions, usage), Some(counts(100, 80, 0, 50, 30)));
    assert_eq!(
        reported(Api::Completions, json!({ "prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": null })),
        Some(counts(1, 0, 0, 2, 0))
    );
    assert_eq!(
        reported(Api::ChatCompletions, json!({ "prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 5 })),
        Some(counts(9, 5, 0, 2, 0))
    );
}

#[test]
fn reasoning_outside_of_the_output_is_added() {
    let usage = |total: i64| json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": total, "completion_tokens_details": { "reasoning_tokens": 20 } });
    assert_eq!(reported(Api::ChatCompletions, usage(35)), Some(counts(10, 0, 0, 25, 20)));
    assert_eq!(reported(Api::ChatCompletions, usage(15)), Some(counts(10, 0, 0, 5, 5)));
    let unnamed = |total: i64| json!({ "prompt_tokens": 20, "completion_tokens": 424, "total_tokens": total });
    assert_eq!(reported(Api::ChatCompletions, unnamed(1016)), Some(counts(20, 0, 0, 996, 0)));
    assert_eq!(reported(Api::ChatCompletions, unnamed(1)), Some(counts(20, 0, 0, 424, 0)));
    assert_eq!(reported(Api::ChatCompletions, unnamed(i64::MAX)), None);
}

#[test]
fn responses_and_embeddings_have_their_own_names() {
    let usage = json!({ "input_tokens": 7, "input_tokens_details": { "cached_tokens": 3 }, "output_tokens": 4, "output_tokens_details": { "reasoning_tokens": 1 } });
    assert_eq!(reported(Api::Responses, usage), Some(counts(7, 3, 0, 4, 1)));
    assert_eq!(reported(Api::Embeddings, json!({ "prompt_tokens": 8, "total_tokens": 8 })), Some(counts(8, 0, 0, 0, 0)));
}

#[test]
fn messages_report_cached_input_apart() {
    let usage = json!({ "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 9, "service_tier": "standard" });
    assert_eq!(reported(Api::Messages, usage), Some(counts(125, 100, 20, 9, 0)));
    assert_eq!(
        reported(Api::Messages, json!({ "input_tokens": 5, "cache_read_input_tokens": null, "output_tokens": 9 })),
        Some(counts(5, 0, 0, 9, 0))
    );
    assert_eq!(of_body(Api::CountTokens, br#"{"input_tokens":9}"#), Some(Usage::default()));
}

#[test]
fn writes_for_an_hour_are_reported_apart() {
    let hour_writes = |cache_creation: Value| {
        let usage = json!({ "input_tokens": 5, "cache_creation_input_tokens": 20, "cache_creation": cache_creation, "output_tokens": 9 });
        let usage = of_body(Api::Messages, json!({ "usage": usage }).to_string().as_bytes()).unwrap();
        assert_eq!(usage.tokens, counts(25, 0, 20, 9, 0));
        usage.hour_writes
    };
    assert_eq!(hour_writes(json!({ "ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 12 })), 12);
    for other in [json!(null), json!({}), json!(7), json!({ "ephemeral_1h_input_tokens": null }), json!({ "ephemeral_1h_input_tokens": "7" })] {
        assert_eq!(hour_writes(other), 0);
    }
}

#[test]
fn counts_that_are_not_credible_are_not_used() {
    for usage in [
        json!(null),
        json!({}),
        json!("5"),
        json!({ "prompt_tokens": 5 }),
        json!({ "prompt_tokens": -5, "completion_tokens": 5 }),
        json!({ "prompt_tokens": 5, "completion_tokens": 5.5 }),
        json!({ "prompt_tokens": 5, "completion_tokens": "5" }),
        json!({ "prompt_tokens": 5, "completion_tokens": 1_000_000_001 }),
        json!({ "prompt_tokens": u64::MAX, "completion_tokens": 5 }),
        json!({ "prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": { "cached_tokens": -1 } }),
    ] {
        assert_eq!(reported(Api::ChatCompletions, usage.clone()), None, "{usage}");
    }
    assert_eq!(reported(Api::Messages, json!({ "input_tokens": i64::MAX, "cache_read_input_tokens": i64::MAX, "output_tokens": 1 })), None);
    assert_eq!(of_body(Api::Messages, b"no JSON"), None);
    let more_than_all =
        json!({ "prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": { "cached_tokens": 9, "cache_write_tokens": 9 } });
    assert_eq!(reported(Api::ChatCompletions, more_than_all), Some(counts(5, 5, 0, 5, 0)));
}

#[test]
fn an_error_with_any_status_is_detected() {
    assert!(is_error(br#"{"error":{"message":"overloaded"}}"#));
    assert!(is_error(br#"{"type":"error","message":"overloaded"}"#));
    assert!(!is_error(br#"{"type":"message","error":null,"usage":{}}"#));
    assert!(!is_error(b"[1"));
}

#[test]
fn an_estimate_rounds_up() {
    assert_eq!(estimate(9, 8), Usage::from(counts(3, 0, 0, 2, 0)));
    assert_eq!(estimate(0, -1), Usage::default());
    assert!(estimate(i64::MAX, i64::MAX).tokens.input > 0);
    let begun = |output: i64| Usage { tokens: counts(100, 75, 5, output, 0), hour_writes: 4 };
    assert_eq!((estimate_output(begun(1), 9), estimate_output(begun(4), 9)), (begun(3), begun(4)));
}

#[test]
fn only_generated_text_is_counted() {
    let bytes = |json: Value| text_bytes(json.to_string().as_bytes());
    let call = json!({ "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let chat = json!({ "id": "chatcmpl-1", "choices": [{ "index": 0, "message": { "role": "assistant", "content": "é\"", "tool_calls": [call] } }] });
    assert_eq!(bytes(chat), Some(5));
    let messages =
        json!({ "content": [{ "type": "thinking", "thinking": "abc", "signature": "x" }, { "type": "text", "text": "de" }], "stop_reason": "end" });
    assert_eq!(bytes(messages), Some(5));
    assert_eq!(bytes(json!({ "output": [{ "content": [{ "type": "output_text", "text": "abcd" }] }], "status": "completed" })), Some(4));
    assert_eq!(text_bytes(b"{"), None);
}
