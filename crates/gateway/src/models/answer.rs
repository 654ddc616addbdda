//! Passes on the response of a provider.

use std::{mem, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
        response::Parts,
    },
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::time::timeout;

use super::{
    attempt::{Answered, timed_out, upstream_failed},
    call::Call,
    errors::{CODE, ModelProblem},
    record::Used,
    relay::{Masked, Reader, Relay},
    request::Api,
    sse::StreamObserver,
    usage,
};
use crate::headers;
use latchkey_core::models::Target;
use latchkey_http::rate_headers;

const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
const MODEL: HeaderName = HeaderName::from_static("x-latchkey-model");
const PROVIDER: HeaderName = HeaderName::from_static("x-latchkey-provider");
const COST: HeaderName = HeaderName::from_static("x-latchkey-cost");
const OVERHEAD: HeaderName = HeaderName::from_static("x-latchkey-overhead-ms");

/// What is encoded in these headers, besides what is not ASCII. With the percent sign, so that every name can be decoded.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Largest response without a stream that is complete before it is passed on, so that its cost can be in a header. In bytes.
const BUFFERED_MAX: usize = 4 * 1024 * 1024;

/// The response that the caller receives.
pub(super) async fn pass_on(mut call: Call, answered: Answered) -> Response {
    let Answered { response, candidate, drops_usage } = answered;
    if headers::is_encoded(response.headers()) {
        let message = format!("“{}” sent an encoded response, although an unencoded one was requested.", candidate.target.provider_name);
        // The provider may charge each repeated call.
        return call.refuse(ModelProblem::last(StatusCode::BAD_GATEWAY, "encoded_response", message));
    }
    // Without the extensions, one of which contains the provider's own reason phrase.
    let (Parts { status, headers: mut sent, .. }, body) = response.into_parts();
    let body = reqwest::Body::wrap(body);
    headers::clean_length(&mut sent, body.size_hint().exact(), false);
    headers::clean_response(&mut sent);
    let masked = candidate.prepared.masker.as_ref().map(|masker| Masked::new(masker, headers::mask(&mut sent, masker), &call, &candidate.target));
    let reader = if !status.is_success() {
        sent.insert(CODE, HeaderValue::from_static("upstream_error"));
        Reader::Error
    } else if is_event_stream(&sent, call.record.is_stream) {
        // Events can be removed.
        sent.remove(CONTENT_LENGTH);
        // nginx would collect the events.
        sent.insert(UNBUFFERED, HeaderValue::from_static("no"));
        Reader::Events(Box::new(StreamObserver::new(call.api, drops_usage)))
    } else {
        Reader::json(call.api)
    };
    let mut incoming = Incoming { body, masked, target: &candidate.target };
    let buffered = match &reader {
        Reader::Json(_) => incoming.buffer(&mut call).await,
        Reader::Events(_) | Reader::Error => Ok(Buffered::Part(Bytes::new())),
    };
    let Incoming { body, masked, .. } = incoming;
    let (begun, is_complete) = match buffered {
        Ok(Buffered::Complete(bytes)) => (bytes, true),
        Ok(Buffered::Part(bytes)) => (bytes, false),
        Err(problem) => return call.refuse(problem),
    };
    call.record.answer(status);
    if is_complete {
        call.record.used = of_complete(call.api, &begun);
        call.record.push_response(&begun);
    }
    write_headers(&mut sent, &call, &candidate.target);
    let body = if is_complete { Body::from(begun) } else { Relay::new(call, body, masked, reader, begun, candidate.target).into_body() };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = sent;
    response
}

/// Whether the body is a stream of events. Some servers do not say so.
fn is_event_stream(headers: &HeaderMap, is_requested: bool) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let begins = |text: &[u8]| content_type.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text));
    begins(b"text/event-stream") || (is_requested && !begins(b"application/json"))
}

