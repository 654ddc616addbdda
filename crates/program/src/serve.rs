//! `latchkey serve`: opens the data, serves requests and shuts down gracefully.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, extract::ConnectInfo};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use secrecy::ExposeSecret;
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{background_tasks::BackgroundTasks, config::ServeOptions, data_dir::Data, router::router};
use latchkey_core::{mail::Mailer, public_url::PublicUrl};
use latchkey_http::AppState;
use latchkey_rest as rest;

/// Time within which a client must send the request headers.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// Total size of the request headers in bytes, and their number.
const HEADERS_MAX_BYTES: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// Open connections; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 8192;
/// Time that open requests get to finish at shutdown.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// A server that is listening.
pub struct Server {
    pub address: SocketAddr,
    pub state: AppState,
    router: Router,
    listener: TcpListener,
    data: Data,
    mailer: Option<Mailer>,
}

impl Server {
    /// Opens the data and binds the listening address. Errors are messages for the operator.
    pub async fn open(options: ServeOptions) -> anyhow::Result<Self> {
        let mailer = Mailer::new(options.mail.smtp.as_ref(), options.mail.mail_from.as_deref())?;
        // The data first: a second server on the same folder must report the locked folder, not the port.
        let data = Data::open_exclusive(&options.data).await?;
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("cannot listen on {}: choose another address with --listen", options.listen))?;
        let address = listener.local_addr()?;
        let public_url = PublicUrl::new(options.public_url.as_deref(), address)?;
        let state = AppState::new(data.core(public_url, options.outgoing)?, options.trusted_proxies)?;
        state.verifier.serve_stale(Duration::from_secs(options.serve_stale));
        if mailer.is_some() {
            state.store.enable_mail();
        }
        Ok(Self { address, router: router(state.clone()), state, listener, data, mailer })
    }

    /// Serves until `end` resolves or a background task fails, then lets open requests finish.
    pub async fn run(self, end: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut tasks = BackgroundTasks::start(&self.state.core, self.mailer);
        let (connections, permits) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        tokio::pin!(end);
        let result = loop {
            tokio::select! {
                accepted = accept(&self.listener, &permits) => match accepted {
                    Ok(accepted) => serve_connection(accepted, &self.state, &self.router, &connections),
                    Err(error) => {
                        // Out of file handles, for example; retry shortly.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                error = tasks.failed() => break Err(error),
                () = &mut end => break Ok(()),
            }
        };
        drop(self.listener);
        self.state.notification_hub.shut_down();
        let _ = timeout(SHUTDOWN_LIMIT, connections.shutdown()).await;
        tasks.stop(SHUTDOWN_LIMIT).await;
        self.data.store.close().await;
        result
    }
}

/// A connection, its peer, and its permit among the open connections.
type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// Waits for a permit, then for the next connection.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// Only HTTP/1: reverse proxies use it, and hyper's version detection has no timeout for idle clients.
fn serve_connection((stream, peer, permit): Accepted, state: &AppState, router: &Router, connections: &GracefulShutdown) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_headers(HEADERS_MAX).max_buf_size(HEADERS_MAX_BYTES);
    // One `Arc` per connection: otherwise all cores would contend for one reference count on every request.
    let shared = Arc::new((state.clone(), TowerToHyperService::new(router.clone())));
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (state, router) = &*shared;
            match rest::try_verify(state, request).await {
                Ok(response) => Ok(response),
                Err(mut other) => {
                    // Not a layer: that would wrap every route again for each connection.
                    other.extensions_mut().insert(ConnectInfo(peer));
                    router.call(other).await
                }
            }
        }
    });
    let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        // Errors are caused by the client, such as a dropped connection.
        let _ = connection.await;
        drop(permit);
    });
}

/// Runs `latchkey serve` until SIGINT or SIGTERM. Errors are messages for the operator.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let server = Server::open(options).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tracing::info!("Latchkey is at {}", server.state.public_url.link(""));
    if !server.state.has_users().await? {
        // In the fragment, which browsers send to no server or proxy.
        let link = server.state.public_url.link(&format!("setup#{}", server.state.setup_token.expose_secret()));
        println!("Set up Latchkey: {link}");
    }
    server
        .run(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await
}
