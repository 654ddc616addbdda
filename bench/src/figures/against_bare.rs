//! 1: verify, all that it does, against a handler that reads and writes the same JSON and does nothing between.

use std::sync::Arc;

use anyhow::Result;
use bench::stock::Stock;

use super::{Row, Settings, Side, compare, verify_each};
use crate::{load::Requests, places, programs::Program};

const FIGURE: u8 = 1;
/// How many keys of either form there are.
const KEYS: usize = 1000;
/// How much of the bare handler's throughput is to be left.
const THROUGHPUT: f64 = 0.90;
/// How many times as long the slowest of a hundred may take.
const P99: f64 = 2.0;

/// Measures it.
pub fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let stock = Stock::make(&places::work("data-bare"), KEYS, KEYS)?;
    let (latchkey, bare) = (Program::latchkey(&stock.folder)?, Program::bare()?);
    verify_each(&latchkey, &stock.caller, &[&stock.keys[..], &stock.tokens[..]].concat())?;
    let one = vec![stock.keys[0].clone()];
    let requests = |keys| Arc::new(Requests::verify(&stock.caller, keys));
    let asked = requests(one.clone());
    let (mut latchkey, mut bare) = (Side::verifying(latchkey, &asked), Side::verifying(bare, &asked));
    let mut rows = Vec::new();
    for (what, keys) in [("1,000 opaque keys", stock.keys), ("one opaque key", one), ("1,000 JWTs", stock.tokens)] {
        eprintln!("    {what}");
        let asked = requests(keys);
        (latchkey, bare) = (latchkey.asked(&asked), bare.asked(&asked));
        let comparison = compare(settings, &latchkey, &bare)?;
        rows.push(Row::at_least(
            FIGURE,
            format!("throughput by the bare handler's, {what}"),
            THROUGHPUT,
            comparison.throughput(),
            &comparison.in_words_with_work(),
        ));
        rows.push(Row::at_most(FIGURE, format!("p99 by the bare handler's, {what}"), P99, comparison.p99(), "of the same pairs"));
    }
    Ok(rows)
}
