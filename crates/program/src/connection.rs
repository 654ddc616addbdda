//! Open connections: how many there are, and which are closed because the client sends or reads too slowly.

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::Body;
use futures_util::future::{AbortHandle, AbortRegistration};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep, timeout},
};

use super::config::ConnectionLimits;

/// File handles that connections leave for the database, outgoing calls and mail.
const HANDLES_RESERVED: usize = 128;
/// Connections that are accepted however low the limit on file handles is.
const CONNECTIONS_MIN: usize = 16;
/// Connections that are closed at once to make room, so that a scan of all connections pays for several new ones.
const EVICTIONS_MAX: usize = 16;
/// Interval of attempts to make room.
const RETRY_EVERY: Duration = Duration::from_millis(100);
/// The shortest time between two warnings about clients with too many connections.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Raises the limit on open file handles as far as the system permits.
pub(crate) fn raise_handle_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, "cannot raise the limit on open files");
    }
}

/// The number of connections that `handles`, the limit on open file handles, leaves room for.
fn capacity(total: usize, handles: Option<u64>) -> usize {
    let handles = handles.and_then(|handles| usize::try_from(handles).ok()).unwrap_or(usize::MAX);
    total.min(handles.saturating_sub(HANDLES_RESERVED).max(CONNECTIONS_MIN))
}

/// All open connections.
pub(crate) struct Connections {
    limits: ConnectionLimits,
    trusted_proxies: Vec<IpNet>,
    capacity: usize,
    permits: Arc<Semaphore>,
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    last_id: u64,
    open: HashMap<u64, (Arc<Waits>, AbortHandle)>,
    /// The number of connections of each limited client.
    clients: HashMap<IpAddr, usize>,
    /// When a client with too many connections was last reported.
    warned_at: Option<Instant>,
}