/// Writes what is known about the call.
fn write_headers(headers: &mut HeaderMap, call: &Call, target: &Target) {
    let text = |text: &str| HeaderValue::try_from(utf8_percent_encode(text, ENCODED).to_string()).ok();
    let cost = call.record.cost().and_then(|cost| text(&cost.to_string()));
    let overhead = text(&format!("{:.3}", milliseconds(call.overhead())));
    let values = [(MODEL, text(&target.name)), (PROVIDER, text(&target.provider_name)), (COST, cost), (OVERHEAD, overhead)];
    headers.extend(values.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if let Some(verdict) = &call.verdict {
        rate_headers::write(headers, verdict);
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The body of a response.
struct Incoming<'a> {
    body: reqwest::Body,
    masked: Option<Masked>,
    target: &'a Target,
}

enum Buffered {
    Complete(Bytes),
    /// The beginning of a body that is too large.
    Part(Bytes),
}

impl Incoming<'_> {
    /// Reads the body, up to [`BUFFERED_MAX`].
    async fn buffer(&mut self, call: &mut Call) -> Result<Buffered, ModelProblem> {
        let (mut joined, idle) = (Joined::default(), call.state.model_limits.idle);
        while joined.length() <= BUFFERED_MAX {
            let Ok(frame) = call.during(timeout(idle, self.body.frame())).await? else { return Err(timed_out(self.target)) };
            let chunk = match frame {
                // Trailers are not passed on, because they could contain the credential.
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Err(interrupted(self.target)),
                None => {
                    if let Some(masked) = &mut self.masked {
                        joined.push(masked.finish());
                    }
                    return Ok(Buffered::Complete(joined.finish()));
                }
            };
            joined.push(match &mut self.masked {
                Some(masked) => masked.push(chunk),
                None => chunk,
            });
        }
        Ok(Buffered::Part(joined.finish()))
    }
}

/// Chunks in one piece of memory. They are not kept apart, because a provider can send each byte as one.
#[derive(Default)]
struct Joined {
    /// Not copied unless another one follows.
    first: Bytes,
    /// Empty until there are two.
    all: BytesMut,
}

impl Joined {
    fn length(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, chunk: Bytes) {
        if self.length() == 0 {
            self.first = chunk;
        } else if !chunk.is_empty() {
            self.all.extend_from_slice(&mem::take(&mut self.first));
            self.all.extend_from_slice(&chunk);
        }
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

pub(super) fn interrupted(target: &Target) -> ModelProblem {
    upstream_failed(target, "interrupted its response.")
}

/// What a call has used, according to its complete response.
fn of_complete(api: Api, body: &[u8]) -> Used {
    match usage::of_body(api, body) {
        Some(usage) => Used::Reported(usage),
        None if usage::is_error(body) => Used::Nothing,
        None => Used::Unreported { output_bytes: usage::text_bytes(body).unwrap_or_else(|| output_bytes(api, body.len())) },
    }
}

/// Bytes of a response that cannot be read, from which output tokens are estimated.
pub(super) fn output_bytes(api: Api, length: usize) -> i64 {
    // Vectors are no tokens.
    if api == Api::Embeddings { 0 } else { i64::try_from(length).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_recognized_by_its_type_or_because_it_was_requested() {
        for (content_type, is_requested, expected) in [
            (Some("text/event-stream; charset=utf-8"), false, true),
            (Some("Text/Event-Stream"), true, true),
            (Some("application/json"), true, false),
            (Some("text/plain"), true, true),
            (Some("text/plain"), false, false),
            (None, true, true),
            (None, false, false),
        ] {
            let headers = content_type.map(|value| (CONTENT_TYPE, HeaderValue::from_static(value))).into_iter().collect();
            assert_eq!(is_event_stream(&headers, is_requested), expected, "{content_type:?}");
        }
    }

    #[test]
    fn an_error_with_a_success_status_uses_nothing() {
        assert_eq!(of_complete(Api::ChatCompletions, br#"{"error":{"message":"x"}}"#), Used::Nothing);
        assert_eq!(of_complete(Api::ChatCompletions, br#"{"error":null}"#), Used::Unreported { output_bytes: 0 });
        assert_eq!(of_complete(Api::Completions, br#"{"choices":[{"text":"Hello"}]}"#), Used::Unreported { output_bytes: 5 });
        assert_eq!(of_complete(Api::Completions, b"not JSON"), Used::Unreported { output_bytes: 8 });
        assert_eq!(of_complete(Api::Embeddings, b"not JSON"), Used::Unreported { output_bytes: 0 });
    }

    #[test]
    fn chunks_are_joined() {
        let chunk = Bytes::from_static(b"ab");
        let joined = |chunks: &[&Bytes]| {
            let mut joined = Joined::default();
            for chunk in chunks {
                joined.push((*chunk).clone());
            }
            assert_eq!(joined.length(), chunks.iter().map(|chunk| chunk.len()).sum::<usize>());
            joined.finish()
        };
        assert_eq!(joined(&[&Bytes::new(), &chunk, &Bytes::new()]).as_ptr(), chunk.as_ptr());
        assert_eq!(joined(&[&chunk, &Bytes::new(), &chunk, &chunk]), "ababab");
        assert!(joined(&[]).is_empty());
    }
}
