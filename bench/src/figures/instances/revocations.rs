//! Keys are disabled on one of three instances, and verified on all of them as soon as that has returned.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::runtime::Builder;

use super::{
    super::{Outcome, Row, Settings, VALID, post, verify_all},
    COUNT, Cluster, FIGURE,
};
use crate::load::{Connection, percentile_ms};

/// Goals: greatest time of a revocation, in milliseconds.
const P50_MS: f64 = 20.0;
const P99_MS: f64 = 100.0;

/// What was observed.
#[derive(Default)]
struct Observed {
    nanoseconds: Vec<u32>,
    /// Responses to verify calls that started after the disable call returned.
    answers: u64,
    /// Number of those that were VALID.
    wrong: u64,
}

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let cluster = Cluster::start("revoked", COUNT, settings.disabled_keys / 10)?;
    for instance in &cluster.instances {
        verify_all(instance, &cluster.caller, &cluster.keys)?;
    }
    let Observed { mut nanoseconds, answers, wrong } = Builder::new_current_thread().enable_all().build()?.block_on(disable_each(&cluster))?;
    nanoseconds.sort_unstable();
    let outcome = if wrong == 0 { Outcome::Met } else { Outcome::NotMet(format!("{wrong} too many")) };
    let [p50, p99] = [50, 99].map(|percent| percentile_ms(&nanoseconds, percent));
    let what = |part: &str| format!("{part} of disabling a key with three instances, ms");
    Ok(vec![
        Row {
            figure: FIGURE,
            what: "VALID answers of three instances to calls that began after the disabling call returned".to_owned(),
            goal: "0".to_owned(),
            measured: format!("{wrong} of {answers} answers"),
            outcome,
        },
        Row::at_most(FIGURE, what("p50"), P50_MS, p50, &format!("{} keys", nanoseconds.len())),
        Row::at_most(FIGURE, what("p99"), P99_MS, p99, "from the same calls"),
    ])
}

async fn disable_each(cluster: &Cluster) -> Result<Observed> {
    let mut connections = Vec::new();
    for instance in &cluster.instances {
        connections.push(Connection::open(instance.address).await?);
    }
    let mut observed = Observed::default();
    for (number, key) in cluster.keys.iter().enumerate() {
        let verify = post("/api/v1/verify", &cluster.caller, &serde_json::json!({ "key": key }).to_string());
        let connection = &mut connections[number % COUNT];
        let response = connection.call(&verify).await?;
        ensure!(response.body.starts_with(VALID.as_bytes()), "a key is not valid before it is disabled");
        let id = serde_json::from_slice::<Value>(response.body)?["key_id"].as_str().context("the verdict has no key_id")?.to_owned();
        let disable = post(&format!("/api/v1/keys/{id}/disable"), &cluster.caller, "");
        let started = Instant::now();
        let response = connection.call(&disable).await?;
        ensure!(response.status == 200, "disabling a key failed with status {}", response.status);
        observed.nanoseconds.push(u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX));
        for connection in &mut connections {
            observed.answers += 1;
            observed.wrong += u64::from(connection.call(&verify).await?.body.starts_with(VALID.as_bytes()));
        }
    }
    Ok(observed)
}
