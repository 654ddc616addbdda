//! Figure 6: the time of writes with many stored keys, and as many audit events, relative to that with none.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::fixtures::Fixtures;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::{Row, Settings, post};
use crate::{
    ab::{median, thousands},
    load::Connection,
    paths,
    programs::Program,
};

pub(super) const FIGURE: u8 = 6;
/// Number of keys in one import.
const IMPORTED: usize = 1000;
/// Number of keys that are created, and then disabled, in one round.
const CREATED: usize = 100;
/// Goal: greatest ratio of the time of creating or disabling a key.
const CHANGE: f64 = 1.3;
/// Goal: greatest ratio of the time of an import.
const IMPORT: f64 = 2.0;
/// Goal: greatest time in seconds in which the stored keys are imported.
const FILL_SECONDS: f64 = 240.0;

/// A server and a caller who writes to it.
struct Writer {
    runtime: Runtime,
    connection: Connection,
    caller: String,
    /// Number of keys sent so far.
    sent: usize,
    program: Program,
}

/// The times of one round.
struct Times {
    create: Duration,
    disable: Duration,
    import: Duration,
}

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let stored = settings.stored_keys[2];
    let (mut full, mut empty) = (Writer::start("data-writes-full")?, Writer::start("data-writes-empty")?);
    let filled = full.fill(stored)?;
    let mut pairs = Vec::new();
    for pair in 0..settings.pairs {
        let rounds = if pair % 2 == 0 {
            let first = full.round()?;
            (first, empty.round()?)
        } else {
            let second = empty.round()?;
            (full.round()?, second)
        };
        pairs.push(rounds);
    }
    let stored = thousands(f64::from(u32::try_from(stored)?));
    let row = |what: &str, goal: f64, time: fn(&Times) -> Duration, of_one: u32| {
        let ratio = median(pairs.iter().map(|(full, empty)| time(full).as_secs_f64() / time(empty).as_secs_f64()));
        let [full, empty] = [
            median(pairs.iter().map(|(full, _)| milliseconds(time(full) / of_one))),
            median(pairs.iter().map(|(_, empty)| milliseconds(time(empty) / of_one))),
        ];
        let what = format!("time of {what} with {stored} stored keys and audit events, relative to none");
        Row::at_most(FIGURE, what, goal, ratio, &format!("{full:.2} and {empty:.2} ms"))
    };
    let created = u32::try_from(CREATED)?;
    Ok(vec![
        row("creating a key", CHANGE, |times| times.create, created),
        row("disabling a key", CHANGE, |times| times.disable, created),
        row("importing 1,000 keys", IMPORT, |times| times.import, 1),
        Row::at_most(FIGURE, format!("importing {stored} keys over REST, 1,000 a call, s"), FILL_SECONDS, filled.as_secs_f64(), "from none"),
    ])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Writer {
    fn start(folder: &str) -> Result<Self> {
        let fixtures = Fixtures::create(&paths::work(folder), 0, 0)?;
        let program = Program::latchkey(&fixtures.folder)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(Connection::open(program.address))?;
        Ok(Self { runtime, connection, caller: fixtures.caller, sent: 0, program })
    }

    /// Imports this number of keys. Returns the time of the calls.
    fn fill(&mut self, keys: usize) -> Result<Duration> {
        eprintln!("    importing {keys} keys");
        let mut time = Duration::ZERO;
        while self.sent < keys {
            time += self.import()?;
        }
        Ok(time)
    }

    fn round(&mut self) -> Result<Times> {
        // The server closes connections that are idle, as this one is during the other side's round.
        self.connection = self.runtime.block_on(Connection::open(self.program.address))?;
        let (create, ids) = self.create()?;
        let disable = self.disable(&ids)?;
        Ok(Times { create, disable, import: self.import()? })
    }

    fn import(&mut self) -> Result<Duration> {
        let keys: Vec<Value> = (self.sent..self.sent + IMPORTED)
            .map(|number| json!({ "sha256": format!("{number:064x}"), "name": format!("Service {number}") }))
            .collect();
        self.sent += IMPORTED;
        let request = post("/api/v1/keys/import", &self.caller, &json!({ "keys": keys }).to_string());
        let started = Instant::now();
        self.call(&request, 201)?;
        Ok(started.elapsed())
    }

    /// Creates keys. Returns the time and the ids.
    fn create(&mut self) -> Result<(Duration, Vec<String>)> {
        let request = post("/api/v1/keys", &self.caller, &json!({ "kind": "client", "name": "Service" }).to_string());
        let (started, mut ids) = (Instant::now(), Vec::new());
        for _ in 0..CREATED {
            let created: Value = serde_json::from_slice(self.call(&request, 201)?)?;
            ids.push(created["key"]["id"].as_str().context("a created key has no id")?.to_owned());
        }
        Ok((started.elapsed(), ids))
    }

    fn disable(&mut self, ids: &[String]) -> Result<Duration> {
        let started = Instant::now();
        for id in ids {
            self.call(&post(&format!("/api/v1/keys/{id}/disable"), &self.caller, ""), 200)?;
        }
        Ok(started.elapsed())
    }

    /// Sends a request and returns the body of its response.
    fn call(&mut self, request: &[u8], expected: u16) -> Result<&[u8]> {
        let response = self.runtime.block_on(self.connection.call(request))?;
        let body = String::from_utf8_lossy(response.body);
        ensure!(response.status == expected, "a write failed with status {}: {body}", response.status);
        Ok(response.body)
    }
}
