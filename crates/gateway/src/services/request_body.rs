//! The body of a forwarded request: a stream with limits for size and time, or complete if it is signed.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    },
};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::problems;
use latchkey_http::{
    body::{self, too_large},
    problem::Problem,
};

/// Maximum pause of the caller within a body.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The body of a request to a service.
pub(super) struct OutgoingBody {
    content: Content,
    /// In bytes; `None` if unknown.
    length: Option<u64>,
}

enum Content {
    Complete(Bytes),
    Stream(RequestBody),
}

/// A body that is sent.
pub(super) struct SentBody {
    pub(super) body: reqwest::Body,
    /// Why a stream ended early.
    pub(super) failure: Arc<OnceLock<BodyFailure>>,
}

impl OutgoingBody {
    /// Takes the body of a request with these headers, of at most `max` bytes. A body that must be signed is read completely.
    ///
    /// # Errors
    /// 413 `too_large`; for a body that is read also 408 `too_slow`, 400 `malformed`, 503 `unavailable`.
    pub(super) async fn receive(headers: &HeaderMap, body: Body, max: u64, is_signed: bool) -> Result<Self, Problem> {
        let hint = body.size_hint();
        // A body that is announced as too large is refused by `read`, which discards a part of it so that the caller receives the response.
        if is_signed || hint.lower() > max {
            let bytes = body::read(headers, body, usize::try_from(max).unwrap_or(usize::MAX)).await?.bytes;
            return Ok(Self { length: Some(bytes.len() as u64), content: Content::Complete(bytes) });
        }
        let content = if hint.exact() == Some(0) { Content::Complete(Bytes::new()) } else { Content::Stream(RequestBody::new(body, max)) };
        Ok(Self { length: hint.exact(), content })
    }

    /// The bytes of a complete body; empty for a stream.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Complete(bytes) => bytes,
            Content::Stream(_) => &[],
        }
    }

    /// Sets the headers for the length of the body.
    pub(super) fn write_length(&self, headers: &mut HeaderMap) {
        match self.length {
            // Without a body, a length is sent only if the caller sent one.
            Some(0) if !headers.contains_key(CONTENT_LENGTH) => {}
            Some(length) => {
                headers.insert(CONTENT_LENGTH, length.into());
            }
            None => {
                headers.remove(CONTENT_LENGTH);
                // Also for methods that rarely have a body: hyper would drop it.
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
    }

    /// `None` if there is no body.
    pub(super) fn into_sent(self) -> Option<SentBody> {
        if self.length == Some(0) {
            return None;
        }
        Some(match self.content {
            Content::Complete(bytes) => SentBody { body: bytes.into(), failure: Arc::default() },
            Content::Stream(stream) => {
                let failure = Arc::clone(&stream.failure);
                SentBody { body: reqwest::Body::wrap(stream), failure }
            }
        })
    }
}

/// Why the caller's body could not be forwarded completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFailure {
    TooLarge,
    TooSlow,
    Incomplete,
}

impl BodyFailure {
    /// `max` is the service's limit, in bytes.
    pub(super) fn problem(self, max: u64) -> Problem {
        match self {
            Self::TooLarge => too_large(usize::try_from(max).unwrap_or(usize::MAX)),
            Self::TooSlow => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "too_slow",
                format!("Timed out reading the request body. Nothing was sent for {} seconds.", IDLE_LIMIT.as_secs()),
            ),
            Self::Incomplete => problems::incomplete_body(),
        }
    }
}

/// The caller's body as a stream. The reason of an error is in `failure`.
struct RequestBody {
    /// Never locked. It only makes the body `Sync`, as reqwest requires.
    body: Mutex<Body>,
    /// The number of bytes that follow; `None` if unknown.
    left: Option<u64>,
    /// The number of bytes that may follow.
    allowed: u64,
    /// Set while the caller sends nothing.
    idle: Option<Pin<Box<Sleep>>>,
    failure: Arc<OnceLock<BodyFailure>>,
}

impl RequestBody {
    fn new(body: Body, max: u64) -> Self {
        Self { left: body.size_hint().exact(), body: Mutex::new(body), allowed: max, idle: None, failure: Arc::default() }
    }

    fn fail(&self, failure: BodyFailure) -> io::Error {
        let _ = self.failure.set(failure);
        io::Error::other("the request body is incomplete")
    }

    /// Counts the bytes that are forwarded.
    fn count(&mut self, bytes: usize) -> Result<(), io::Error> {
        let bytes = bytes as u64;
        self.allowed = self.allowed.checked_sub(bytes).ok_or_else(|| self.fail(BodyFailure::TooLarge))?;
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        Ok(())
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let body = this.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else {
            let idle = this.idle.get_or_insert_with(|| Box::pin(sleep(IDLE_LIMIT)));
            ready!(idle.as_mut().poll(cx));
            return Poll::Ready(Some(Err(this.fail(BodyFailure::TooSlow))));
        };
        this.idle = None;
        Poll::Ready(match frame {
            None => None,
            Some(Err(_)) => Some(Err(this.fail(BodyFailure::Incomplete))),
            // Trailers end the body, and are not forwarded.
            Some(Ok(frame)) => frame.into_data().ok().map(|data| this.count(data.len()).map(|()| Frame::data(data))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::HeaderName;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn chunked(chunks: &'static [&'static str]) -> Body {
        let frames = chunks.iter().map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    }

    async fn outgoing(body: Body, max: u64) -> Result<OutgoingBody, String> {
        OutgoingBody::receive(&HeaderMap::new(), body, max, false).await.map_err(|problem| problem.code().to_owned())
    }

    /// What is sent, or why it is not.
    async fn sent(body: Body, max: u64) -> Result<Option<Bytes>, BodyFailure> {
        let Some(SentBody { body, failure }) = outgoing(body, max).await.unwrap().into_sent() else { return Ok(None) };
        match body.collect().await {
            Ok(collected) => Ok(Some(collected.to_bytes())),
            Err(_) => Err(*failure.get().unwrap()),
        }
    }

    #[tokio::test]
    async fn bodies_are_limited_as_they_arrive() {
        assert_eq!(sent(chunked(&["ab", "cd"]), 4).await, Ok(Some(Bytes::from("abcd"))));
        assert_eq!(sent(chunked(&["ab", "cde"]), 4).await, Err(BodyFailure::TooLarge));
        assert_eq!(sent(Body::from("abcd"), 4).await, Ok(Some(Bytes::from("abcd"))));
        assert_eq!(sent(Body::empty(), 0).await, Ok(None));
        assert_eq!(outgoing(Body::from("abcde"), 4).await.err().as_deref(), Some("too_large"));
    }

    #[tokio::test]
    async fn the_length_is_passed_on() {
        for (body, announced, length, encoding) in [
            (Body::from("abc"), None, Some("3"), None),
            (Body::empty(), None, None, None),
            (Body::empty(), Some("0"), Some("0"), None),
            (chunked(&["abc"]), Some("9"), None, Some("chunked")),
        ] {
            let mut headers: HeaderMap = announced.into_iter().map(|length| (CONTENT_LENGTH, HeaderValue::from_static(length))).collect();
            outgoing(body, 10).await.unwrap().write_length(&mut headers);
            let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!((text(CONTENT_LENGTH), text(TRANSFER_ENCODING)), (length, encoding));
        }
    }
}
