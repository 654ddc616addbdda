//! How many calls a limit lets through on three instances together, at ten times the limit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{runtime::Builder, task::JoinSet};

use super::{
    super::{Row, Settings, VALID, gateway::create, post},
    COUNT, Cluster, FIGURE,
};
use crate::load::Connection;

/// Calls that a limit permits. That of rates is for a minute, which is longer than the calls take.
const LIMIT: u32 = 1000;
const OFFERED: i64 = 10_000;
/// Number of connections to each instance.
const CONNECTIONS: usize = 4;
/// Pause between two calls of a connection.
const PAUSE: Duration = Duration::from_millis(5);
/// Goals: the greatest part of the limit that is let through.
const AT_MOST: f64 = 1.01;
const STRICT: f64 = 1.0;

pub(super) fn measure(_: &Settings) -> Result<Vec<Row>> {
    let cluster = Cluster::start("limits", COUNT, 0)?;
    let rate = json!({ "name": "minute", "limit": LIMIT, "duration_ms": 60_000 });
    let mut strict = rate.clone();
    strict["strict"] = json!(true);
    let limits = [
        ("a rate limit", json!({ "rate_limits": [rate] }), AT_MOST),
        ("a strict rate limit", json!({ "rate_limits": [strict] }), STRICT),
        ("credits", json!({ "credits": { "remaining": LIMIT } }), STRICT),
    ];
    let row = |(limit, fields, goal): (&str, Value, f64)| {
        let what = format!("calls that {limit} lets through on three instances at ten times the limit, relative to the limit");
        match pass(&cluster, fields) {
            Ok(passed) => Row::at_most(FIGURE, what, goal, f64::from(passed) / f64::from(LIMIT), &format!("{passed} of {OFFERED} calls")),
            Err(error) => Row::failed(FIGURE, what, &format!("{error:#}")),
        }
    };
    Ok(limits.into_iter().map(row).collect())
}

/// Calls with a new key that has these fields. Returns how many calls were let through.
fn pass(cluster: &Cluster, mut fields: Value) -> Result<u32> {
    fields["kind"] = json!("client");
    fields["name"] = json!("limited");
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connection = Connection::open(cluster.instances[0].address).await?;
        let created = create(&mut connection, "/api/v1/keys", &cluster.caller, &fields).await?;
        let key = created["secret"].as_str().context("a created key has no secret")?;
        let request: Arc<[u8]> = post("/api/v1/verify", &cluster.caller, &json!({ "key": key }).to_string()).into();
        let (left, mut callers) = (Arc::new(AtomicI64::new(OFFERED)), JoinSet::new());
        for number in 0..COUNT * CONNECTIONS {
            let mut connection = Connection::open(cluster.instances[number % COUNT].address).await?;
            let (request, left) = (Arc::clone(&request), Arc::clone(&left));
            callers.spawn(async move {
                let mut passed = 0_u32;
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    let response = connection.call(&request).await?;
                    ensure!(response.status == 200, "a verify call failed with status {}", response.status);
                    passed += u32::from(response.body.starts_with(VALID.as_bytes()));
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(passed)
            });
        }
        let mut passed = 0;
        while let Some(caller) = callers.join_next().await {
            passed += caller??;
        }
        Ok(passed)
    })
}
