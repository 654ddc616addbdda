//! Which parts of a body have no more tokens than bytes. All others count as unbounded: a type that is not known here may be a file or a tool of the
//! provider.

/// The keys that are read at any depth.
pub(super) const KEYS: &[&str] = &[
    "type",
    // Some servers accept these parts without a type.
    "image_url",
    "image_embeds",
    "audio_url",
    "audio_embeds",
    "input_audio",
    "video_url",
    "file_id",
    "file_ids",
    "file_url",
    "file_data",
    "document_url",
    "vector_store_ids",
    "cached_content",
];

/// Values of `type` in parts whose tokens are in the body.
const BOUNDED_TYPES: &[&str] = &[
    // Content and items.
    "text",
    "input_text",
    "output_text",
    "message",
    "refusal",
    "content",
    "thinking",
    "redacted_thinking",
    "reasoning",
    "reasoning_text",
    "summary_text",
    "document",
    "search_result",
    "tool_use",
    "tool_result",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "ephemeral",
    // Tools that the caller runs, and the choice of them.
    "function",
    "custom",
    "auto",
    "any",
    "none",
    "required",
    "tool",
    "allowed_tools",
    // Settings.
    "enabled",
    "disabled",
    "adaptive",
    "json_object",
    "json_schema",
    "grammar",
    "regex",
    "structural_tag",
    "tokens",
    "input_tokens",
    "tool_uses",
    "thinking_turns",
    "all",
    "clear_tool_uses_20250919",
    "clear_thinking_20251015",
    // Citations in earlier responses.
    "char_location",
    "page_location",
    "content_block_location",
    "search_result_location",
    "url_citation",
    "file_citation",
    // JSON Schema.
    "object",
    "array",
    "string",
    "number",
    "integer",
    "boolean",
    "null",
];

/// What makes a part unbounded, in words that follow “contains”. The value is the JSON of one of [`KEYS`].
pub(super) fn unbounded(key: &str, value: &[u8]) -> Option<&'static str> {
    if key != "type" {
        return (value != b"null").then(|| description(key));
    }
    let kind = str::from_utf8(value).ok()?.strip_prefix('"')?.strip_suffix('"')?;
    // A type with an escape is in no list.
    (!BOUNDED_TYPES.contains(&kind)).then(|| description(kind))
}

fn description(kind: &str) -> &'static str {
    let contains = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    if contains(&["search", "tool", "interpreter", "mcp", "computer", "generation", "_20"]) {
        "a tool that the provider runs"
    } else if contains(&["image"]) {
        "an image"
    } else if contains(&["audio"]) {
        "audio"
    } else if contains(&["video"]) {
        "a video"
    } else if contains(&["file", "document", "base64", "url", "vector_store", "container"]) {
        "a file"
    } else if contains(&["reference", "cached"]) {
        "a reference to stored content"
    } else {
        "a part of a type that Latchkey does not know"
    }
}
