//! The settings of a request that decide what it can cost.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Api, InputBound, RequestError};
use crate::models::scan::Fields;

/// Providers add instructions to requests with tools, which are not in the body. Anthropic lists some hundred tokens for each model.
/// <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview>
const TOOL_INSTRUCTIONS: i64 = 1024;

/// Fields by which some providers call other models than the one that was checked.
const OTHER_MODELS: [&str; 2] = ["models", "fallbacks"];

/// Fields that add input that is not in the body, in words that follow “contains”.
const REFERENCES: [(&str, &str); 11] = [
    ("previous_response_id", "a reference to an earlier response"),
    ("conversation", "a reference to a stored conversation"),
    ("cached_content", "a reference to stored content"),
    ("prompt_embeds", "embeddings as a prompt"),
    ("extra_body", "settings that Latchkey does not know"),
    ("file_ids", "a file"),
    ("web_search_options", "a web search"),
    ("search_parameters", "a web search"),
    ("plugins", "a tool that the provider runs"),
    ("mcp_servers", "a tool that the provider runs"),
    ("container", "a tool that the provider runs"),
];

pub(super) fn refuse_unsupported(api: Api, fields: &Fields) -> Result<(), RequestError> {
    if let Some(field) = OTHER_MODELS.into_iter().find(|name| fields.raw(name).is_some()) {
        return Err(invalid(field, format!("“{field}” is not supported. Call an alias or a model with fallbacks instead.")));
    }
    if api == Api::Responses && flag(fields, "background")? {
        // Its usage would be known only to a later call, which is not served.
        return Err(invalid("background", "Responses in the background are not supported. Leave “background” out."));
    }
    Ok(())
}

pub(super) fn model(fields: &Fields) -> Result<String, RequestError> {
    let raw = fields.raw("model").ok_or(RequestError::NoModel)?;
    let model: String = serde_json::from_slice(raw).map_err(|_| invalid("model", "“model” must be text."))?;
    if model.is_empty() { Err(RequestError::NoModel) } else { Ok(model) }
}

pub(super) fn flag(fields: &Fields, name: &'static str) -> Result<bool, RequestError> {
    match fields.raw(name) {
        None | Some(b"false") => Ok(false),
        Some(b"true") => Ok(true),
        Some(_) => Err(invalid(name, format!("“{name}” must be true or false."))),
    }
}

fn integer(fields: &Fields, name: &'static str) -> Result<Option<i64>, RequestError> {
    let Some(raw) = fields.raw(name) else { return Ok(None) };
    let number = str::from_utf8(raw).ok().and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| invalid(name, format!("“{name}” must be an integer.")))
}

pub(super) fn input_bound(api: Api, fields: &Fields, body_bytes: usize) -> InputBound {
    let is_present = |name: &str| fields.raw(name).is_some();
    let reference = REFERENCES.into_iter().find(|(name, _)| is_present(name)).map(|(_, reason)| reason);
    let stored = (api == Api::Responses && is_present("prompt")).then_some("a stored prompt");
    let instructions = if is_present("tools") || is_present("functions") { TOOL_INSTRUCTIONS } else { 0 };
    let bytes = InputBound::Bytes(tokens(body_bytes).saturating_add(instructions));
    reference.or(stored).or_else(|| fields.unbounded()).map_or(bytes, InputBound::Unbounded)
}

/// The highest of the limits that the API reads. Some servers use a negative limit for none.
pub(super) fn output_limit(api: Api, fields: &Fields) -> Result<Option<i64>, RequestError> {
    let names: &[&'static str] = match api {
        Api::ChatCompletions | Api::Completions => &["max_completion_tokens", "max_tokens"],
        Api::Responses => &["max_output_tokens"],
        Api::Messages => &["max_tokens"],
        Api::Embeddings | Api::CountTokens => &[],
    };
    let mut limit: Option<i64> = None;
    for &name in names {
        match integer(fields, name)? {
            Some(tokens) if tokens < 0 => return Ok(None),
            tokens => limit = limit.max(tokens),
        }
    }
    Ok(limit)
}

/// How many results are generated: the prompts, times the results of each.
pub(super) fn choices(api: Api, fields: &Fields) -> Result<i64, RequestError> {
    match api {
        Api::ChatCompletions => number_of(fields, "n"),
        Api::Completions => Ok(number_of(fields, "n")?.max(number_of(fields, "best_of")?).saturating_mul(prompts(fields))),
        Api::Embeddings | Api::Responses | Api::Messages | Api::CountTokens => Ok(1),
    }
}

fn number_of(fields: &Fields, name: &'static str) -> Result<i64, RequestError> {
    match integer(fields, name)?.unwrap_or(1) {
        number if number >= 1 => Ok(number),
        _ => Err(invalid(name, format!("“{name}” must be at least 1."))),
    }
}

/// A prompt is text or a list of tokens; several are a list of these.
fn prompts(fields: &Fields) -> i64 {
    let raw = fields.raw("prompt").unwrap_or_default();
    // Fails for text, which is a single prompt.
    let Prompts(count) = serde_json::from_slice::<Prompts>(raw).unwrap_or_default();
    tokens(count).max(1)
}

/// The number of texts and lists in a list. They are only counted, because a body can have millions of tokens.
#[derive(Default)]
struct Prompts(usize);

impl<'de> Deserialize<'de> for Prompts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;

        impl<'de> Visitor<'de> for ListVisitor {
            type Value = Prompts;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Prompts, A::Error> {
                let mut count = 0;
                while let Some(item) = items.next_element::<&RawValue>()? {
                    count += usize::from(item.get().starts_with(['"', '[']));
                }
                Ok(Prompts(count))
            }
        }

        deserializer.deserialize_seq(ListVisitor)
    }
}

/// Predicted text that is not used is charged as output. It is a part of the body.
pub(super) fn extra_output(fields: &Fields, body_bytes: usize) -> i64 {
    fields.raw("prediction").map_or(0, |_| tokens(body_bytes))
}

/// Whether it asks for faster processing, a region or audio, each of which has prices of its own.
pub(super) fn has_other_price(fields: &Fields) -> bool {
    let has_own_tier = !matches!(
        fields.raw("service_tier"),
        None | Some(b"\"auto\"" | b"\"default\"" | b"\"standard\"" | b"\"standard_only\"" | b"\"flex\"" | b"\"on_demand\"")
    );
    has_own_tier
        || !matches!(fields.raw("speed"), None | Some(b"\"standard\""))
        || !matches!(fields.raw("inference_geo"), None | Some(b"\"global\""))
        || fields.raw("audio").is_some()
}

/// A number of bytes or prompts as the highest number of tokens.
fn tokens(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn invalid(field: &'static str, message: impl Into<String>) -> RequestError {
    RequestError::Invalid { field, message: message.into() }
}
