//! `latchkey serve`: opens the data, serves requests and shuts down gracefully.

use std::{convert::Infallible, future, io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use axum::{Router, extract::ConnectInfo};
use futures_util::future::Abortable;
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
use rustix::io::Errno;
use secrecy::ExposeSecret;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use super::{
    background_tasks::BackgroundTasks,
    config::{ConnectionLimits, ServeOptions},
    connection::{self, ClientStream, Connections, OpenConnection, RequestBody, RequestInProgress, ResponseBody},
    data_dir::Data,
    router::router,
    telemetry,
};
use latchkey_core::{
    mail::Mailer,
    public_url::PublicUrl,
    samples::store::{SampleStore, SampleStoreSpec},
};
use latchkey_events::EventLog;
use latchkey_gateway::HotRoute;
use latchkey_http::AppState;
use latchkey_rest as rest;
use latchkey_verify::join_instances;

/// Total size of the request headers in bytes, and their number.
const HEADERS_MAX_BYTES: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// Time that open requests get to finish at shutdown.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);
/// Connections that the system completes while they wait to be accepted. Of further ones the system drops packets, and their clients wait for
/// seconds before they try again. Limited by the system (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;
/// Bytes per connection that the system buffers without having sent them. Without this limit, a client that reads nothing costs megabytes and
/// is noticed only when they are full.
const UNSENT_MAX: u32 = 128 * 1024;
/// Time until connections are accepted again after an error of the system.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that is listening.
pub struct Server {
    pub address: SocketAddr,
    pub state: AppState,
    router: Router,
    listener: TcpListener,
    data: Data,
    mailer: Option<Mailer>,
    limits: ConnectionLimits,
}

impl Server {
    /// Opens the data and binds the listening address. Errors are messages for the operator.
    pub async fn open(options: ServeOptions) -> anyhow::Result<Self> {
        let mailer = Mailer::new(options.mail.smtp.as_ref(), options.mail.mail_from.as_deref())?;
        // The data first: a second server on the same folder must report the locked folder, not the port.
        let data = Data::open_exclusive(&options.data).await?;
        let is_shared = data.store.is_shared();
        ensure!(options.serve_stale == 0 || !is_shared, "--serve-stale cannot be used with PostgreSQL: a receipt would not be true");
        let listener =
            listen(options.listen).with_context(|| format!("cannot listen on {}: choose another address with --listen", options.listen))?;
        let address = listener.local_addr()?;
        data.store.set_instance_name(options.instance_name(address.port()));
        let public_url = PublicUrl::new(options.public_url.as_deref(), address)?;
        let s3_url = options.outgoing.aws_s3_url.clone();
        let mut core = data.core(public_url, options.outgoing)?;
        let store = options.samples.samples.clone().unwrap_or_else(|| SampleStoreSpec::Folder(options.data.data.join("samples")));
        if core.store.is_shared() && matches!(store, SampleStoreSpec::Folder(_)) {
            tracing::warn!("samples are stored in a folder of this machine: use --samples s3://BUCKET/PREFIX with several instances");
        }
        core.samples = SampleStore::open(&store, options.samples.limits(), &core.http_client, s3_url.as_ref())?;
        // Instances that share a database share the log.
        core.call_log = if is_shared { EventLog::in_database(core.store.clone()) } else { EventLog::in_folder(&options.data.data.join("calls"))? };
        let state = AppState::new(core, options.trusted_proxies, options.model_limits)?;
        state.verifier.serve_stale(Duration::from_secs(options.serve_stale));
        if mailer.is_some() {
            state.store.enable_mail();
        }
        if is_shared {
            join_instances(&state.store, &state.verifier).await.context("this instance can't be registered in the database")?;
        }
        Ok(Self { address, router: router(state.clone()), state, listener, data, mailer, limits: options.connections })
    }

    /// Serves until `end` resolves or a background task fails, then lets open requests finish.
    pub async fn run(self, end: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut tasks = BackgroundTasks::start(&self.state.core, self.mailer);
        let (graceful, connections) = (GracefulShutdown::new(), Connections::new(self.limits, self.state.trusted_proxies.clone()));
        tokio::pin!(end);
        let result = loop {
            tokio::select! {
                accepted = accept(&self.listener, &connections, &self.state) => match accepted {
                    Ok(accepted) => serve_connection(accepted, &self.state, &self.router, connections.limits(), &graceful),
                    Err(error) if concerns_one_peer(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        if is_out_of_resources(&error) {
                            connections.make_room();
                        }
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                error = tasks.failed() => break Err(error),
                () = &mut end => break Ok(()),
            }
        };
        drop(self.listener);
        self.state.notification_hub.shut_down();
        let _ = timeout(SHUTDOWN_LIMIT, graceful.shutdown()).await;
        tasks.stop(SHUTDOWN_LIMIT).await;
        self.data.store.leave().await;
        self.data.store.close().await;
        result
    }
}

type Accepted = (TcpStream, SocketAddr, OpenConnection);

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a restarted server can listen at once, while connections of the previous one are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Waits for the next connection, and for room for it. Connections of a client that has too many are closed.
async fn accept(listener: &TcpListener, connections: &Arc<Connections>, state: &AppState) -> io::Result<Accepted> {
    loop {
        let (stream, peer) = listener.accept().await?;
        if let Some(open) = connections.admit(peer.ip()).await? {
            return Ok((stream, peer, open));
        }
        state.metrics.record_rejected_connection();
    }
}

/// Whether the error of `accept` is about the new connection only, so that the next one can be accepted at once. Linux reports the network
/// errors of a connection here, and EPERM for one that a firewall forbids.
fn concerns_one_peer(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::INTR
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::NOPROTOOPT
                | Errno::OPNOTSUPP
                | Errno::PERM
                | Errno::PROTO
                | Errno::TIMEDOUT
        )
    )
}

/// Whether closing other connections can help.
fn is_out_of_resources(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Only HTTP/1: reverse proxies use it, and hyper's version detection has no timeout for idle clients.
fn serve_connection(accepted: Accepted, state: &AppState, router: &Router, limits: &ConnectionLimits, graceful: &GracefulShutdown) {
    let (stream, peer, OpenConnection { waits, registration, guard }) = accepted;
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_MAX);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header).max_headers(HEADERS_MAX).max_buf_size(HEADERS_MAX_BYTES);
    // One `Arc` per connection: otherwise all cores would contend for one reference count on every request.
    let shared = Arc::new((state.clone(), TowerToHyperService::new(router.clone()), Arc::clone(&waits)));
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (state, router, waits) = &*shared;
            let Some(in_progress) = RequestInProgress::begin(waits) else {
                // The connection is being closed, which drops this future.
                return future::pending::<Result<_, Infallible>>().await;
            };
            let response = match rest::try_verify(state, request.map(|body| RequestBody::new(body, waits))).await {
                Ok(response) => response,
                Err(mut other) => {
                    // Not a layer: that would wrap every route again for each connection.
                    other.extensions_mut().insert(ConnectInfo(peer));
                    match HotRoute::of(other.method(), other.uri().path()) {
                        Some(route) => route.handle(state, other).await,
                        None => router.call(other).await?,
                    }
                }
            };
            Ok(response.map(|body| ResponseBody::new(body, in_progress)))
        }
    });
    let stream = ClientStream::new(stream, waits, limits.write);
    let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
    let connection = Abortable::new(connection, registration);
    tokio::spawn(async move {
        // Errors are caused by the client, such as a dropped connection.
        let _ = connection.await;
        drop(guard);
    });
}

/// Runs `latchkey serve` until SIGINT or SIGTERM. Errors are messages for the operator.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    connection::raise_handle_limit();
    let server = Server::open(options).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tracing::info!("Latchkey is at {}", server.state.public_url.link(""));
    // Scripts wait for this line.
    telemetry::flush();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lack_of_resources_closes_other_connections() {
        for (errno, is_of_peer, makes_room) in [
            (Errno::CONNABORTED, true, false),
            (Errno::PERM, true, false),
            (Errno::MFILE, false, true),
            (Errno::NFILE, false, true),
            (Errno::NOBUFS, false, true),
            (Errno::NOMEM, false, true),
            (Errno::INVAL, false, false),
        ] {
            let error = io::Error::from(errno);
            assert_eq!((concerns_one_peer(&error), is_out_of_resources(&error)), (is_of_peer, makes_room), "{error}");
        }
    }
}
