//! Observes the response of a model on its way to the caller: an event stream, or JSON. All bytes pass unchanged, except for the event with the usage
//! that only the gateway requested.

mod event;
mod held;
mod lines;
#[cfg(test)]
mod tests;

use std::mem;

use bytes::Bytes;
use smallvec::SmallVec;

use self::{event::Event, held::Held, lines::Lines};
use super::{
    request::Api,
    usage::{self, MessagesUsage, Usage},
};
use latchkey_types::provider::ApiStyle;

/// Memory for data that is kept between events.
const DATA_KEPT: usize = 4 * 1024;
/// Maximum size of an event, and of a JSON response, from which the usage is read.
const READ_MAX: usize = 4 * 1024 * 1024;

/// The end of an event in a chunk.
struct EndOfEvent {
    /// Position after it.
    end: usize,
    /// Whether it is not passed on.
    is_removed: bool,
}

type Ends = SmallVec<[EndOfEvent; 8]>;

enum Format {
    /// Nothing but white space was received.
    Unknown,
    Events,
    /// A response that is not a stream. The text is empty above [`READ_MAX`] bytes.
    Json {
        text: Vec<u8>,
        bytes: usize,
    },
}

pub(super) struct StreamObserver {
    api: Api,
    format: Format,
    lines: Lines,
    /// The data of the event that is being received.
    data: Vec<u8>,
    /// `None` if no event is removed.
    held: Option<Held>,
    /// The last usage of `OpenAI`'s APIs, or that of a JSON response.
    usage: Option<Usage>,
    /// The last usage of Anthropic's API.
    messages: MessagesUsage,
    /// Whether the usage includes all output.
    is_final: bool,
    text_bytes: i64,
    has_ended: bool,
    is_error: bool,
}

impl StreamObserver {
    /// `drops_usage_chunk`: whether the event with only the usage is removed.
    pub(super) fn new(api: Api, drops_usage_chunk: bool) -> Self {
        Self {
            api,
            format: Format::Unknown,
            lines: Lines::default(),
            data: Vec::new(),
            held: drops_usage_chunk.then(Held::default),
            usage: None,
            messages: MessagesUsage::default(),
            is_final: false,
            text_bytes: 0,
            has_ended: false,
            is_error: false,
        }
    }

    /// The bytes that can be passed on after this chunk. An incomplete event is held back if it may have to be removed.
    pub(super) fn push(&mut self, chunk: Bytes) -> Bytes {
        if matches!(self.format, Format::Unknown) {
            self.format = detect(&chunk);
        }
        match &mut self.format {
            Format::Unknown => chunk,
            Format::Json { text, bytes } => {
                *bytes = bytes.saturating_add(chunk.len());
                if *bytes <= READ_MAX {
                    text.extend_from_slice(&chunk);
                } else {
                    *text = Vec::new();
                }
                chunk
            }
            Format::Events => {
                let ends = self.observe(&chunk);
                match &mut self.held {
                    Some(held) => held.push(chunk, &ends),
                    None => chunk,
                }
            }
        }
    }

    /// The bytes that were held back, at the end of the response. What was observed is complete only then.
    pub(super) fn finish(&mut self) -> Bytes {
        if let Format::Json { text, bytes } = &mut self.format {
            let (text, bytes) = (mem::take(text), *bytes);
            self.read_body(&text, bytes);
            return Bytes::new();
        }
        let mut ends = Ends::new();
        let mut lines = mem::take(&mut self.lines);
        lines.finish(|line| self.read_line(line, 0, &mut ends));
        let is_removed = self.end_event() || ends.iter().any(|end| end.is_removed);
        match self.held.take() {
            Some(held) if !is_removed => held.into_bytes(),
            _ => Bytes::new(),
        }
    }

