//! `latchkey serve`: opens the data, listens, and ends well.

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
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

use super::{
    config::{PublicUrl, ServeOptions},
    data::Data,
    mail::{Mailer, send_mails},
    named_calls, notices, rest,
    router::router,
    state::AppState,
    verify::{watch, write_uses},
};

/// A client must have sent its headers by then.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// All headers of a call together, in bytes, and how many.
const HEADERS_MAX_BYTES: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// How many connections may be open; more wait to be accepted.
const CONNECTIONS_MAX: usize = 8192;
/// How long calls may go on once the server is told to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// A server that runs.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its calls reach.
    pub state: AppState,
    router: Router,
    listener: TcpListener,
    data: Data,
    mailer: Option<Mailer>,
}

impl Server {
    /// Opens the data and listens.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open(options: ServeOptions) -> anyhow::Result<Self> {
        let mailer = Mailer::new(&options.mail)?;
        // The data first: a second server on the same folder should hear of that, not of the port.
        let data = Data::open_alone(&options.data).await?;
        let listener =
            TcpListener::bind(options.listen).await.with_context(|| format!("{} can't be listened on: give another --listen", options.listen))?;
        let address = listener.local_addr()?;
        let public_url = PublicUrl::new(options.public_url.as_deref(), address)?;
        let state = AppState::new(&data, public_url, options.trusted_proxies, options.outgoing)?;
        state.verifier.serve_stale(Duration::from_secs(options.serve_stale));
        if mailer.is_some() {
            state.store.queue_mails();
        }
        Ok(Self { address, router: router(state.clone()), state, listener, data, mailer })
    }

    /// Serves until `end` comes about, then lets the calls that go on finish.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let watching = tokio::spawn(watch(self.state.clone()));
        let gathering = tokio::spawn(notices::gather(self.state.clone()));
        let forgetting = tokio::spawn(named_calls::clean(self.state.clone()));
        let mailing = self.mailer.map(|mailer| tokio::spawn(send_mails(self.state.clone(), mailer, self.state.news.ending())));
        let (last_write, told_to_end) = oneshot::channel();
        let writing = tokio::spawn(write_uses(self.state.clone(), told_to_end));
        let (calls, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        tokio::pin!(end);
        loop {
            tokio::select! {
                accepted = accept(&self.listener, &room) => match accepted {
                    Ok(accepted) => attend(accepted, &self.state, &self.router, &calls),
                    Err(error) => {
                        // Out of file handles, say: the next moment may have some.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                () = &mut end => break,
            }
        }
        drop(self.listener);
        self.state.news.end();
        let _ = timeout(FAREWELL, calls.shutdown()).await;
        drop(last_write);
        let _ = writing.await;
        if let Some(mut mailing) = mailing
            && timeout(FAREWELL, &mut mailing).await.is_err()
        {
            mailing.abort();
        }
        forgetting.abort();
        gathering.abort();
        watching.abort();
        self.data.store.close().await;
    }
}

/// A connection, from whom, and its place among those that may be open.
type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// The next connection, once there is room for one more.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// HTTP/1 alone: a proxy speaks it to us, and hyper's choice between versions has no time limit for those who say nothing.
fn attend((stream, peer, place): Accepted, state: &AppState, router: &Router, calls: &GracefulShutdown) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_headers(HEADERS_MAX).max_buf_size(HEADERS_MAX_BYTES);
    // Counted for each connection: all cores would else write to one count of references at each call.
    let own = Arc::new((state.clone(), TowerToHyperService::new(router.clone())));
    let service = service_fn(move |request: Request<Incoming>| {
        let own = Arc::clone(&own);
        async move {
            let (state, router) = &*own;
            match rest::verify_at_once(state, request).await {
                Ok(response) => Ok(response),
                Err(mut other) => {
                    // Not as a layer: that would be put round each of the routes, anew for each connection.
                    other.extensions_mut().insert(ConnectInfo(peer));
                    router.call(other).await
                }
            }
        }
    });
    let connection = calls.watch(http.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        // A client that goes away in the middle is its own affair.
        let _ = connection.await;
        drop(place);
    });
}

/// The command: serves until it is told to end.
///
/// # Errors
/// A sentence for the operator.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let server = Server::open(options).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tracing::info!("Latchkey is at {}", server.state.public_url.link(""));
    if !server.state.has_users().await? {
        // In the fragment, so that no log and no proxy sees it.
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
        .await;
    Ok(())
}
