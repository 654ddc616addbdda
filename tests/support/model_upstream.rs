//! The APIs of `OpenAI` and Anthropic as an upstream: responses in the form of these providers. The text of every answer is “Hello there”, or a tool is
//! called if the request has tools.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::upstream::{ReceivedRequest, Script, head};

/// The text of an answer, in the parts of a stream.
const PARTS: [&str; 2] = ["Hello ", "there"];
const ARGUMENTS: &str = r#"{"city":"Paris"}"#;
const CREATED: i64 = 1_790_000_000;

/// The response to a request of any API.
pub fn respond(request: &ReceivedRequest) -> Script {
    if is_stream(request) {
        let events = events(request);
        let chunks: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
        return Script::chunked(200, &headers(request), &chunks);
    }
    Script::response(200, &headers(request), answer(request).to_string())
}

/// The beginning of a stream: as many events.
pub fn begin(request: &ReceivedRequest, count: usize) -> Script {
    let start = Script::new().send(head(200, &[&headers(request)[..], &[("transfer-encoding", "chunked")]].concat()));
    events(request).iter().take(count).fold(start, |script, event| script.chunk(event.as_bytes()))
}

/// The name of the model in a request.
pub fn model(request: &ReceivedRequest) -> String {
    body(request)["model"].as_str().unwrap_or_default().to_owned()
}

/// An error in the form of both APIs; SDKs repeat the request at once if its status permits that.
pub fn error(status: u16, message: &str) -> Script {
    let error = json!({ "type": "error", "error": { "message": message, "type": "server_error", "param": null, "code": "broken" } });
    let headers = [("content-type", "application/json"), ("x-request-id", "req_upstream"), ("request-id", "req_upstream"), ("retry-after-ms", "1")];
    Script::response(status, &headers, error.to_string())
}

fn body(request: &ReceivedRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

fn is_stream(request: &ReceivedRequest) -> bool {
    body(request)["stream"] == true
}

fn path(request: &ReceivedRequest) -> &str {
    request.target().split('?').next().unwrap()
}

fn headers(request: &ReceivedRequest) -> Vec<(&'static str, &'static str)> {
    let content_type = if is_stream(request) { "text/event-stream; charset=utf-8" } else { "application/json" };
    let own = if path(request).starts_with("/v1/messages") {
        [("request-id", "req_upstream"), ("anthropic-ratelimit-requests-remaining", "49")]
    } else {
        [("x-request-id", "req_upstream"), ("x-ratelimit-remaining-requests", "99")]
    };
    vec![("content-type", content_type), own[0], own[1]]
}

/// Of chat completions and completions: 20 input tokens, 10 output tokens.
fn usage() -> Value {
    json!({
        "prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30,
        "prompt_tokens_details": { "cached_tokens": 4 }, "completion_tokens_details": { "reasoning_tokens": 3 },
    })
}

/// The same of responses.
fn responses_usage() -> Value {
    json!({
        "input_tokens": 20, "input_tokens_details": { "cached_tokens": 4 },
        "output_tokens": 10, "output_tokens_details": { "reasoning_tokens": 3 }, "total_tokens": 30,
    })
}

/// Of messages: 20 input tokens, those of the cache included.
fn messages_usage(output_tokens: i64) -> Value {
    json!({ "input_tokens": 12, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3, "output_tokens": output_tokens })
}

/// The response without a stream.
pub fn answer(request: &ReceivedRequest) -> Value {
    let body = body(request);
    let model = body["model"].clone();
    let text = PARTS.concat();
    let has_tools = body["tools"].is_array();
    match path(request) {
        "/v1/chat/completions" => {
            let call = json!({ "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": ARGUMENTS } });
            let (message, reason) = if has_tools {
                (json!({ "role": "assistant", "content": null, "tool_calls": [call] }), "tool_calls")
            } else {
                (json!({ "role": "assistant", "content": text, "refusal": null }), "stop")
            };
            json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": model,
                "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": reason }], "usage": usage(),
            })
        }
        "/v1/completions" => json!({
            "id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": model,
            "choices": [{ "index": 0, "text": text, "logprobs": null, "finish_reason": "stop" }], "usage": usage(),
        }),
        "/v1/embeddings" => {
            let numbers = [0.25_f32, -0.5, 1.0];
            let base64 = || BASE64_STANDARD.encode(numbers.map(f32::to_le_bytes).concat());
            let embedding = if body["encoding_format"] == "base64" { json!(base64()) } else { json!(numbers) };
            json!({
                "object": "list", "data": [{ "object": "embedding", "index": 0, "embedding": embedding }], "model": model,
                "usage": { "prompt_tokens": 5, "total_tokens": 5 },
            })
        }
        "/v1/responses" => response(&model, "completed", &json!([output_message(&text)]), &responses_usage()),
        "/v1/messages" => {
            let content = if has_tools {
                json!([{ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Paris" } }])
            } else {
                json!([{ "type": "text", "text": text }])
            };
            json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
                "stop_reason": if has_tools { "tool_use" } else { "end_turn" }, "stop_sequence": null, "usage": messages_usage(10),
            })
        }
        "/v1/messages/count_tokens" => json!({ "input_tokens": 14 }),
        "/v1/models" => json!({ "object": "list", "data": [{ "id": "model-a", "object": "model", "created": CREATED, "owned_by": "test" }] }),
        other => json!({ "error": { "message": format!("There is no {other}."), "type": "invalid_request_error" } }),
    }
}

