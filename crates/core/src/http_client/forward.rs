//! The client for forwarded requests: that of hyper, without the layers with which reqwest copies the headers of each request three times and parses
//! its URL twice. Its connections are configured as reqwest configures them.

use std::{
    error::Error,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{
        self, Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use reqwest::{
    Body,
    dns::{Addrs, Resolve, Resolving},
};
use rustls::{
    ClientConfig,
    crypto::{CryptoProvider, aws_lc_rs},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use super::{CONNECT_LIMIT, HttpError, KEEP_ALIVE, refusal};

/// Probes without an answer after which an idle connection is closed.
const KEEP_ALIVE_RETRIES: u32 = 3;
/// Time without acknowledgement of sent data after which a connection is closed.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(30);
/// Time after which an unused connection is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

pub(super) type ForwardClient = Client<Connector, Body>;

type BoxError = Box<dyn Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
pub(super) type Connecting = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

pub(super) fn client(connector: Connector) -> ForwardClient {
    Client::builder(TokioExecutor::new()).timer(TokioTimer::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_LIMIT).build(connector)
}

/// Trusts the certificates that the operating system trusts.
///
/// # Errors
/// If these cannot be loaded.
pub(super) fn tls_config() -> anyhow::Result<Arc<ClientConfig>> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why a request failed.
pub(super) fn failure(error: &legacy::Error) -> HttpError {
    if let Some(refused) = refusal(error) {
        refused
    } else if !error.is_connect() {
        // Also if the network timed out: the request may have been received, and a call of a model be billed.
        HttpError::InvalidResponse
    } else if is_timeout(error) {
        HttpError::Timeout
    } else {
        HttpError::Unreachable
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let is_io = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
    is_io || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout) || error.source().is_some_and(is_timeout)
}

/// Connects to the host of a URI, with TLS if its scheme is `https`. A pointer, because the client clones it for each request.
#[derive(Clone)]
pub(super) struct Connector(Arc<dyn Fn(Uri) -> Connecting + Send + Sync>);

impl Connector {
    /// A connector that resolves names with `resolver`. A literal IP address is not resolved.
    pub(super) fn new(resolver: Arc<dyn Resolve>, tls: Arc<ClientConfig>) -> Self {
        let mut http = HttpConnector::new_with_resolver(NameResolver(resolver));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_LIMIT));
        // Detects a dead connection while a stream waits for data.
        http.set_keepalive(Some(KEEP_ALIVE));
        http.set_keepalive_interval(Some(KEEP_ALIVE));
        http.set_keepalive_retries(Some(KEEP_ALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(UNACKNOWLEDGED_LIMIT));
        let https = HttpsConnector::from((http, tls));
        Self::from_fn(move |uri| {
            let connecting = https.clone().call(uri);
            // Also for the lookup of the name and TLS.
            Box::pin(async move { timeout(CONNECT_LIMIT, connecting).await.unwrap_or_else(|_| Err(HttpError::Timeout.into())) })
        })
    }

    pub(super) fn from_fn(connect: impl Fn(Uri) -> Connecting + Send + Sync + 'static) -> Self {
        Self(Arc::new(connect))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        (self.0)(uri)
    }
}

/// A resolver in the form that [`HttpConnector`] needs.
#[derive(Clone)]
struct NameResolver(Arc<dyn Resolve>);

impl Service<Name> for NameResolver {
    type Response = Addrs;
    type Error = BoxError;
    type Future = Resolving;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move { resolver.resolve(name.as_str().parse()?).await })
    }
}
