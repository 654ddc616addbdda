//! The data of an event of any of the APIs, as far as it is read.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::models::usage::{self, Reported};

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    /// Of Anthropic's first event.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    /// Of the first and last events of a response.
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    error: Option<IgnoredAny>,
}

impl<'a> Event<'a> {
    fn is(&self, kinds: &[&str]) -> bool {
        self.kind.is_some_and(|kind| kinds.contains(&kind.get().trim_matches('"')))
    }

    pub(super) fn is_message_delta(&self) -> bool {
        self.is(&["message_delta"])
    }

    pub(super) fn is_end(&self) -> bool {
        self.is(&["message_stop", "response.completed", "response.incomplete", "response.failed"])
    }

    pub(super) fn is_error(&self) -> bool {
        self.error.is_some() || self.is(&["error", "response.failed"])
    }

    /// The usage, or that of the object in the event.
    pub(super) fn usage(&self) -> Option<&'a RawValue> {
        self.usage.or_else(|| {
            let object = self.message.or(self.response)?;
            serde_json::from_str::<Reported>(object.get()).ok()?.usage
        })
    }

    /// Whether it has the form of the event that follows the last token if the usage is requested.
    pub(super) fn has_only_usage(&self) -> bool {
        let is_empty = |list: &str| list.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']'));
        self.usage.is_some() && self.choices.is_some_and(|choices| is_empty(choices.get()))
    }

    /// The bytes of generated text. Events at the end of a part, which repeat its text, have other fields.
    pub(super) fn text_bytes(&self) -> i64 {
        let of = |part: Option<&RawValue>| part.and_then(|part| usage::text_bytes(part.get().as_bytes())).unwrap_or(0);
        of(self.choices).saturating_add(of(self.delta))
    }
}
