//! What is measured, a figure of the table each.

mod against_bare;
mod in_process;
mod peers;
mod revoked;
mod stored;

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    load::{Connection, Load, Requests, Round},
    pairs::Comparison,
    programs::{Program, settle},
};

/// How a good verdict begins.
pub const VALID: &str = r#"{"valid":true,"#;
/// The most keys of a batch.
const BATCH: usize = 1000;

/// How much is measured.
pub struct Settings {
    /// How many pairs.
    pub pairs: u32,
    /// How long each round of a pair takes.
    pub round: Duration,
    /// How many keys are stored, the fewest first.
    pub stored: [usize; 3],
    /// How many keys the peers have.
    pub of_peers: usize,
    /// How many keys are disabled under load.
    pub disabled: usize,
}

impl Settings {
    /// In full, or just enough to see that everything runs.
    pub const fn new(quick: bool) -> Self {
        if quick {
            Self { pairs: 1, round: Duration::from_millis(300), stored: [1000, 2000, 5000], of_peers: 1000, disabled: 100 }
        } else {
            Self { pairs: 7, round: Duration::from_millis(2500), stored: [1000, 100_000, 1_000_000], of_peers: 100_000, disabled: 10_000 }
        }
    }
}

/// A line of the table.
pub struct Row {
    /// To which of the five figures it belongs.
    pub figure: u8,
    /// What is measured.
    pub what: String,
    /// What it shall come to.
    pub goal: String,
    /// What it came to.
    pub measured: String,
    /// Whether that is enough.
    pub outcome: Outcome,
}

/// Whether a goal was met.
pub enum Outcome {
    /// It was.
    Met,
    /// It was not, and by how much.
    NotMet(String),
    /// There is no goal.
    Told,
}

impl Row {
    fn told(figure: u8, what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { figure, what: what.into(), goal: "–".to_owned(), measured: measured.into(), outcome: Outcome::Told }
    }

    /// A ratio that shall be `goal` or more.
    fn at_least(figure: u8, what: impl Into<String>, goal: f64, ratio: f64, detail: &str) -> Self {
        let missing = || format!("{:.2} of the goal", ratio / goal);
        let outcome = if ratio >= goal { Outcome::Met } else { Outcome::NotMet(missing()) };
        Self { figure, what: what.into(), goal: format!("{} or more", number(goal)), measured: format!("{} ({detail})", number(ratio)), outcome }
    }

    /// A ratio that shall be `goal` or less.
    fn at_most(figure: u8, what: impl Into<String>, goal: f64, ratio: f64, detail: &str) -> Self {
        let outcome = if ratio <= goal { Outcome::Met } else { Outcome::NotMet(format!("{:.2} times the goal", ratio / goal)) };
        Self { figure, what: what.into(), goal: format!("{} or less", number(goal)), measured: format!("{} ({detail})", number(ratio)), outcome }
    }

    /// What could not be measured is a goal that was not met.
    fn failed(figure: u8, what: impl Into<String>, why: &str) -> Self {
        Self { figure, what: what.into(), goal: String::new(), measured: "not measured".to_owned(), outcome: Outcome::NotMet(why.to_owned()) }
    }
}

fn number(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

type Figure = (u8, &'static str, fn(&Settings) -> Result<Vec<Row>>);

const FIGURES: [Figure; 5] = [
    (1, "verify against a handler that does nothing", against_bare::measure),
    (2, "verify with more and more keys stored", stored::measure),
    (3, "a cached key, in process", in_process::measure),
    (4, "against its peers", peers::measure),
    (5, "from disabling to the first refusal", revoked::measure),
];

/// Measures all, or one alone. One that fails does not keep the others from being measured.
pub fn all(settings: &Settings, only: Option<u8>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, name, measure) in FIGURES.into_iter().filter(|(number, ..)| only.is_none_or(|only| only == *number)) {
        eprintln!("==> {number}: {name}");
        rows.extend(measure(settings).unwrap_or_else(|error| vec![Row::failed(number, name, &format!("{error:#}"))]));
    }
    rows
}

/// One who is asked.
struct Side {
    program: Program,
    load: Load,
}

impl Side {
    /// Latchkey, or the handler that does nothing.
    fn verifying(program: Program, requests: &Arc<Requests>) -> Self {
        Self { load: Load { address: program.address, requests: Arc::clone(requests), good: VALID }, program }
    }

    /// The same with other requests.
    fn asked(self, requests: &Arc<Requests>) -> Self {
        Self { load: Load { requests: Arc::clone(requests), ..self.load }, ..self }
    }
}

/// Two who are asked in turn, each when neither has anything left to do.
fn compare(settings: &Settings, first: &Side, second: &Side) -> Result<Comparison> {
    let round = |of: &Side| {
        settle(&[&first.program, &second.program])?;
        let before = of.program.worked()?;
        let round = of.load.run(settings.round)?;
        let worked = of.program.worked()? - before;
        Ok(Round { server_us: worked * 1e6 / f64::from(u32::try_from(round.answers)?), ..round })
    };
    let comparison = Comparison::of(settings.pairs, || round(first), || round(second))?;
    ensure!(comparison.others() == 0, "{} answers were none of the expected ones", comparison.others());
    Ok(comparison)
}

/// Has every key verified once, so that all of them are known.
fn verify_each(program: &Program, caller: &str, keys: &[Box<str>]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(program.address).await?;
        for keys in keys.chunks(BATCH) {
            let body = serde_json::json!({ "keys": keys.iter().map(|key| serde_json::json!({ "key": key })).collect::<Vec<_>>() });
            let answer = connection.call(&post("/api/v1/verify-batch", caller, &body.to_string())).await?;
            let valid = answer.body.windows(VALID.len()).filter(|bytes| *bytes == VALID.as_bytes()).count();
            ensure!(answer.status == 200 && valid == keys.len(), "of {} stored keys {valid} are valid: {}", keys.len(), answer.status);
        }
        Ok(())
    })
}

/// A call of the API.
fn post(path: &str, caller: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {caller}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
