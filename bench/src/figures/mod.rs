//! The measurements, one module per figure of the table.

mod against_bare;
mod documents;
mod gateway;
mod in_process;
mod instances;
mod models;
mod peers;
mod revoked;
mod stored;
mod writes;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    ab::Comparison,
    load::{Connection, Load, Requests, Round},
    programs::{Program, wait_until_idle},
};

/// The prefix of a valid verdict.
pub(crate) const VALID: &str = r#"{"valid":true,"#;
/// Maximum number of keys in one `POST /verify-batch`.
const BATCH: usize = 1000;

/// Size and duration of the measurements.
pub(crate) struct Settings {
    /// Number of A/B pairs per comparison.
    pub pairs: u32,
    /// Duration of one round of a pair.
    pub round: Duration,
    /// Numbers of stored keys of figure 2, in ascending order; the last also of figures 6 and 10.
    pub stored_keys: [usize; 3],
    /// Number of stored keys in the comparisons with the peers.
    pub peer_keys: usize,
    /// Number of keys that figure 5 disables under load; figure 10 disables a tenth of it.
    pub disabled_keys: usize,
    /// Number of open streams of figure 8.
    pub streams: usize,
    /// Number of documents of figure 9.
    pub documents: usize,
    /// Number of queries of figure 9.
    pub queries: usize,
    /// The program of an earlier version, with which figure 10 compares writes.
    pub before: Option<PathBuf>,
}

impl Settings {
    /// The full run, or a quick one that only checks that everything works.
    pub(crate) fn new(quick: bool, before: Option<PathBuf>) -> Self {
        if quick {
            let (pairs, round, stored_keys) = (1, Duration::from_millis(300), [1000, 2000, 5000]);
            Self { pairs, round, stored_keys, peer_keys: 1000, disabled_keys: 100, streams: 200, documents: 1000, queries: 50, before }
        } else {
            let (pairs, round, stored_keys) = (7, Duration::from_millis(2500), [1000, 100_000, 1_000_000]);
            Self { pairs, round, stored_keys, peer_keys: 100_000, disabled_keys: 10_000, streams: 5000, documents: 100_000, queries: 500, before }
        }
    }
}

/// A row of the table.
pub(crate) struct Row {
    /// Number of the figure, 1 to 10.
    pub figure: u8,
    pub what: String,
    pub goal: String,
    pub measured: String,
    pub outcome: Outcome,
}

pub(crate) enum Outcome {
    Met,
    /// The reason, or how far the value is from the goal.
    NotMet(String),
    /// Reported without a goal.
    NoGoal,
}

impl Row {
    fn without_goal(figure: u8, what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { figure, what: what.into(), goal: "–".to_owned(), measured: measured.into(), outcome: Outcome::NoGoal }
    }

    /// A ratio whose goal is a minimum.
    fn at_least(figure: u8, what: impl Into<String>, goal: f64, ratio: f64, detail: &str) -> Self {
        let missing = || format!("{:.2} of the goal", ratio / goal);
        let outcome = if ratio >= goal { Outcome::Met } else { Outcome::NotMet(missing()) };
        Self { figure, what: what.into(), goal: format!("{} or more", number(goal)), measured: format!("{} ({detail})", number(ratio)), outcome }
    }

    /// A ratio whose goal is a maximum.
    fn at_most(figure: u8, what: impl Into<String>, goal: f64, ratio: f64, detail: &str) -> Self {
        let outcome = if ratio <= goal { Outcome::Met } else { Outcome::NotMet(format!("{:.2} times the goal", ratio / goal)) };
        Self { figure, what: what.into(), goal: format!("{} or less", number(goal)), measured: format!("{} ({detail})", number(ratio)), outcome }
    }

    /// A measurement that failed counts as a goal that was not met.
    fn failed(figure: u8, what: impl Into<String>, reason: &str) -> Self {
        Self { figure, what: what.into(), goal: String::new(), measured: "not measured".to_owned(), outcome: Outcome::NotMet(reason.to_owned()) }
    }
}

