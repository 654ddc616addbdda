//! The body of a response that is passed on as it arrives. The credential is masked in it, and it ends when the caller may no longer call the model.

use std::{io, sync::Arc};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::runtime::Handle;

use super::{
    answer::{interrupted, output_bytes},
    attempt::timed_out,
    call::{CHECK_EVERY, Call},
    errors::ModelProblem,
    record::Used,
    request::Api,
    sse::StreamObserver,
    usage::{self, Usage},
};
use crate::mask::{MaskStream, Masker};
use latchkey_core::{
    actor::Actor,
    models::{self, Target},
};
use latchkey_http::AppState;
use latchkey_types::model_call::CLIENT_CLOSED;

/// How much of the end of a large JSON response is kept to find the usage in it, in bytes.
const TAIL_MAX: usize = 16 * 1024;

/// The masking of a body. If there was something to mask, this is recorded when the response is complete or the caller has disconnected.
pub(super) struct Masked {
    stream: MaskStream,
    /// Occurrences in the headers.
    occurrences: u64,
    state: AppState,
    target: Arc<Target>,
    actor: Actor,
}

impl Masked {
    pub(super) fn new(masker: &Arc<Masker>, occurrences: u64, call: &Call, target: &Arc<Target>) -> Self {
        Self { stream: masker.stream(), occurrences, state: call.state.clone(), target: Arc::clone(target), actor: call.caller.actor() }
    }

    pub(super) fn push(&mut self, chunk: Bytes) -> Bytes {
        self.stream.push(chunk)
    }

    pub(super) fn finish(&mut self) -> Bytes {
        self.stream.finish()
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        let count = self.occurrences + self.stream.occurrences();
        // Without a runtime, the process is ending.
        if count > 0
            && let Ok(runtime) = Handle::try_current()
        {
            let (state, target, actor) = (self.state.clone(), Arc::clone(&self.target), self.actor.clone());
            runtime.spawn(async move { models::record_echo(&state.core, &target, actor, count).await });
        }
    }
}

/// Finds the usage in a body that is passed on.
pub(super) enum Reader {
    Events(Box<StreamObserver>),
    Json(JsonTail),
    /// The response is an error.
    Error,
}

/// The end of a JSON response.
pub(super) struct JsonTail {
    api: Api,
    tail: Vec<u8>,
    /// Of the whole response, in bytes.
    length: usize,
}

impl Reader {
    pub(super) const fn json(api: Api) -> Self {
        Self::Json(JsonTail { api, tail: Vec::new(), length: 0 })
    }

    fn push(&mut self, chunk: Bytes) -> Bytes {
        match self {
            Self::Events(observer) => return observer.push(chunk),
            Self::Json(json) => json.push(&chunk),
            Self::Error => {}
        }
        chunk
    }

    fn finish(&mut self) -> Bytes {
        match self {
            Self::Events(observer) => observer.finish(),
            Self::Json(_) | Self::Error => Bytes::new(),
        }
    }

    fn used(&self) -> Used {
        match self {
            Self::Events(observer) => match observer.usage() {
                Some(usage) => Used::Reported(usage),
                None if observer.error() && observer.output_bytes() == 0 => Used::Nothing,
                None => match observer.begun() {
                    Some(usage) => Used::Begun { usage, output_bytes: observer.output_bytes() },
                    None => Used::Unreported { output_bytes: observer.output_bytes() },
                },
            },
            Self::Json(json) => json.used(),
            Self::Error => Used::Nothing,
        }
    }
}

impl JsonTail {
    fn push(&mut self, chunk: &[u8]) {
        self.length += chunk.len();
        self.tail.extend_from_slice(&chunk[chunk.len().saturating_sub(TAIL_MAX)..]);
        let excess = self.tail.len().saturating_sub(TAIL_MAX);
        self.tail.drain(..excess);
    }

    fn used(&self) -> Used {
        match self.usage() {
            Some(usage) => Used::Reported(usage),
            None => Used::Unreported { output_bytes: output_bytes(self.api, self.length) },
        }
    }

    /// The usage, if it is near the end. Within a string, its quotes would be escaped.
    fn usage(&self) -> Option<Usage> {
        const FIELD: &[u8] = b"\"usage\":";
        let at = self.tail.windows(FIELD.len()).rposition(|part| part == FIELD)?;
        usage::of_body(self.api, &[b"{", &self.tail[at..]].concat())
    }
}

/// A response that is passed on.
pub(super) struct Relay {
    call: Call,
    body: reqwest::Body,
    masked: Option<Masked>,
    reader: Reader,
    target: Arc<Target>,
    /// What is passed on first, already masked.
    begun: Bytes,
    has_begun: bool,
    /// The number of checks since the provider sent something.
    idle: u32,
    is_done: bool,
}

