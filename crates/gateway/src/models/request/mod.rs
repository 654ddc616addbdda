//! Requests to language models: what the gateway must know of a body, and the body for a target.

mod settings;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

use super::{
    scan::{Fields, scan},
    splice::{self, Edit},
};
use latchkey_core::models::Target;
use latchkey_types::{budget::ModelPrice, dollars::Dollars, provider::ApiStyle};
use latchkey_verify::WorstCase;

/// An API that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Api {
    ChatCompletions,
    Completions,
    Embeddings,
    Responses,
    Messages,
    CountTokens,
}

impl Api {
    pub(super) const ALL: [Self; 6] =
        [Self::ChatCompletions, Self::Completions, Self::Embeddings, Self::Responses, Self::Messages, Self::CountTokens];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
        }
    }

    pub(super) fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.path() == path)
    }

    pub(super) const fn style(self) -> ApiStyle {
        match self {
            Self::ChatCompletions | Self::Completions | Self::Embeddings | Self::Responses => ApiStyle::Openai,
            Self::Messages | Self::CountTokens => ApiStyle::Anthropic,
        }
    }

    /// Whether it generates text, and can stream it.
    pub(super) const fn generates(self) -> bool {
        !matches!(self, Self::Embeddings | Self::CountTokens)
    }

    /// Whether its streams contain the usage only if the request says so.
    const fn reports_usage_on_request(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Completions)
    }
}

/// The maximum number of input tokens of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputBound {
    /// In tokens. A token is at least one byte.
    Bytes(i64),
    /// The body does not limit it. The text says why, in words that follow “contains”.
    Unbounded(&'static str),
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestError {
    /// A sentence.
    Malformed(String),
    /// The field occurs twice.
    Duplicate(&'static str),
    /// The field's name has an escape or an upper-case letter.
    Escaped(&'static str),
    NoModel,
    Invalid {
        field: &'static str,
        /// A sentence.
        message: String,
    },
}

/// A request whose body was checked.
#[derive(Debug)]
pub(super) struct ModelRequest {
    pub(super) api: Api,
    pub(super) body: Bytes,
    /// As the caller wrote it.
    pub(super) model: String,
    pub(super) is_stream: bool,
    pub(super) input_bound: InputBound,
    /// Maximum number of output tokens of each choice that the caller set.
    pub(super) output_limit: Option<i64>,
    /// The number of results that are generated and charged.
    pub(super) choices: i64,
    /// Output tokens that can be charged in addition to those of the choices.
    extra_output: i64,
    /// Whether a setting leads to other prices than those of the model.
    has_other_price: bool,
    /// Whether input may be kept in the cache for an hour, which costs more.
    may_write_for_hour: bool,
    /// Where the model is named.
    model_span: Range<usize>,
    /// Asks for the usage.
    usage_edit: Option<Edit>,
}

impl ModelRequest {
    /// Checks a body.
    ///
    /// # Errors
    /// It is not a JSON object of this API, as far as the gateway reads it.
    pub(super) fn parse(api: Api, body: Bytes) -> Result<Self, RequestError> {
        let fields = scan(&body)?;
        settings::refuse_unsupported(api, &fields)?;
        let model = settings::model(&fields)?;
        let model_span = fields.span("model").ok_or(RequestError::NoModel)?;
        let is_stream = api.generates() && settings::flag(&fields, "stream")?;
        let usage_edit = if is_stream && api.reports_usage_on_request() { usage_edit(&fields, &body, model_span.end)? } else { None };
        let input_bound = settings::input_bound(api, &fields, body.len());
        let output_limit = settings::output_limit(api, &fields)?;
        let choices = settings::choices(api, &fields)?;
        let extra_output = settings::extra_output(&fields, body.len());
        let has_other_price = settings::has_other_price(&fields);
        let may_write_for_hour = fields.has_long_ttl();
        Ok(Self {
            api,
            body,
            model,
            is_stream,
            input_bound,
            output_limit,
            choices,
            extra_output,
            has_other_price,
            may_write_for_hour,
            model_span,
            usage_edit,
        })
    }

    /// The body for a target at this host, as chunks that share the memory of the caller's: with the name that the provider uses for the model, and
    /// a request for the usage of a stream.
    pub(super) fn for_target(&self, upstream_name: &str, host: &str) -> Vec<Bytes> {
        let mut edits: Vec<Edit> = self.usage_edit.iter().filter(|_| self.adds_usage(host)).cloned().collect();
        if upstream_name != self.model {
            let name = serde_json::Value::from(upstream_name).to_string();
            edits.push(Edit { span: self.model_span.clone(), text: name.into() });
        }
        splice::apply(&self.body, edits)
    }

    /// Whether the usage is requested only by [`Self::for_target`], so that the event with it must not reach the caller.
    pub(super) fn adds_usage(&self, host: &str) -> bool {
        self.usage_edit.is_some() && !always_reports_usage(host)
    }

    /// The price that applies to this request; `None` if it is unknown.
    pub(super) fn price<'a>(&self, target: &'a Target) -> Option<&'a ModelPrice> {
        self.price_of(target.price.as_ref())
    }

    fn price_of<'a>(&self, price: Option<&'a ModelPrice>) -> Option<&'a ModelPrice> {
        price.filter(|_| !self.has_other_price)
    }

    /// The most that a call of this target can cost and use.
    pub(super) fn worst_case(&self, target: &Target) -> WorstCase {
        let Some((input, output)) = self.most_tokens(target.context_tokens, target.output_tokens) else {
            return WorstCase { cost: None, tokens: None };
        };
        // Counting tokens is free, so no price is needed.
        let free = (self.api == Api::CountTokens).then_some(Dollars(0));
        WorstCase {
            cost: free.or_else(|| self.price(target).map(|price| price.worst_case(input, output, self.may_write_for_hour))),
            tokens: Some(input.saturating_add(output)),
        }
    }

    /// The maximum numbers of input and output tokens, for a model with these limits; `None` if there is none.
    fn most_tokens(&self, context_tokens: Option<i64>, output_tokens: Option<i64>) -> Option<(i64, i64)> {
        if self.api == Api::CountTokens {
            return Some((0, 0));
        }
        let input = match self.input_bound {
            InputBound::Bytes(tokens) => tokens,
            InputBound::Unbounded(_) => context_tokens?,
        };
        if !self.api.generates() {
            return Some((input, 0));
        }
        let each = self.output_limit.or(output_tokens).or(context_tokens)?;
        Some((input, each.saturating_mul(self.choices).saturating_add(self.extra_output)))
    }
}

