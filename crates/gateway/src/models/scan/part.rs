//! Which fields are read in which part of a body.

use super::bounds;
use crate::models::request::RequestError;

/// The fields of the body that are read.
const FIELDS: &[&str] = &[
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "prompt",
    "prediction",
    "tools",
    "functions",
    "background",
    "models",
    "fallbacks",
    "service_tier",
    "speed",
    "inference_geo",
    "audio",
    "previous_response_id",
    "conversation",
    "web_search_options",
    "search_parameters",
    "plugins",
    "mcp_servers",
    "container",
    "file_ids",
    "cached_content",
    "extra_body",
    "prompt_embeds",
];

/// Values of callers and JSON Schemas: no provider reads instructions in them.
const OPAQUE: &[&[u8]] = &[b"metadata", b"input", b"arguments", b"parameters", b"input_schema", b"json_schema", b"schema"];

/// The part of a body that an object belongs to. It decides which fields are read.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Body,
    StreamOptions,
    Content,
    Opaque,
}

impl Part {
    /// The fields that are read. No other spelling of them is accepted.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Body => FIELDS,
            Self::StreamOptions => &["include_usage"],
            Self::Content => bounds::KEYS,
            Self::Opaque => &[],
        }
    }

    /// Further fields that are read. They may be accompanied by others that differ in upper and lower case.
    const fn exact_names(self) -> &'static [&'static str] {
        match self {
            Self::Content => bounds::EXACT_KEYS,
            Self::Body | Self::StreamOptions | Self::Opaque => &[],
        }
    }

    /// The part that the value of this key belongs to.
    pub(super) fn of_value(self, key: &[u8]) -> Self {
        match self {
            Self::Body if key == b"stream_options" => Self::StreamOptions,
            // Here it is the content itself.
            Self::Body if key == b"input" => Self::Content,
            Self::Body | Self::Content if !OPAQUE.contains(&key) => Self::Content,
            Self::Body | Self::Content | Self::StreamOptions | Self::Opaque => Self::Opaque,
        }
    }

    /// The field of this key, if it is one that is read.
    ///
    /// # Errors
    /// It is such a field in another spelling: with escapes, or with other letters that some parsers, such as Go's, regard as equal.
    pub(super) fn field(self, key: &[u8]) -> Result<Option<&'static str>, RequestError> {
        let is_plain = |byte: &u8| byte.is_ascii() && !byte.is_ascii_uppercase() && *byte != b'\\';
        if let Some(name) = find(self.names(), key).or_else(|| find(self.exact_names(), key)) {
            return Ok(Some(name));
        }
        if key.iter().all(is_plain) {
            return Ok(None);
        }
        let decoded = decoded(key);
        let other = find(self.names(), folded(&decoded).as_bytes()).or_else(|| find(self.exact_names(), decoded.as_bytes()));
        other.map_or(Ok(None), |name| Err(RequestError::Escaped(name)))
    }
}

fn find(names: &'static [&'static str], key: &[u8]) -> Option<&'static str> {
    names.iter().copied().find(|name| name.as_bytes() == key)
}

/// A key without escapes.
fn decoded(key: &[u8]) -> String {
    let quoted = [b"\"".as_slice(), key, b"\""].concat();
    // Fails for half of a surrogate pair, which no field that is read contains.
    serde_json::from_slice(&quoted).unwrap_or_default()
}

/// A key in lower case.
fn folded(key: &str) -> String {
    let fold = |letter: char| match letter {
        // The only other letters whose simple case folding is ASCII.
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}