    /// The usage that the provider reported: the last one, because the counts of a stream are cumulative.
    pub(super) fn usage(&self) -> Option<Usage> {
        match self.api.style() {
            ApiStyle::Openai => self.usage,
            ApiStyle::Anthropic if self.is_final => self.usage.or_else(|| self.messages.counts()),
            ApiStyle::Anthropic => None,
        }
    }

    /// What was reported at the beginning of a response that was interrupted: the input, and not all of the output.
    pub(super) fn begun(&self) -> Option<Usage> {
        self.messages.counts()
    }

    /// The bytes of generated text so far, for an estimate.
    pub(super) fn output_bytes(&self) -> i64 {
        if !self.api.generates() {
            return 0;
        }
        match &self.format {
            // What of it is text is known when it is complete.
            Format::Json { bytes, .. } if !self.is_final => length(*bytes),
            Format::Json { .. } | Format::Unknown | Format::Events => self.text_bytes,
        }
    }

    /// Whether the response is complete.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether the provider reported an error, with whatever status.
    pub(super) const fn error(&self) -> bool {
        self.is_error
    }

    fn read_body(&mut self, text: &[u8], bytes: usize) {
        let text_bytes = usage::text_bytes(text);
        self.has_ended = text_bytes.is_some();
        self.text_bytes = text_bytes.unwrap_or_else(|| length(bytes));
        self.usage = usage::of_body(self.api, text);
        self.is_error = usage::is_error(text);
        self.is_final = true;
    }

    /// Reads a chunk of a stream. Returns the events that end in it.
    fn observe(&mut self, chunk: &[u8]) -> Ends {
        let mut ends = Ends::new();
        let mut lines = mem::take(&mut self.lines);
        lines.push(chunk, |line, end| self.read_line(line, end, &mut ends));
        self.lines = lines;
        ends
    }

    /// `end`: position after the line.
    fn read_line(&mut self, line: &[u8], end: usize, ends: &mut Ends) {
        if line.is_empty() {
            ends.push(EndOfEvent { end, is_removed: self.end_event() });
        } else if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            // Only a part of longer data is kept, which is not valid JSON.
            if !self.data.is_empty() && self.data.len() < READ_MAX {
                self.data.push(b'\n');
            }
            let left = READ_MAX.saturating_sub(self.data.len());
            self.data.extend_from_slice(&value[..value.len().min(left)]);
        } else if let Some(name) = line.strip_prefix(b"event:") {
            self.is_error |= name.trim_ascii() == b"error";
        }
    }

    /// Ends the event that is being received. Returns whether it is not passed on.
    fn end_event(&mut self) -> bool {
        let mut data = mem::take(&mut self.data);
        let has_only_usage = self.read_event(data.trim_ascii());
        if data.capacity() <= DATA_KEPT {
            data.clear();
            self.data = data;
        }
        self.held.as_mut().is_some_and(|held| held.end_event(has_only_usage))
    }

    /// Reads the data of an event. Returns whether it contains only the usage.
    fn read_event(&mut self, data: &[u8]) -> bool {
        self.has_ended |= data == b"[DONE]";
        let Ok(event) = serde_json::from_slice::<Event>(data) else { return false };
        self.text_bytes = self.text_bytes.saturating_add(event.text_bytes());
        self.is_error |= event.is_error();
        self.has_ended |= event.is_end();
        if let Some(usage) = event.usage() {
            match self.api.style() {
                ApiStyle::Openai => self.usage = usage::of_object(self.api, usage).or(self.usage),
                ApiStyle::Anthropic => {
                    self.messages.update(usage);
                    // Before, it counts the first output token only.
                    self.is_final |= event.is_message_delta();
                }
            }
        }
        self.is_final |= self.has_ended;
        event.has_only_usage()
    }
}

fn detect(chunk: &[u8]) -> Format {
    match chunk.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Format::Unknown,
        Some(b'{') => Format::Json { text: Vec::new(), bytes: 0 },
        Some(_) => Format::Events,
    }
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
