use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use latchkey_types::budget::TokenCounts;

/// What came of a stream.
#[derive(Debug, PartialEq)]
struct Observed {
    passed: String,
    usage: Option<TokenCounts>,
    output_bytes: i64,
    has_ended: bool,
    is_error: bool,
}

fn observe<'a>(api: Api, drops_usage: bool, chunks: impl IntoIterator<Item = &'a [u8]>) -> Observed {
    let mut observer = StreamObserver::new(api, drops_usage);
    let mut passed = Vec::new();
    for chunk in chunks {
        passed.extend_from_slice(&observer.push(Bytes::copy_from_slice(chunk)));
    }
    passed.extend_from_slice(&observer.finish());
    Observed {
        passed: String::from_utf8(passed).unwrap(),
        usage: observer.usage().map(|usage| usage.tokens),
        output_bytes: observer.output_bytes(),
        has_ended: observer.has_ended(),
        is_error: observer.error(),
    }
}

fn whole(api: Api, drops_usage: bool, stream: &str) -> Observed {
    observe(api, drops_usage, [stream.as_bytes()])
}

fn counts(input: i64, output: i64) -> TokenCounts {
    TokenCounts { input, output, ..TokenCounts::default() }
}

fn token(text: &str) -> String {
    format!("data: {}\n\n", json!({ "id": "chatcmpl-1", "choices": [{ "index": 0, "delta": { "content": text } }] }))
}

const USAGE: &str = "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\n";

fn chat() -> String {
    format!(": comment\n\n{}{}{USAGE}data: [DONE]\n\n", token("hé"), token("llo"))
}

/// With names of events, CR LF and a cumulative usage.
fn messages() -> String {
    [
        json!({ "type": "message_start", "message": { "content": [], "usage": { "input_tokens": 25, "cache_read_input_tokens": 75, "output_tokens": 1 } } }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hello" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": null }, "usage": { "output_tokens": 10 } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "input_tokens": 0, "output_tokens": 15 } }),
        json!({ "type": "message_stop" }),
    ]
    .map(|event| format!("event: {}\r\ndata: {event}\r\n\r\n", event["type"].as_str().unwrap()))
    .concat()
}

fn responses() -> String {
    [
        json!({ "type": "response.created", "response": { "output": [], "usage": null, "error": null } }),
        json!({ "type": "response.output_text.delta", "delta": "Hello" }),
        json!({ "type": "response.output_text.done", "text": "Hello" }),
        json!({ "type": "response.completed", "response": { "output": [{ "content": [{ "text": "Hello" }] }], "usage": { "input_tokens": 3, "output_tokens": 2 } } }),
    ]
    .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
    .concat()
}

#[test]
fn a_stream_that_asked_for_the_usage_is_unchanged() {
    let observed = whole(Api::ChatCompletions, false, &chat());
    assert_eq!(observed, Observed { passed: chat(), usage: Some(counts(9, 2)), output_bytes: 6, has_ended: true, is_error: false });
}

#[test]
fn the_usage_that_was_added_is_removed() {
    let observed = whole(Api::ChatCompletions, true, &chat());
    assert_eq!(
        observed,
        Observed { passed: chat().replace(USAGE, ""), usage: Some(counts(9, 2)), output_bytes: 6, has_ended: true, is_error: false }
    );
    // At the end of a stream without an empty line.
    assert_eq!(whole(Api::ChatCompletions, true, &format!("{}{}", token("a"), USAGE.trim_end())).passed, token("a"));
}

#[test]
fn other_events_with_usage_are_kept() {
    let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }], "usage": { "prompt_tokens": 1, "completion_tokens": 2 } });
    let filter = json!({ "choices": [], "prompt_filter_results": [], "usage": null });
    for event in [last, filter] {
        let stream = format!("data: {event}\n\ndata: [DONE]\n\n");
        assert_eq!(whole(Api::ChatCompletions, true, &stream).passed, stream);
    }
}

#[test]
fn complete_events_pass_at_once() {
    let mut observer = StreamObserver::new(Api::ChatCompletions, true);
    for text in ["a", "b"] {
        assert_eq!(observer.push(token(text).into()), token(text));
    }
    assert_eq!(observer.push(Bytes::from_static(b": ping\n\nda")), ": ping\n\n");
    assert_eq!(observer.push(Bytes::from_static(b"ta: x\n\n")), "data: x\n\n");
    assert_eq!(observer.push(USAGE.into()), "");
    let mut unchanged = StreamObserver::new(Api::Messages, false);
    assert_eq!(unchanged.push(Bytes::from_static(b"data: {")), "data: {");
}

#[test]
fn a_long_event_is_not_held_back() {
    let mut observer = StreamObserver::new(Api::ChatCompletions, true);
    let long = token(&"x".repeat(200_000));
    let (begin, end) = long.split_at(100_000);
    assert_eq!(observer.push(Bytes::copy_from_slice(begin.as_bytes())), begin);
    assert_eq!(observer.push(format!("{end}{USAGE}{}", token("a")).into()), format!("{end}{}", token("a")));
    assert_eq!(observer.usage(), Some(Usage::from(counts(9, 2))));
}

