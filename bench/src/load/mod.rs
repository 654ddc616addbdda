//! Callers: so many connections that are kept open, each of which asks again as soon as it was answered, for the next key of all that are stored.
//!
//! They are one thread of this program, and the same for whoever is measured: what they cost on a machine that is shared with the server
//! is the same on both sides of a ratio.

mod connection;
mod requests;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

pub use self::connection::Connection;
pub use self::requests::Requests;

/// How many callers there are.
pub const CONNECTIONS: u32 = 32;
/// What is asked before the time is taken.
const WARM_UP: Duration = Duration::from_millis(200);

/// What is asked of whom.
#[derive(Clone)]
pub struct Load {
    /// Who is asked.
    pub address: SocketAddr,
    /// What.
    pub requests: Arc<Requests>,
    /// How each good answer's body begins.
    pub good: &'static str,
}

/// How a round went.
pub struct Round {
    /// Good answers a second.
    pub per_second: f64,
    /// How long the slowest of a hundred callers waited, in milliseconds.
    pub p99_ms: f64,
    /// Answers, also those while warming up.
    pub answers: u64,
    /// How long the server worked for each, on all cores together, in microseconds.
    pub server_us: f64,
    /// Answers that were none of the good ones.
    pub others: u64,
}

#[derive(Default)]
struct Tally {
    nanoseconds: Vec<u32>,
    others: u64,
}

impl Load {
    /// Asks for so long.
    ///
    /// # Errors
    /// When the server breaks off.
    pub fn run(&self, time: Duration) -> Result<Round> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let warmed_up = self.ask_for(WARM_UP).await?;
            let begun = Instant::now();
            let mut tally = self.ask_for(time).await?;
            let seconds = begun.elapsed().as_secs_f64();
            tally.nanoseconds.sort_unstable();
            Ok(Round {
                per_second: f64::from(u32::try_from(tally.nanoseconds.len())?) / seconds,
                p99_ms: p99_ms(&tally.nanoseconds),
                others: tally.others,
                answers: u64::try_from(warmed_up.nanoseconds.len() + tally.nanoseconds.len())?,
                server_us: f64::NAN,
            })
        })
    }

    async fn ask_for(&self, time: Duration) -> Result<Tally> {
        let mut callers = JoinSet::new();
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(self.address).await.with_context(|| format!("{} takes no connection", self.address))?);
        }
        let end = Instant::now() + time;
        for connection in connections {
            callers.spawn(self.clone().call(connection, end));
        }
        let mut all = Tally::default();
        while let Some(one) = callers.join_next().await {
            let one = one??;
            all.nanoseconds.extend(one.nanoseconds);
            all.others += one.others;
        }
        Ok(all)
    }

    async fn call(self, mut connection: Connection, end: Instant) -> Result<Tally> {
        let (mut tally, mut request) = (Tally::default(), Vec::new());
        let mut begun = Instant::now();
        while begun < end {
            self.requests.write(&mut request, self.requests.next());
            let answer = connection.call(&request).await?;
            let now = Instant::now();
            if answer.status == 200 && answer.body.starts_with(self.good.as_bytes()) {
                tally.nanoseconds.push(u32::try_from((now - begun).as_nanos()).unwrap_or(u32::MAX));
            } else {
                tally.others += 1;
            }
            begun = now;
        }
        Ok(tally)
    }
}

fn p99_ms(sorted: &[u32]) -> f64 {
    sorted.get(sorted.len() * 99 / 100).map_or(f64::NAN, |nanoseconds| f64::from(*nanoseconds) / 1e6)
}