impl Registry {
    /// Whether to report a client with too many connections now.
    fn is_warning_due(&mut self, now: Instant) -> bool {
        let is_due = self.warned_at.is_none_or(|warned_at| now.duration_since(warned_at) >= WARN_EVERY);
        if is_due {
            self.warned_at = Some(now);
        }
        is_due
    }
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits, trusted_proxies: Vec<IpNet>) -> Arc<Self> {
        let capacity = capacity(limits.total, getrlimit(Resource::Nofile).current);
        if capacity < limits.total {
            tracing::warn!(
                "only {capacity} connections at a time: raise the limit on open files (ulimit -n, LimitNOFILE=) for up to {}",
                limits.total
            );
        }
        Arc::new(Self { limits, trusted_proxies, capacity, permits: Arc::new(Semaphore::new(capacity)), registry: Mutex::default() })
    }

    pub(crate) const fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Registers a new connection; waits for room if there is none. `None` if the client has too many connections.
    pub(crate) async fn admit(self: &Arc<Self>, peer: IpAddr) -> io::Result<Option<OpenConnection>> {
        let Some(client) = self.count(peer) else { return Ok(None) };
        let permit = self.permit().await?;
        let (abort, registration) = AbortHandle::new_pair();
        let waits = Arc::new(Waits::new());
        let mut registry = self.registry();
        registry.last_id += 1;
        let id = registry.last_id;
        registry.open.insert(id, (Arc::clone(&waits), abort));
        drop(registry);
        Ok(Some(OpenConnection { waits, registration, guard: ConnectionGuard { id, client, _permit: permit } }))
    }

    /// Counts a connection of this client; `None` if it has too many.
    fn count(self: &Arc<Self>, peer: IpAddr) -> Option<CountedClient> {
        let peer = peer.to_canonical();
        let max = self.limits.connections_per_client;
        let is_exempt =
            max == 0 || (self.limits.exempt_loopback && peer.is_loopback()) || self.trusted_proxies.iter().any(|network| network.contains(&peer));
        let address = (!is_exempt).then(|| network_of(peer));
        if let Some(address) = address {
            let mut registry = self.registry();
            let count = registry.clients.entry(address).or_default();
            if *count >= max {
                let is_warning_due = registry.is_warning_due(Instant::now());
                drop(registry);
                if is_warning_due {
                    tracing::warn!(
                        "closed a connection of {address}, which already has {max}: raise --connections-per-client, or add the address to \
                         --trusted-proxies if it is a proxy's (latchkey_connections_rejected_total counts such connections)"
                    );
                }
                return None;
            }
            *count += 1;
        }
        Some(CountedClient { address, connections: Arc::clone(self) })
    }

    async fn permit(&self) -> io::Result<OwnedSemaphorePermit> {
        loop {
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                return Ok(permit);
            }
            self.make_room();
            if let Ok(permit) = timeout(RETRY_EVERY, Arc::clone(&self.permits).acquire_owned()).await {
                return permit.map_err(io::Error::other);
            }
        }
    }

    /// Closes those connections that have waited longest for their clients.
    pub(crate) fn make_room(&self) {
        let (now, stall) = (now(), milliseconds(self.limits.stall));
        let mut registry = self.registry();
        let waiting = registry.open.iter().filter_map(|(id, (waits, _))| waits.evictable_since(now, stall).map(|since| (since, *id)));
        let mut waiting = waiting.collect::<Vec<_>>();
        waiting.sort_unstable();
        for (since, id) in waiting.into_iter().take((self.capacity / 64).clamp(1, EVICTIONS_MAX)) {
            if registry.open.get(&id).is_some_and(|(waits, _)| waits.evict(since, now, stall))
                && let Some((_, abort)) = registry.open.remove(&id)
            {
                abort.abort();
            }
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that is limited: an IPv4 address, or the /64 network of an IPv6 address, which usually belongs to one client.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// A registered connection.
pub(crate) struct OpenConnection {
    pub(crate) waits: Arc<Waits>,
    /// Ends the connection's task when it is closed to make room.
    pub(crate) registration: AbortRegistration,
    pub(crate) guard: ConnectionGuard,
}

/// Removes the connection from the registry when it is dropped.
pub(crate) struct ConnectionGuard {
    id: u64,
    client: CountedClient,
    _permit: OwnedSemaphorePermit,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.client.connections.registry().open.remove(&self.id);
    }
}

/// A client whose connection is counted until this is dropped.
struct CountedClient {
    /// `None` if the client is not limited.
    address: Option<IpAddr>,
    connections: Arc<Connections>,
}

impl Drop for CountedClient {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut registry = self.connections.registry();
        if let Some(count) = registry.clients.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                registry.clients.remove(&address);
            }
        }
    }
}

/// Not waiting.
const NEVER: u64 = u64::MAX;
/// Instead of the time since when a connection waits for a request: it is being closed.
const EVICTED: u64 = u64::MAX - 1;

/// Milliseconds since the first call.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    milliseconds(START.elapsed())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(EVICTED - 1)
}

/// Since when a connection waits for its client, in milliseconds as of [`now`]; [`NEVER`] while it does not.
pub(crate) struct Waits {
    /// For a request: since the connection was opened or the previous response was complete.
    request: AtomicU64,
    /// For the rest of a request body. A byte now and then does not reset it.
    body: AtomicU64,
    /// For the client to read.
    write: AtomicU64,
}

impl Waits {
    fn new() -> Self {
        Self { request: AtomicU64::new(now()), body: AtomicU64::new(NEVER), write: AtomicU64::new(NEVER) }
    }

    /// The time since when the connection waits, if it may be closed to make room: one without a request at any time, even while the head of a
    /// request arrives; any other only if it has waited at least `stall` milliseconds for the rest of a body, or for the client to read.
    fn evictable_since(&self, now: u64, stall: u64) -> Option<u64> {
        let write = self.write.load(Ordering::Relaxed);
        if write != NEVER {
            return (now.saturating_sub(write) >= stall).then_some(write);
        }
        let request = self.request.load(Ordering::Acquire);
        if request < EVICTED {
            return Some(request);
        }
        let body = self.body.load(Ordering::Relaxed);
        (body != NEVER && now.saturating_sub(body) >= stall).then_some(body)
    }

