//! The body of a request to a provider: parts of the caller's body and what is inserted between them, without a copy.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    vec::IntoIter,
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

pub(super) struct RequestBody {
    chunks: IntoIter<Bytes>,
    /// The number of bytes that follow.
    left: u64,
}

impl RequestBody {
    pub(super) fn of(chunks: Vec<Bytes>) -> reqwest::Body {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        reqwest::Body::wrap(Self { chunks: chunks.into_iter(), left })
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let chunk = this.chunks.find(|chunk| !chunk.is_empty());
        this.left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn the_length_is_known_and_all_chunks_are_sent() {
        let body = RequestBody::of(vec![Bytes::from_static(b"{\"model\":"), Bytes::new(), Bytes::from_static(b"\"a\"}")]);
        assert_eq!(body.size_hint().exact(), Some(13));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "{\"model\":\"a\"}");
    }
}
