//! Transfers of content. The guarded client is also the transport of the crate `object_store`.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use object_store::{
    ClientOptions,
    client::{self, HttpConnector, HttpErrorKind, HttpRequest, HttpResponseBody, HttpService},
};
use reqwest::{Body, Request, Response};
use url::Url;

use super::{HttpClient, HttpError, failure};

/// Time limit of a request that transfers a chunk of content.
const TRANSFER_LIMIT: Duration = Duration::from_mins(2);

impl HttpClient {
    /// Same as [`HttpClient::execute`], with a time limit for the request and the body of its response.
    pub(crate) async fn transfer(&self, mut request: Request) -> Result<Response, HttpError> {
        *request.timeout_mut() = Some(TRANSFER_LIMIT);
        self.execute(request).await
    }
}

/// Reads the body of a response.
///
/// # Errors
/// `TooLarge` if it has more than `max` bytes.
pub(crate) async fn read_body(mut response: Response, max: usize) -> Result<Bytes, HttpError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut body = BytesMut::with_capacity(announced.min(max));
    while let Some(part) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + part.len() > max {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

/// Sends the requests of `object_store` through the guarded client, whatever options a store has.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) HttpClient);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<client::HttpClient> {
        Ok(client::HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<client::HttpResponse, client::HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| client::HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        if body.content_length() > 0 {
            *request.body_mut() = Some(Body::wrap(body));
        }
        let response: http::Response<Body> = self.0.transfer(request).await.map_err(|error| client::HttpError::new(kind(error), error))?.into();
        let (parts, body) = response.into_parts();
        let body = body.map_err(|error| {
            let error = failure(&error);
            client::HttpError::new(kind(error), error)
        });
        Ok(http::Response::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// The kind of an error, which determines whether the request is repeated.
const fn kind(error: HttpError) -> HttpErrorKind {
    match error {
        HttpError::Unreachable => HttpErrorKind::Connect,
        HttpError::Timeout => HttpErrorKind::Timeout,
        HttpError::InvalidResponse => HttpErrorKind::Interrupted,
        HttpError::BlockedAddress | HttpError::Unencrypted | HttpError::TooLarge => HttpErrorKind::Unknown,
    }
}