    /// Whether the connection can be closed: it still waits since this time, and no request that has just begun is lost.
    fn evict(&self, since: u64, now: u64, stall: u64) -> bool {
        let request = self.request.load(Ordering::Acquire);
        if request == EVICTED || self.evictable_since(now, stall) != Some(since) {
            return false;
        }
        request == NEVER || self.request.compare_exchange(request, EVICTED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// A request from its head to the end of its response.
pub(crate) struct RequestInProgress(Arc<Waits>);

impl RequestInProgress {
    /// `None` if the connection is being closed to make room.
    pub(crate) fn begin(waits: &Arc<Waits>) -> Option<Self> {
        (waits.request.swap(NEVER, Ordering::AcqRel) != EVICTED).then(|| Self(Arc::clone(waits)))
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.request.store(now(), Ordering::Release);
    }
}

/// A request body that records how long it is waited for.
pub(crate) struct RequestBody {
    body: Incoming,
    waits: Arc<Waits>,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, waits: &Arc<Waits>) -> Self {
        Self { body, waits: Arc::clone(waits) }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match polled {
            Poll::Pending if self.waits.body.load(Ordering::Relaxed) == NEVER => self.waits.body.store(now(), Ordering::Relaxed),
            Poll::Ready(None | Some(Err(_))) => self.waits.body.store(NEVER, Ordering::Relaxed),
            Poll::Pending | Poll::Ready(Some(Ok(_))) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.waits.body.store(NEVER, Ordering::Relaxed);
    }
}

/// A response body; the request is in progress until it is dropped.
pub(crate) struct ResponseBody {
    body: Body,
    _request: RequestInProgress,
}

impl ResponseBody {
    pub(crate) const fn new(body: Body, request: RequestInProgress) -> Self {
        Self { body, _request: request }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose writes fail when the client reads nothing for too long. A stream to which nothing is written has no limit.
pub(crate) struct ClientStream {
    stream: TcpStream,
    waits: Arc<Waits>,
    limit: Duration,
    /// Set while a write is pending.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl ClientStream {
    pub(crate) const fn new(stream: TcpStream, waits: Arc<Waits>, limit: Duration) -> Self {
        Self { stream, waits, limit, deadline: None }
    }

    fn limited(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            if self.deadline.take().is_some() {
                self.waits.write.store(NEVER, Ordering::Relaxed);
            }
            return written;
        }
        let deadline = self.deadline.get_or_insert_with(|| {
            self.waits.write.store(now(), Ordering::Relaxed);
            Box::pin(sleep(self.limit))
        });
        deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limited(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limited(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Flush and shutdown of a TCP stream never wait.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::net::TcpListener;

    use super::*;

    fn connections(change: impl FnOnce(&mut ConnectionLimits)) -> Arc<Connections> {
        let mut limits = ConnectionLimits::default();
        change(&mut limits);
        Connections::new(limits, vec!["198.51.100.0/24".parse().unwrap()])
    }

    fn waits(request: u64, body: u64, write: u64) -> Waits {
        Waits { request: AtomicU64::new(request), body: AtomicU64::new(body), write: AtomicU64::new(write) }
    }

    #[test]
    fn connections_leave_file_handles_for_the_database() {
        assert_eq!(capacity(8192, Some(1024)), 896);
        assert_eq!(capacity(8192, Some(1 << 20)), 8192);
        assert_eq!(capacity(8192, None), 8192);
        assert_eq!(capacity(8192, Some(20)), 16);
    }

    #[test]
    fn only_connections_that_wait_for_their_client_are_evictable() {
        let cases = [
            ("idle", waits(100, NEVER, NEVER), Some(100)),
            ("running a request", waits(NEVER, NEVER, NEVER), None),
            ("body begun to wait", waits(NEVER, 4000, NEVER), None),
            ("body missing for long", waits(NEVER, 3000, NEVER), Some(3000)),
            ("sending the end of a response", waits(100, NEVER, 4000), None),
            ("response not read for long", waits(NEVER, NEVER, 2000), Some(2000)),
            ("being closed", waits(EVICTED, NEVER, NEVER), None),
        ];
        for (name, waits, since) in cases {
            assert_eq!(waits.evictable_since(5000, 2000), since, "{name}");
        }
    }

    #[test]
    fn a_request_begins_or_its_connection_is_evicted() {
        let waits = Arc::new(waits(100, NEVER, NEVER));
        let since = waits.evictable_since(5000, 2000).unwrap();
        let request = RequestInProgress::begin(&waits).unwrap();
        assert!(!waits.evict(since, 5000, 2000), "a request began after the connection was chosen");
        drop(request);
        let since = waits.evictable_since(5000, 2000).unwrap();
        assert!(waits.evict(since, 5000, 2000) && !waits.evict(since, 5000, 2000));
        assert!(RequestInProgress::begin(&waits).is_none());
    }

    #[test]
    fn stalled_connections_are_evicted_unless_they_go_on() {
        let waits = waits(NEVER, 3000, NEVER);
        assert!(waits.evict(3000, 5000, 2000));
        waits.body.store(NEVER, Ordering::Relaxed);
        assert!(!waits.evict(3000, 5000, 2000), "the body is complete");
    }

    #[test]
    fn clients_with_too_many_connections_are_reported_once_a_minute() {
        let (mut registry, start) = (Registry::default(), Instant::now());
        let due = [0, 59, 60, 119, 120].map(|seconds| registry.is_warning_due(start + Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, true, false, true]);
    }

    #[tokio::test]
    async fn connections_of_one_client_are_limited() {
        let connections = connections(|limits| limits.connections_per_client = 2);
        for (addresses, is_limited) in [
            (["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"], true),
            (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"], true),
            (["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"], false),
            (["198.51.100.1"; 3], false),
            (["127.0.0.1"; 3], false),
        ] {
            let mut open = Vec::new();
            for address in addresses {
                open.push(connections.admit(address.parse().unwrap()).await.unwrap());
            }
            assert_eq!(open[2].is_none(), is_limited, "{addresses:?}");
            assert!(open[1].is_some());
            drop(open.remove(0));
            assert!(connections.admit(addresses[2].parse().unwrap()).await.unwrap().is_some(), "{addresses:?}");
        }
        assert!(connections.registry().clients.is_empty() && connections.registry().open.is_empty());
    }

    #[tokio::test]
    async fn a_client_that_goes_on_reading_is_not_disconnected() {
        const LIMIT: Duration = Duration::from_secs(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut stream = ClientStream::new(listener.accept().await.unwrap().0, Arc::new(Waits::new()), LIMIT);
        let (started, mut buffer) = (Instant::now(), vec![0; 1 << 20]);
        let writing = tokio::spawn(async move {
            let chunk = vec![0; 1 << 20];
            let mut written = 0;
            while written < 64 << 20 {
                written += poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &chunk)).await.unwrap();
            }
        });
        loop {
            client.readable().await.unwrap();
            match client.try_read(&mut buffer) {
                Ok(0) => break,
                // Real time: slower than the writer, and in total longer than the limit.
                Ok(_) if started.elapsed() < LIMIT * 3 / 2 => sleep(Duration::from_millis(25)).await,
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        writing.await.unwrap();
        assert!(started.elapsed() > LIMIT);
    }

    #[tokio::test]
    async fn the_connection_that_waits_longest_makes_room() {
        let connections = connections(|limits| limits.total = 2);
        let address = "192.0.2.1".parse().unwrap();
        let (first, second) = (connections.admit(address).await.unwrap().unwrap(), connections.admit(address).await.unwrap().unwrap());
        let _request = RequestInProgress::begin(&first.waits).unwrap();
        connections.make_room();
        assert!(RequestInProgress::begin(&second.waits).is_none(), "it was evicted instead of the older one, which runs a request");
        assert_eq!(connections.registry().open.len(), 1);
        drop(second);
        assert!(connections.admit(address).await.unwrap().is_some());
    }
}