/// Whether the streams of a host contain the usage in any case. Mistral's do, and its API refuses `include_usage`.
pub(super) fn always_reports_usage(host: &str) -> bool {
    host == "mistral.ai" || host.ends_with(".mistral.ai")
}

/// The edit of `stream_options` that asks for the usage; `None` if the caller asks for it.
fn usage_edit(fields: &Fields, body: &[u8], end_of_model: usize) -> Result<Option<Edit>, RequestError> {
    let edit = |span, text: &'static str| Ok(Some(Edit { span, text: Bytes::from_static(text.as_bytes()) }));
    let invalid = |message: &str| Err(RequestError::Invalid { field: "stream_options", message: message.to_owned() });
    let Some(options) = fields.span("stream_options") else {
        return edit(end_of_model..end_of_model, r#","stream_options":{"include_usage":true}"#);
    };
    match &body[options.clone()] {
        b"null" => return edit(options, r#"{"include_usage":true}"#),
        [b'{', ..] => {}
        _ => return invalid("“stream_options” must be an object."),
    }
    if let Some(include_usage) = fields.include_usage() {
        return match &body[include_usage.clone()] {
            b"true" => Ok(None),
            b"false" | b"null" => edit(include_usage, "true"),
            _ => invalid("“include_usage” must be true or false."),
        };
    }
    let start = options.start + 1;
    let is_empty = body[start..options.end - 1].iter().all(u8::is_ascii_whitespace);
    edit(start..start, if is_empty { r#""include_usage":true"# } else { r#""include_usage":true,"# })
}