impl Relay {
    /// `begun` is the beginning of the body, already masked.
    pub(super) fn new(call: Call, body: reqwest::Body, masked: Option<Masked>, mut reader: Reader, begun: Bytes, target: Arc<Target>) -> Self {
        let has_begun = !begun.is_empty();
        let begun = reader.push(begun);
        Self { call, body, masked, reader, target, begun, has_begun, idle: 0, is_done: false }
    }

    pub(super) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut relay| async move {
            let chunk = relay.next().await?;
            if let Ok(bytes) = &chunk {
                relay.call.record.push_response(bytes);
            }
            Some((chunk, relay))
        }))
    }

    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if !self.begun.is_empty() {
            return Some(Ok(std::mem::take(&mut self.begun)));
        }
        while !self.is_done {
            let frame = tokio::select! {
                biased;
                // First, so that a provider that sends without a pause cannot prevent it.
                _ = self.call.ticks.tick() => {
                    match self.check().await {
                        Ok(()) => continue,
                        Err(problem) => return Some(self.interrupt(&problem)),
                    }
                }
                frame = self.body.frame() => frame,
            };
            self.idle = 0;
            let bytes = match frame {
                // Trailers are not passed on, because they could contain the credential.
                Some(Ok(frame)) => frame.into_data().map(|data| self.read(data)).unwrap_or_default(),
                Some(Err(_)) if !self.has_all_events() => return Some(self.interrupt(&interrupted(&self.target))),
                Some(Err(_)) | None => self.end(),
            };
            if !bytes.is_empty() {
                return Some(Ok(bytes));
            }
        }
        None
    }

    /// # Errors
    /// 504 `upstream_timeout`; those of [`Call::check`].
    async fn check(&mut self) -> Result<(), ModelProblem> {
        self.idle += 1;
        if CHECK_EVERY * self.idle > self.call.state.model_limits.idle {
            return Err(timed_out(&self.target));
        }
        self.call.check().await
    }

    fn read(&mut self, data: Bytes) -> Bytes {
        if !self.has_begun {
            self.has_begun = true;
            self.call.record.set_first_byte();
        }
        let data = match &mut self.masked {
            Some(masked) => masked.push(data),
            None => data,
        };
        self.reader.push(data)
    }

    /// Whether the event that ends a stream has arrived, so that it does not matter how the connection ends.
    fn has_all_events(&self) -> bool {
        matches!(&self.reader, Reader::Events(observer) if observer.has_ended())
    }

    /// Ends the body. Returns the bytes that were held back.
    fn end(&mut self) -> Bytes {
        self.is_done = true;
        let unmasked = self.masked.as_mut().map(Masked::finish).unwrap_or_default();
        let first = self.reader.push(unmasked);
        let last = self.reader.finish();
        if last.is_empty() {
            return first;
        }
        let mut bytes = BytesMut::with_capacity(first.len() + last.len());
        bytes.extend_from_slice(&first);
        bytes.extend_from_slice(&last);
        bytes.freeze()
    }

    /// Ends the body with an error: an event in a stream of events, otherwise an interrupted connection. The provider's connection is closed.
    fn interrupt(&mut self, problem: &ModelProblem) -> io::Result<Bytes> {
        self.is_done = true;
        self.body = reqwest::Body::default();
        self.call.record.code = problem.code;
        if !matches!(self.reader, Reader::Events(_)) {
            return Err(io::Error::other("the response of the provider was interrupted"));
        }
        Ok(problem.event(self.call.api))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.call.record.used = self.reader.used();
        // The server requests no more than the announced length, so the end of such a body is not read.
        let is_complete = self.is_done || self.body.size_hint().exact() == Some(0);
        if !is_complete {
            self.call.record.code = CLIENT_CLOSED;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::budget::TokenCounts;

    fn used(api: Api, chunks: &[&str]) -> Used {
        let mut reader = Reader::json(api);
        for chunk in chunks {
            assert_eq!(reader.push(Bytes::copy_from_slice(chunk.as_bytes())), *chunk);
        }
        reader.used()
    }

    #[test]
    fn usage_is_found_at_the_end_of_a_large_response() {
        let vectors = format!(r#"{{"object":"list","data":[{}0],"model":"m","us"#, "0.1,".repeat(TAIL_MAX));
        let reported = TokenCounts { input: 8, ..TokenCounts::default() };
        assert_eq!(used(Api::Embeddings, &[&vectors, r#"age":{"prompt_tokens":8,"total_tokens":8}}"#]), Used::Reported(Usage::from(reported)));
        assert_eq!(used(Api::Embeddings, &[&vectors, r#"ers":1}"#]), Used::Unreported { output_bytes: 0 });
        let text = r#"{"text":"\"usage\":{\"prompt_tokens\":8}"}"#;
        assert_eq!(used(Api::Completions, &[text]), Used::Unreported { output_bytes: text.len().try_into().unwrap() });
    }
}