#[test]
fn the_last_cumulative_usage_counts() {
    let observed = whole(Api::Messages, false, &messages());
    let usage = Some(TokenCounts { input: 100, cached: 75, output: 15, ..TokenCounts::default() });
    assert_eq!(observed, Observed { passed: messages(), usage, output_bytes: 5, has_ended: true, is_error: false });
    let usage = |tokens: i64| token("a").replace("\"id\"", &format!("\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":{tokens}}},\"id\""));
    assert_eq!(whole(Api::ChatCompletions, false, &format!("{}{}", usage(1), usage(2))).usage, Some(counts(9, 2)));
}

#[test]
fn a_response_is_reported_by_its_last_event() {
    let observed = whole(Api::Responses, false, &responses());
    assert_eq!(observed, Observed { passed: responses(), usage: Some(counts(3, 2)), output_bytes: 5, has_ended: true, is_error: false });
}

#[test]
fn an_interrupted_stream_has_no_usage() {
    let stream = messages();
    let (begun, _) = stream.split_once("event: message_delta").unwrap();
    let interrupted = whole(Api::Messages, false, begun);
    assert_eq!((interrupted.usage, interrupted.output_bytes, interrupted.has_ended), (None, 5, false));
    let mut observer = StreamObserver::new(Api::Messages, false);
    assert_eq!(observer.begun(), None);
    observer.push(Bytes::copy_from_slice(begun.as_bytes()));
    assert_eq!(observer.begun(), Some(Usage::from(TokenCounts { cached: 75, ..counts(100, 1) })), "the input is known");
    assert_eq!(whole(Api::ChatCompletions, true, &token("abc")[..60]).passed, &token("abc")[..60]);
}

#[test]
fn errors_are_detected() {
    for (api, stream) in [
        (Api::ChatCompletions, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"),
        (Api::Messages, "event: error\ndata: {\"type\":\"error\"}\n\n"),
        (Api::Responses, "data: {\"type\":\"response.failed\",\"response\":{\"error\":{}}}\n\n"),
        (Api::ChatCompletions, " {\"error\": {\"message\": \"overloaded\"}}"),
    ] {
        assert!(whole(api, true, stream).is_error, "{stream}");
    }
    assert!(!whole(Api::ChatCompletions, true, &token("{\"error\":1}")).is_error);
}

#[test]
fn a_response_that_is_not_a_stream_is_read_at_its_end() {
    let body = json!({ "choices": [{ "message": { "content": "abc" } }], "usage": { "prompt_tokens": 1, "completion_tokens": 2 } }).to_string();
    let (begin, end) = body.as_bytes().split_at(10);
    let observed = observe(Api::ChatCompletions, true, [b"\n".as_slice(), begin, end]);
    assert_eq!(observed, Observed { passed: format!("\n{body}"), usage: Some(counts(1, 2)), output_bytes: 3, has_ended: true, is_error: false });
    let interrupted = observe(Api::ChatCompletions, true, [begin]);
    assert_eq!((interrupted.usage, interrupted.output_bytes, interrupted.has_ended), (None, 10, false));
}

#[test]
fn data_of_several_lines_is_joined() {
    let stream = "data: {\"choices\": [],\ndata:\"usage\": {\"prompt_tokens\": 1,\r\ndata:  \"completion_tokens\": 2}}\r\r";
    let observed = whole(Api::ChatCompletions, true, stream);
    assert_eq!((observed.passed.as_str(), observed.usage), ("", Some(counts(1, 2))));
}

#[test]
fn data_without_an_end_is_not_kept() {
    let mut observer = StreamObserver::new(Api::ChatCompletions, false);
    observer.push(format!("data: {}\n{}", "x".repeat(READ_MAX - 1), "data:\n".repeat(1000)).into());
    assert_eq!(observer.data.len(), READ_MAX);
}

#[test]
fn absurd_counts_are_not_used() {
    for usage in [json!({ "prompt_tokens": -1, "completion_tokens": 2 }), json!(5), json!({ "prompt_tokens": 1, "completion_tokens": 1e30 })] {
        let event: Value = json!({ "choices": [], "usage": usage });
        assert_eq!(whole(Api::ChatCompletions, false, &format!("data: {event}\n\n")).usage, None);
    }
}

proptest! {
    /// However a stream is cut into chunks, the same is passed on and observed.
    #[test]
    fn chunks_do_not_matter(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40), which in 0..4_usize, drops_usage: bool) {
        let (api, stream) = match which {
            0 => (Api::ChatCompletions, chat()),
            1 => (Api::Messages, messages()),
            2 => (Api::Responses, responses()),
            _ => (Api::ChatCompletions, chat().replace('\n', "\r\n")),
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &stream.as_bytes()[pair[0]..pair[1]]);
        prop_assert_eq!(observe(api, drops_usage, chunks), whole(api, drops_usage, &stream));
    }

    #[test]
    fn any_bytes_pass_unchanged(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..10), drops_usage: bool) {
        let mut observer = StreamObserver::new(Api::ChatCompletions, drops_usage);
        let mut passed = Vec::new();
        for chunk in &chunks {
            passed.extend_from_slice(&observer.push(Bytes::copy_from_slice(chunk)));
        }
        passed.extend_from_slice(&observer.finish());
        prop_assert_eq!(passed, chunks.concat());
    }
}