fn number(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

type Figure = (u8, &'static str, fn(&Settings) -> Result<Vec<Row>>);

/// Figures that are also measured alone, each with its name: their rows of the report are replaced.
pub(crate) const ALONE: [(&str, u8); 5] = [
    ("writes", writes::FIGURE),
    ("gateway", gateway::FIGURE),
    ("models", models::FIGURE),
    ("documents", documents::FIGURE),
    ("instances", INSTANCES),
];
/// The number of the figure of several instances.
pub(crate) const INSTANCES: u8 = instances::FIGURE;
/// The number of the last figure.
pub(crate) const LAST: u8 = INSTANCES;

const FIGURES: [Figure; 10] = [
    (1, "verify against a bare handler", against_bare::measure),
    (2, "verify with up to a million stored keys", stored::measure),
    (3, "a cached key, in process", in_process::measure),
    (4, "verify against peers", peers::measure),
    (5, "from disabling to the first rejection", revoked::measure),
    (writes::FIGURE, "writes with many stored keys", writes::measure),
    (gateway::FIGURE, "the gateway against a bare reverse proxy", gateway::measure),
    (models::FIGURE, "calls of language models", models::measure),
    (documents::FIGURE, "queries of a corpus with many documents", documents::measure),
    (INSTANCES, "three instances on one database, and a million keys", instances::measure),
];

/// Measures all figures, or only one. A failure is reported as a row, and the remaining figures are still measured.
pub(crate) fn all(settings: &Settings, only: Option<u8>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, name, measure) in FIGURES.into_iter().filter(|(number, ..)| only.is_none_or(|only| only == *number)) {
        eprintln!("==> {number}: {name}");
        rows.extend(measure(settings).unwrap_or_else(|error| vec![Row::failed(number, name, &format!("{error:#}"))]));
    }
    rows
}

/// One side of a comparison.
struct Side {
    program: Program,
    load: Load,
}

impl Side {
    /// Latchkey or the baseline handler, which take the same requests.
    fn verifying(program: Program, requests: &Arc<Requests>) -> Self {
        Self { load: Load { address: program.address, requests: Arc::clone(requests), expected_prefix: VALID }, program }
    }

    fn with_requests(self, requests: &Arc<Requests>) -> Self {
        Self { load: Load { requests: Arc::clone(requests), ..self.load }, ..self }
    }
}

/// Measures both sides in alternating rounds. Each round starts only when both programs are idle.
fn compare(settings: &Settings, first: &Side, second: &Side) -> Result<Comparison> {
    compare_rounds(settings, first, second, |load| load.run(settings.round))
}

/// Same as [`compare`], with rounds of this kind.
fn compare_rounds(settings: &Settings, first: &Side, second: &Side, run: impl Fn(&Load) -> Result<Round>) -> Result<Comparison> {
    let round = |side: &Side| {
        wait_until_idle(&[&first.program, &second.program])?;
        let before = side.program.cpu_seconds()?;
        let round = run(&side.load)?;
        let worked = side.program.cpu_seconds()? - before;
        Ok(Round { server_us: worked * 1e6 / f64::from(u32::try_from(round.answers)?), ..round })
    };
    let comparison = Comparison::measure(settings.pairs, || round(first), || round(second))?;
    ensure!(comparison.unexpected() == 0, "{} unexpected responses", comparison.unexpected());
    Ok(comparison)
}

/// Verifies every key once, so that all of them are cached.
fn verify_all(program: &Program, caller: &str, keys: &[Box<str>]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(program.address).await?;
        for keys in keys.chunks(BATCH) {
            let body = serde_json::json!({ "keys": keys.iter().map(|key| serde_json::json!({ "key": key })).collect::<Vec<_>>() });
            let response = connection.call(&post("/api/v1/verify-batch", caller, &body.to_string())).await?;
            let valid = response.body.windows(VALID.len()).filter(|bytes| *bytes == VALID.as_bytes()).count();
            ensure!(response.status == 200 && valid == keys.len(), "{valid} of {} stored keys are valid (status {})", keys.len(), response.status);
        }
        Ok(())
    })
}

/// The bytes of an API request.
fn post(path: &str, caller: &str, body: &str) -> Vec<u8> {
    post_with(path, &format!("x-api-key: {caller}\r\n"), body)
}

/// The bytes of an API request with these header lines.
fn post_with(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
