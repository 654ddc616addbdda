//! The load generator: keep-alive connections, each of which sends the next request as soon as it has the response, or which together send at a
//! constant rate. The keys rotate.
//!
//! It runs on one thread and is the same for every measured program, so its CPU cost, on a machine shared with the server, is the same on
//! both sides of a ratio.

mod connection;
mod requests;
mod schedule;
mod streams;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{
    sync::{Mutex, mpsc::UnboundedReceiver},
    task::JoinSet,
};

pub(crate) use self::{connection::Connection, requests::Requests, streams::Streams};
use schedule::schedule;

/// Number of concurrent connections.
pub(crate) const CONNECTIONS: u32 = 32;
/// Duration of the requests before the measurement starts.
const WARM_UP: Duration = Duration::from_millis(200);

/// A target, and the requests to send to it.
#[derive(Clone)]
pub(crate) struct Load {
    pub address: SocketAddr,
    pub requests: Arc<Requests>,
    /// The prefix of the body of an expected response.
    pub expected_prefix: &'static str,
}

/// The result of one round.
pub(crate) struct Round {
    /// Expected responses per second.
    pub per_second: f64,
    /// Median of the response time in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the response time in milliseconds.
    pub p99_ms: f64,
    /// All expected responses, including those of the warm-up.
    pub answers: u64,
    /// The server's CPU time per response, on all cores together, in microseconds.
    pub server_us: f64,
    /// Responses with another status or body.
    pub unexpected: u64,
}

impl Round {
    fn new(warm_up: &Tally, mut tally: Tally, time: Duration) -> Result<Self> {
        tally.nanoseconds.sort_unstable();
        Ok(Self {
            per_second: f64::from(u32::try_from(tally.nanoseconds.len())?) / time.as_secs_f64(),
            p50_ms: percentile_ms(&tally.nanoseconds, 50),
            p99_ms: percentile_ms(&tally.nanoseconds, 99),
            unexpected: tally.unexpected,
            answers: u64::try_from(warm_up.nanoseconds.len() + tally.nanoseconds.len())?,
            server_us: f64::NAN,
        })
    }
}

#[derive(Default)]
struct Tally {
    nanoseconds: Vec<u32>,
    unexpected: u64,
}

impl Tally {
    fn add(&mut self, is_expected: bool, time: Duration) {
        if is_expected {
            self.nanoseconds.push(u32::try_from(time.as_nanos()).unwrap_or(u32::MAX));
        } else {
            self.unexpected += 1;
        }
    }

    /// The sum of those of all callers.
    async fn of(mut callers: JoinSet<Result<Self>>) -> Result<Self> {
        let mut total = Self::default();
        while let Some(one) = callers.join_next().await {
            let one = one??;
            total.nanoseconds.extend(one.nanoseconds);
            total.unexpected += one.unexpected;
        }
        Ok(total)
    }
}

impl Load {
    /// Sends requests for the given time, after a warm-up.
    pub(crate) fn run(&self, time: Duration) -> Result<Round> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let warm_up = self.send_for(WARM_UP).await?;
            let started = Instant::now();
            let tally = self.send_for(time).await?;
            Round::new(&warm_up, tally, started.elapsed())
        })
    }

    /// Sends requests at a constant rate for the given time, after a warm-up. Response times are measured from when a request is due: if the
    /// server stalls, the requests that wait for a connection count too.
    pub(crate) fn run_paced(&self, time: Duration, per_second: f64) -> Result<Round> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let warm_up = self.send_paced(WARM_UP, per_second).await?;
            let started = Instant::now();
            let tally = self.send_paced(time, per_second).await?;
            Round::new(&warm_up, tally, started.elapsed())
        })
    }

    async fn send_for(&self, time: Duration) -> Result<Tally> {
        let (connections, mut callers) = (self.connect().await?, JoinSet::new());
        let end = Instant::now() + time;
        for connection in connections {
            callers.spawn(self.clone().call(connection, end));
        }
        Tally::of(callers).await
    }

    async fn send_paced(&self, time: Duration, per_second: f64) -> Result<Tally> {
        let (connections, mut callers) = (self.connect().await?, JoinSet::new());
        let due = Arc::new(Mutex::new(schedule(time, per_second)?));
        for connection in connections {
            callers.spawn(self.clone().call_when_due(connection, Arc::clone(&due)));
        }
        Tally::of(callers).await
    }

    async fn connect(&self) -> Result<Vec<Connection>> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(self.address).await.with_context(|| format!("cannot connect to {}", self.address))?);
        }
        Ok(connections)
    }

    async fn call(self, mut connection: Connection, end: Instant) -> Result<Tally> {
        let (mut tally, mut request) = (Tally::default(), Vec::new());
        let mut started = Instant::now();
        while started < end {
            let is_expected = self.send(&mut connection, &mut request).await?;
            let now = Instant::now();
            tally.add(is_expected, now - started);
            started = now;
        }
        Ok(tally)
    }

    async fn call_when_due(self, mut connection: Connection, due: Arc<Mutex<UnboundedReceiver<Instant>>>) -> Result<Tally> {
        let (mut tally, mut request) = (Tally::default(), Vec::new());
        loop {
            // Unlocked before the request is sent, so that another connection waits for the next one.
            let next = due.lock().await.recv().await;
            let Some(due_at) = next else { return Ok(tally) };
            let is_expected = self.send(&mut connection, &mut request).await?;
            tally.add(is_expected, due_at.elapsed());
        }
    }

    /// Sends the next request. Returns whether the response is as expected.
    async fn send(&self, connection: &mut Connection, request: &mut Vec<u8>) -> io::Result<bool> {
        self.requests.write(request, self.requests.next());
        let response = connection.call(request).await?;
        Ok(response.status == 200 && response.body.starts_with(self.expected_prefix.as_bytes()))
    }
}

/// A percentile of sorted times in nanoseconds, in milliseconds.
pub(crate) fn percentile_ms(sorted: &[u32], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).map_or(f64::NAN, |nanoseconds| f64::from(*nanoseconds) / 1e6)
}
