//! Passes on the response of a service. Its body is a stream in which the credential is masked.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{Uri, response::Parts},
    response::Response,
};
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;

use super::{
    credential::Added,
    problems,
    redirect::{self, Origin},
};
use crate::{
    headers,
    mask::{MaskStream, Masker},
};
use latchkey_core::{
    http_client::{ForwardedResponse, HttpError},
    services::{self, call::CallableService},
};
use latchkey_http::{AppState, problem::Problem};
use latchkey_verify::CachedKey;

/// The call that a response belongs to.
pub(super) struct Call<'a> {
    pub(super) state: &'a AppState,
    pub(super) service: &'a Arc<CallableService>,
    pub(super) key: &'a Arc<CachedKey>,
    pub(super) added: &'a Added,
    pub(super) uri: &'a Uri,
    /// `None` if there is nothing to mask.
    pub(super) masker: Option<Arc<Masker>>,
    pub(super) is_head: bool,
}

impl Call<'_> {
    /// The response that the caller receives.
    ///
    /// # Errors
    /// 502 `upstream_failed`, `encoded_response`, `redirect_refused`.
    pub(super) fn pass_on(&self, response: ForwardedResponse) -> Result<Response, Problem> {
        // Without the extensions, one of which contains the service's own reason phrase.
        let (Parts { status, mut headers, .. }, body) = response.into_parts();
        if status.is_informational() {
            return Err(problems::upstream_failed(self.service, HttpError::InvalidResponse));
        }
        if headers::is_encoded(&headers) {
            return Err(problems::encoded_response(self.service));
        }
        let redirect = self.origin().redirect(self.uri, &headers);
        if !redirect::apply(redirect, status, &mut headers) {
            return Err(problems::foreign_redirect(self.service));
        }
        headers::clean_length(&mut headers, body.size_hint().exact(), self.is_head);
        headers::clean_response(&mut headers);
        let masked = self.masker.as_ref().map(|masker| {
            let occurrences = headers::mask(&mut headers, masker);
            Masked { stream: masker.stream(), echo: self.echo(occurrences) }
        });
        let mut response = Response::new(Body::new(ResponseBody::new(body, masked)));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn origin(&self) -> Origin<'_> {
        let parameter = match self.added {
            Added::Parameter(name, _) => Some(name.as_str()),
            Added::Nothing | Added::Header(..) | Added::Signature(_) => None,
        };
        Origin { name: &self.service.name, base: &self.service.base_url, parameter }
    }

    fn echo(&self, occurrences: u64) -> Echo {
        Echo { state: self.state.clone(), service: Arc::clone(self.service), key: Arc::clone(self.key), occurrences }
    }
}

/// The occurrences of the credential in a response. They are recorded when the response is complete or the caller has disconnected.
struct Echo {
    state: AppState,
    service: Arc<CallableService>,
    key: Arc<CachedKey>,
    occurrences: u64,
}

impl Echo {
    async fn record(self) {
        services::record_echo(&self.state.core, &self.service, &self.key, self.occurrences).await;
    }
}

struct Masked {
    stream: MaskStream,
    echo: Echo,
}

/// The body of a response.
struct ResponseBody<B> {
    body: B,
    /// `None` if nothing is masked.
    masked: Option<Masked>,
    /// The number of bytes that follow, which masking does not change; `None` if unknown.
    left: Option<u64>,
    is_complete: bool,
}

impl<B: HttpBody<Data = Bytes>> ResponseBody<B> {
    fn new(body: B, masked: Option<Masked>) -> Self {
        Self { left: body.size_hint().exact(), body, masked, is_complete: false }
    }

    fn mask(&mut self, data: Bytes) -> Bytes {
        match &mut self.masked {
            Some(masked) => masked.stream.push(data),
            None => data,
        }
    }

    /// Ends the body. Returns the bytes that were held back.
    fn complete(&mut self) -> Bytes {
        self.is_complete = true;
        self.masked.as_mut().map(|masked| masked.stream.finish()).unwrap_or_default()
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for ResponseBody<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        while !this.is_complete {
            let data = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                // Trailers are not passed on, because they could contain the credential.
                Some(Ok(frame)) => frame.into_data().map(|data| this.mask(data)).unwrap_or_default(),
                Some(Err(_)) => {
                    this.is_complete = true;
                    return Poll::Ready(Some(Err(io::Error::other("the response of the service was interrupted"))));
                }
                None => this.complete(),
            };
            // All bytes so far may begin the credential and are held back.
            if !data.is_empty() {
                this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.is_complete || self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<B> Drop for ResponseBody<B> {
    fn drop(&mut self) {
        let Some(Masked { stream, mut echo }) = self.masked.take() else { return };
        echo.occurrences += stream.occurrences();
        // Without a runtime, the process is ending.
        if echo.occurrences > 0
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(echo.record());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::HeaderMap;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[tokio::test]
    async fn only_data_is_passed_on() {
        let frames = [Frame::data(Bytes::from("ab")), Frame::data(Bytes::new()), Frame::data(Bytes::from("c")), Frame::trailers(HeaderMap::new())];
        let stream = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
        let mut body = ResponseBody::new(reqwest::Body::wrap(StreamBody::new(stream)), None);
        let mut passed_on = Vec::new();
        while let Some(frame) = body.frame().await {
            passed_on.push(frame.unwrap().into_data().unwrap());
        }
        assert_eq!(passed_on, ["ab", "c"]);
    }

    #[tokio::test]
    async fn the_length_is_that_of_what_follows() {
        let mut body = ResponseBody::new(reqwest::Body::from("abc"), None);
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        assert!(body.frame().await.is_some());
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert!(ResponseBody::new(reqwest::Body::default(), None).is_end_stream());
    }
}
