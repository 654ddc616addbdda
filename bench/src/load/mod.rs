//! The load generator: keep-alive connections, each of which sends the next request as soon as it has the response. The keys rotate.
//!
//! It runs on one thread and is the same for every measured program, so its CPU cost, on a machine shared with the server, is the same on
//! both sides of a ratio.

mod connection;
mod requests;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

pub(crate) use self::{connection::Connection, requests::Requests};

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
    /// 99th percentile of the response time in milliseconds.
    pub p99_ms: f64,
    /// All expected responses, including those of the warm-up.
    pub answers: u64,
    /// The server's CPU time per response, on all cores together, in microseconds.
    pub server_us: f64,
    /// Responses with another status or body.
    pub unexpected: u64,
}

#[derive(Default)]
struct Tally {
    nanoseconds: Vec<u32>,
    unexpected: u64,
}

impl Load {
    /// Sends requests for the given time, after a warm-up.
    pub(crate) fn run(&self, time: Duration) -> Result<Round> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let warmed_up = self.send_for(WARM_UP).await?;
            let started = Instant::now();
            let mut tally = self.send_for(time).await?;
            let seconds = started.elapsed().as_secs_f64();
            tally.nanoseconds.sort_unstable();
            Ok(Round {
                per_second: f64::from(u32::try_from(tally.nanoseconds.len())?) / seconds,
                p99_ms: p99_ms(&tally.nanoseconds),
                unexpected: tally.unexpected,
                answers: u64::try_from(warmed_up.nanoseconds.len() + tally.nanoseconds.len())?,
                server_us: f64::NAN,
            })
        })
    }

    async fn send_for(&self, time: Duration) -> Result<Tally> {
        let mut callers = JoinSet::new();
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(self.address).await.with_context(|| format!("cannot connect to {}", self.address))?);
        }
        let end = Instant::now() + time;
        for connection in connections {
            callers.spawn(self.clone().call(connection, end));
        }
        let mut total = Tally::default();
        while let Some(one) = callers.join_next().await {
            let one = one??;
            total.nanoseconds.extend(one.nanoseconds);
            total.unexpected += one.unexpected;
        }
        Ok(total)
    }

    async fn call(self, mut connection: Connection, end: Instant) -> Result<Tally> {
        let (mut tally, mut request) = (Tally::default(), Vec::new());
        let mut started = Instant::now();
        while started < end {
            self.requests.write(&mut request, self.requests.next());
            let response = connection.call(&request).await?;
            let now = Instant::now();
            if response.status == 200 && response.body.starts_with(self.expected_prefix.as_bytes()) {
                tally.nanoseconds.push(u32::try_from((now - started).as_nanos()).unwrap_or(u32::MAX));
            } else {
                tally.unexpected += 1;
            }
            started = now;
        }
        Ok(tally)
    }
}

fn p99_ms(sorted: &[u32]) -> f64 {
    sorted.get(sorted.len() * 99 / 100).map_or(f64::NAN, |nanoseconds| f64::from(*nanoseconds) / 1e6)
}
