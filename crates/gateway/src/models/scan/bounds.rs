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

/// Further keys that are read at any depth: they show where the content of an object is, and for how long it is cached. The providers to which they
/// matter distinguish upper and lower case.
pub(super) const EXACT_KEYS: &[&str] = &["id", "role", "function", "encrypted_content", "ttl"];

/// The reason for an object that refers to what the provider has stored.
pub(super) const STORED: &str = "a reference to stored content";

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

/// What makes a part unbounded, in words that follow “contains”. The value is the JSON of one of the keys.
pub(super) fn unbounded(key: &str, value: &[u8]) -> Option<&'static str> {
    match key {
        "type" => {}
        _ if EXACT_KEYS.contains(&key) => return None,
        _ => return (value != b"null").then(|| description(key)),
    }
    let kind = str::from_utf8(value).ok()?.strip_prefix('"')?.strip_suffix('"')?;
    // A type with an escape is in no list.
    (!BOUNDED_TYPES.contains(&kind)).then(|| description(kind))
}

/// Whether the value of `ttl` in JSON keeps what is written to the cache for longer than the default, which is five minutes.
pub(super) fn is_long_ttl(value: &[u8]) -> bool {
    value != b"null" && value != b"\"5m\""
}

/// Where the content of an object is, according to its fields.
#[derive(Default)]
pub(super) struct Item {
    /// A bit for each of the [`KEYS`] and [`EXACT_KEYS`] that it has.
    seen: u32,
    has_id: bool,
    has_encrypted_content: bool,
    kind: Kind,
}

#[derive(Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unstated,
    /// The content is in the body.
    Inline,
    /// The content is in the body only if it is encrypted.
    Reasoning,
}

impl Item {
    /// Adds a field, whose value is JSON. Returns whether the object already has it.
    pub(super) fn add(&mut self, key: &str, value: &[u8]) -> bool {
        let is_text = value.starts_with(b"\"");
        match key {
            "id" => self.has_id = is_text,
            "encrypted_content" => self.has_encrypted_content = is_text && value != b"\"\"",
            "type" if value == b"\"reasoning\"" => self.kind = Kind::Reasoning,
            "type" | "role" | "function" if value != b"null" && self.kind == Kind::Unstated => self.kind = Kind::Inline,
            _ => {}
        }
        let bit = KEYS.iter().chain(EXACT_KEYS).position(|name| *name == key).map_or(0, |index| 1_u32 << index);
        let is_repeated = self.seen & bit != 0;
        self.seen |= bit;
        is_repeated
    }

    /// Whether the provider replaces it by what it has stored with this id: `OpenAI`'s references need no type, and reasoning is looked up.
    pub(super) const fn is_stored(&self) -> bool {
        self.has_id
            && match self.kind {
                Kind::Unstated => true,
                Kind::Inline => false,
                Kind::Reasoning => !self.has_encrypted_content,
            }
    }
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
        STORED
    } else {
        "a part of a type that Latchkey does not know"
    }
}