fn response(model: &Value, status: &str, output: &Value, usage: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": CREATED, "status": status, "error": null, "incomplete_details": null, "instructions": null,
        "model": model, "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "usage": usage, "metadata": {},
    })
}

fn output_message(text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
    json!({ "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content })
}

/// The events of a stream, each with its empty line.
pub fn events(request: &ReceivedRequest) -> Vec<String> {
    let body = body(request);
    let (model, has_tools) = (body["model"].clone(), body["tools"].is_array());
    match path(request) {
        "/v1/chat/completions" => unnamed(&chat_events(&model, has_tools), body["stream_options"]["include_usage"] == true),
        "/v1/completions" => unnamed(&completion_events(&model), body["stream_options"]["include_usage"] == true),
        "/v1/responses" => named(&response_events(&model)),
        "/v1/messages" => named(&message_events(&model, has_tools)),
        other => panic!("{other} has no streams"),
    }
}

/// The last of the events contains the usage, and is sent only if it was requested.
fn unnamed(events: &[Value], has_usage: bool) -> Vec<String> {
    let count = events.len() - usize::from(!has_usage);
    let events = events[..count].iter().map(|event| format!("data: {event}\n\n"));
    events.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn named(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn chat_events(model: &Value, has_tools: bool) -> Vec<Value> {
    let event =
        |choices: Value| json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": choices });
    let choice = |delta: Value, reason: Option<&str>| event(json!([{ "index": 0, "delta": delta, "finish_reason": reason }]));
    let start = choice(json!({ "role": "assistant", "content": "" }), None);
    let mut usage_event = event(json!([]));
    usage_event["usage"] = usage();
    if has_tools {
        let call = json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "" } });
        let (first, second) = ARGUMENTS.split_at(5);
        let arguments = |part: &str| choice(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": part } }] }), None);
        let call = choice(json!({ "tool_calls": [call] }), None);
        return vec![start, call, arguments(first), arguments(second), choice(json!({}), Some("tool_calls")), usage_event];
    }
    let [first, second] = PARTS.map(|part| choice(json!({ "content": part }), None));
    vec![start, first, second, choice(json!({}), Some("stop")), usage_event]
}

fn completion_events(model: &Value) -> Vec<Value> {
    let event = |choices: Value| json!({ "id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": model, "choices": choices });
    let choice = |text: &str, reason: Option<&str>| event(json!([{ "index": 0, "text": text, "logprobs": null, "finish_reason": reason }]));
    let mut usage_event = event(json!([]));
    usage_event["usage"] = usage();
    vec![choice(PARTS[0], None), choice(PARTS[1], Some("stop")), usage_event]
}

fn response_events(model: &Value) -> Vec<Value> {
    let begun = response(model, "in_progress", &json!([]), &Value::Null);
    let text = PARTS.concat();
    let item = json!({ "id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": [] });
    let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [] });
    let delta = |number: i64, part: &str| {
        json!({
            "type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": part,
            "logprobs": [],
        })
    };
    let completed = response(model, "completed", &json!([output_message(&text)]), &responses_usage());
    vec![
        json!({ "type": "response.created", "sequence_number": 0, "response": begun }),
        json!({ "type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item }),
        json!({
            "type": "response.content_part.added", "sequence_number": 2, "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part(""),
        }),
        delta(3, PARTS[0]),
        delta(4, PARTS[1]),
        json!({
            "type": "response.output_text.done", "sequence_number": 5, "item_id": "msg_1", "output_index": 0, "content_index": 0, "text": text,
            "logprobs": [],
        }),
        json!({
            "type": "response.content_part.done", "sequence_number": 6, "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part(&text),
        }),
        json!({ "type": "response.output_item.done", "sequence_number": 7, "output_index": 0, "item": output_message(&text) }),
        json!({ "type": "response.completed", "sequence_number": 8, "response": completed }),
    ]
}

/// The usage is cumulative, as in the real API.
fn message_events(model: &Value, has_tools: bool) -> Vec<Value> {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": messages_usage(1),
    });
    let (block, deltas, reason) = if has_tools {
        let (first, second) = ARGUMENTS.split_at(5);
        let delta = |part: &str| json!({ "type": "input_json_delta", "partial_json": part });
        (json!({ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} }), [delta(first), delta(second)], "tool_use")
    } else {
        (json!({ "type": "text", "text": "" }), PARTS.map(|part| json!({ "type": "text_delta", "text": part })), "end_turn")
    };
    let [first, second] = deltas.map(|delta| json!({ "type": "content_block_delta", "index": 0, "delta": delta }));
    vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "ping" }),
        first,
        second,
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null }, "usage": messages_usage(10) }),
        json!({ "type": "message_stop" }),
    ]
}
