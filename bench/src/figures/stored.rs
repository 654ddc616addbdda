//! 2: the same with more and more keys stored, drawn evenly from all of them; the memory that they take, and the time to start.

use std::sync::Arc;

use anyhow::Result;
use bench::stock::Stock;

use super::{Row, Settings, Side, compare, verify_each};
use crate::{
    load::Requests,
    pairs::{median, thousands},
    places,
    programs::{Program, settle},
};

const FIGURE: u8 = 2;
/// How far the throughput may fall.
const GOAL: f64 = 0.90;
/// How often each is started.
const STARTS: usize = 3;

/// A server with so many keys, all of them known to it.
struct Filled {
    keys: usize,
    started_ms: f64,
    memory: u64,
    side: Side,
}

impl Filled {
    fn start(keys: usize) -> Result<Self> {
        eprintln!("    {} keys", thousands_of(keys));
        let stock = Stock::make(&places::work(&format!("data-{keys}")), keys, 0)?;
        let mut starts = Vec::new();
        for _ in 1..STARTS {
            starts.push(Program::latchkey(&stock.folder)?.started_in);
        }
        let program = Program::latchkey(&stock.folder)?;
        starts.push(program.started_in);
        verify_each(&program, &stock.caller, &stock.keys)?;
        let requests = Arc::new(Requests::verify(&stock.caller, stock.keys));
        let started_ms = median(starts.iter().map(|start| start.as_secs_f64() * 1e3));
        settle(&[&program])?;
        Ok(Self { keys, started_ms, memory: program.memory()?, side: Side::verifying(program, &requests) })
    }
}

/// Measures it.
pub fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let all = settings.stored.into_iter().map(Filled::start).collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for filled in &all {
        let what = format!("memory and time to `/readyz`, {} keys stored", thousands_of(filled.keys));
        let mebibytes = filled.memory / (1024 * 1024);
        rows.push(Row::told(FIGURE, what, format!("{mebibytes} MiB once each was verified; {:.0} ms", filled.started_ms)));
    }
    for more in &all[1..] {
        let what = format!("throughput with {} keys by that with {}", thousands_of(more.keys), thousands_of(all[0].keys));
        eprintln!("    {what}");
        let comparison = compare(settings, &more.side, &all[0].side)?;
        rows.push(Row::at_least(FIGURE, what, GOAL, comparison.throughput(), &comparison.in_words_with_work()));
    }
    Ok(rows)
}

fn thousands_of(keys: usize) -> String {
    thousands(f64::from(u32::try_from(keys).unwrap_or(u32::MAX)))
}
