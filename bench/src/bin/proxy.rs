//! The baseline for the gateway: a reverse proxy of hyper's server and hyper's client, with the same runtime. It replaces the address of the
//! request and does nothing else.

use std::{error::Error, io, time::Duration};

use hyper::{
    Request, Response, Uri,
    body::Incoming,
    http::uri::{Authority, Scheme},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::{TcpListener, TcpStream};

/// The same allocator as Latchkey's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The upstream, and the connections to it.
#[derive(Clone)]
struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Incoming>,
}

impl Upstream {
    fn new(authority: Authority) -> Self {
        let mut connector = HttpConnector::new();
        // Same as Latchkey's client.
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(Duration::from_secs(90)).build(connector);
        Self { authority, client }
    }

    async fn forward(self, mut request: Request<Incoming>) -> Result<Response<Incoming>, Box<dyn Error + Send + Sync>> {
        let mut uri = request.uri().clone().into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.authority);
        *request.uri_mut() = Uri::from_parts(uri)?;
        Ok(self.client.request(request).await?)
    }
}

/// Listens on the port given as the first argument and forwards to the address given as the second.
#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: Option<u16> = arguments.next().and_then(|port| port.parse().ok());
    let authority: Option<Authority> = arguments.next().and_then(|address| address.parse().ok());
    let (port, authority) = port.zip(authority).ok_or_else(|| io::Error::other("usage: proxy PORT UPSTREAM_ADDRESS"))?;
    let upstream = Upstream::new(authority);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        serve_connection(listener.accept().await?.0, upstream.clone());
    }
}

/// Uses the same connection settings as Latchkey.
fn serve_connection(stream: TcpStream, upstream: Upstream) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10)).max_headers(100).max_buf_size(32 * 1024);
    let connection = http.serve_connection(TokioIo::new(stream), service_fn(move |request| upstream.clone().forward(request)));
    tokio::spawn(async move {
        let _ = connection.await;
    });
}
