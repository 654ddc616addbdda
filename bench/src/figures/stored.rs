//! Figure 2: throughput with up to a million stored keys, all used equally often; memory and start time.

use std::sync::Arc;

use anyhow::Result;
use bench::fixtures::Fixtures;

use super::{Row, Settings, Side, compare, verify_all};
use crate::{
    ab::{median, thousands},
    load::Requests,
    paths,
    programs::{Program, wait_until_idle},
};

const FIGURE: u8 = 2;
/// Goal: least ratio of the throughput with many keys to that with the fewest.
const GOAL: f64 = 0.90;
/// Number of starts, of which the median time counts.
const STARTS: usize = 3;

/// A running server with this number of keys, all of them cached.
pub(super) struct Server {
    pub(super) keys: usize,
    /// Median time to `/readyz`.
    pub(super) started_ms: f64,
    pub(super) memory: u64,
    /// The key that calls.
    pub(super) caller: String,
    pub(super) side: Side,
}

impl Server {
    pub(super) fn start(keys: usize) -> Result<Self> {
        eprintln!("    {} keys", thousands_of(keys));
        let fixtures = Fixtures::create(&paths::work(&format!("data-{keys}")), keys, 0)?;
        let mut starts = Vec::new();
        for _ in 1..STARTS {
            starts.push(Program::latchkey(&fixtures.folder)?.startup_time);
        }
        let program = Program::latchkey(&fixtures.folder)?;
        starts.push(program.startup_time);
        verify_all(&program, &fixtures.caller, &fixtures.keys)?;
        let requests = Arc::new(Requests::verify(&fixtures.caller, fixtures.keys));
        let started_ms = median(starts.iter().map(|start| start.as_secs_f64() * 1e3));
        wait_until_idle(&[&program])?;
        Ok(Self { keys, started_ms, memory: program.memory()?, caller: fixtures.caller, side: Side::verifying(program, &requests) })
    }
}

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let servers = settings.stored_keys.into_iter().map(Server::start).collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for server in &servers {
        let what = format!("memory and time to `/readyz`, {} keys stored", thousands_of(server.keys));
        let mebibytes = server.memory / (1024 * 1024);
        rows.push(Row::without_goal(FIGURE, what, format!("{mebibytes} MiB after each key was verified; {:.0} ms", server.started_ms)));
    }
    for larger in &servers[1..] {
        let what = format!("throughput with {} keys relative to {}", thousands_of(larger.keys), thousands_of(servers[0].keys));
        eprintln!("    {what}");
        let comparison = compare(settings, &larger.side, &servers[0].side)?;
        rows.push(Row::at_least(FIGURE, what, GOAL, comparison.throughput(), &comparison.summary_with_cpu_time()));
    }
    Ok(rows)
}

pub(super) fn thousands_of(keys: usize) -> String {
    thousands(f64::from(u32::try_from(keys).unwrap_or(u32::MAX)))
}
