//! Reads the answer of a model, in the form of its API, from a stream of server-sent events.

use serde_json::Value;

use latchkey_types::{budget::TokenCounts, error::Error};

/// What was read so far of an answer.
#[derive(Debug, Default)]
pub(super) struct AnswerReader {
    /// The beginning of a line.
    pending: Vec<u8>,
    /// As the provider reports them.
    pub tokens: Option<TokenCounts>,
    /// The error of the stream, as a sentence.
    pub error: Option<String>,
}

impl AnswerReader {
    /// Reads a part of the stream. Returns the text that it adds to the answer.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') else { return String::new() };
        let complete: Vec<u8> = self.pending.drain(..=end).collect();
        let lines = String::from_utf8_lossy(&complete);
        lines.lines().filter_map(|line| line.strip_prefix("data:")).filter_map(|data| self.read_event(data.trim())).collect()
    }

    /// The text of an event.
    fn read_event(&mut self, data: &str) -> Option<String> {
        // The end mark of the OpenAI API is no JSON.
        let event: Value = serde_json::from_str(data).ok()?;
        if event.get("error").is_some_and(|error| !error.is_null()) || event["type"] == "error" {
            self.error = Some(message_of(&event).unwrap_or_else(|| "The provider reported an error.".to_owned()));
            return None;
        }
        for usage in [&event["usage"], &event["message"]["usage"]] {
            if usage.is_object() {
                self.tokens = Some(counts(usage, self.tokens.unwrap_or_default()));
            }
        }
        let text = [&event["choices"][0]["delta"]["content"], &event["delta"]["text"]].into_iter().find_map(Value::as_str);
        text.map(str::to_owned)
    }
}

/// The counts that an event reports, which replace earlier ones.
fn counts(usage: &Value, before: TokenCounts) -> TokenCounts {
    let number = Value::as_i64;
    // The OpenAI API counts cached tokens as input tokens, the Anthropic API does not.
    if let Some(input) = number(&usage["prompt_tokens"]) {
        return TokenCounts {
            input,
            cached: number(&usage["prompt_tokens_details"]["cached_tokens"]).unwrap_or_default(),
            cache_write: 0,
            output: number(&usage["completion_tokens"]).unwrap_or_default(),
            reasoning: number(&usage["completion_tokens_details"]["reasoning_tokens"]).unwrap_or_default(),
        };
    }
    let cached = number(&usage["cache_read_input_tokens"]).unwrap_or(before.cached);
    let cache_write = number(&usage["cache_creation_input_tokens"]).unwrap_or(before.cache_write);
    let plain = number(&usage["input_tokens"]).unwrap_or_else(|| before.input.saturating_sub(before.cached).saturating_sub(before.cache_write));
    let output = number(&usage["output_tokens"]).unwrap_or(before.output);
    TokenCounts { input: plain.saturating_add(cached).saturating_add(cache_write), cached, cache_write, output, ..before }
}

/// The message of an error response of any form: of either API, or a problem of Latchkey.
pub(super) fn error_message(body: &str) -> String {
    let body: Option<Value> = serde_json::from_str(body).ok();
    body.as_ref().and_then(message_of).unwrap_or_else(|| Error::ForeignResponse.to_string())
}

fn message_of(value: &Value) -> Option<String> {
    let messages = [&value["error"]["message"], &value["error"], &value["detail"], &value["message"]];
    messages.into_iter().find_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENAI: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"Grüß \"}}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"Gott\"}}]}\r\n\r\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n",
        "data: [DONE]\n\n",
    );

    const ANTHROPIC: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );

    /// The answer, read in parts of this size.
    fn read(stream: &str, size: usize) -> (String, AnswerReader) {
        let mut reader = AnswerReader::default();
        let text = stream.as_bytes().chunks(size).map(|part| reader.push(part)).collect();
        (text, reader)
    }

    #[test]
    fn answers_are_read_in_parts_of_any_size() {
        for size in [1, 2, 3, 7, 64, 10_000] {
            let (text, reader) = read(OPENAI, size);
            assert_eq!(text, "Grüß Gott", "{size}");
            assert_eq!(reader.tokens, Some(TokenCounts { input: 12, cached: 4, output: 3, ..TokenCounts::default() }));
            let (text, reader) = read(ANTHROPIC, size);
            assert_eq!(text, "Hello", "{size}");
            assert_eq!(reader.tokens, Some(TokenCounts { input: 15, cached: 5, output: 7, ..TokenCounts::default() }));
            assert_eq!(reader.error, None);
        }
    }

    #[test]
    fn errors_within_a_stream_are_read() {
        for event in [
            r#"data: {"error":{"message":"The key was revoked.","code":"key_revoked"}}"#,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The key was revoked.\"}}",
            r#"data: {"type":"error","code":"key_revoked","message":"The key was revoked."}"#,
        ] {
            let (text, reader) = read(&format!("{event}\n\n"), 5);
            assert_eq!((text.as_str(), reader.error.as_deref()), ("", Some("The key was revoked.")), "{event}");
        }
    }

    #[test]
    fn the_message_of_an_error_response_is_found() {
        for body in [
            r#"{"error":{"message":"No.","type":"invalid_request_error"}}"#,
            r#"{"type":"error","error":{"type":"not_found_error","message":"No."}}"#,
            r#"{"code":"forbidden","detail":"No.","status":403}"#,
            r#"{"error":"No."}"#,
        ] {
            assert_eq!(error_message(body), "No.", "{body}");
        }
        assert_eq!(error_message("<html>"), Error::ForeignResponse.to_string());
    }
}
