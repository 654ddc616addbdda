//! Figure 1: the complete verify call against a baseline handler that only parses and serializes the same JSON.

use std::sync::Arc;

use anyhow::Result;
use bench::fixtures::Fixtures;

use super::{Row, Settings, Side, compare, verify_all};
use crate::{load::Requests, paths, programs::Program};

const FIGURE: u8 = 1;
/// Number of opaque keys, and of JWTs.
const KEYS: usize = 1000;
/// Goal: least ratio of Latchkey's throughput to the baseline's.
const THROUGHPUT: f64 = 0.90;
/// Goal: greatest ratio of Latchkey's p99 to the baseline's.
const P99: f64 = 2.0;

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let fixtures = Fixtures::create(&paths::work("data-bare"), KEYS, KEYS)?;
    let (latchkey, bare) = (Program::latchkey(&fixtures.folder)?, Program::bare()?);
    verify_all(&latchkey, &fixtures.caller, &[&fixtures.keys[..], &fixtures.tokens[..]].concat())?;
    let one = vec![fixtures.keys[0].clone()];
    let requests = |keys| Arc::new(Requests::verify(&fixtures.caller, keys));
    let first = requests(one.clone());
    let (mut latchkey, mut bare) = (Side::verifying(latchkey, &first), Side::verifying(bare, &first));
    let mut rows = Vec::new();
    for (what, keys) in [("1,000 opaque keys", fixtures.keys), ("one opaque key", one), ("1,000 JWTs", fixtures.tokens)] {
        eprintln!("    {what}");
        let requests = requests(keys);
        (latchkey, bare) = (latchkey.with_requests(&requests), bare.with_requests(&requests));
        let comparison = compare(settings, &latchkey, &bare)?;
        rows.push(Row::at_least(
            FIGURE,
            format!("throughput relative to the bare handler, {what}"),
            THROUGHPUT,
            comparison.throughput(),
            &comparison.summary_with_cpu_time(),
        ));
        rows.push(Row::at_most(FIGURE, format!("p99 relative to the bare handler, {what}"), P99, comparison.p99(), "from the same pairs"));
    }
    Ok(rows)
}
