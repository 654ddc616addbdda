//! Verify with many stored keys relative to few, memory and start. On SQLite, as figure 2.

use anyhow::Result;

use super::{
    super::{
        Row, Settings, compare,
        stored::{Server, thousands_of},
    },
    FIGURE, lists,
};

/// Goals: least ratio of the throughput, greatest memory in MiB, and greatest time until the server is ready, in milliseconds.
const THROUGHPUT: f64 = 0.90;
const MEMORY_MIB: f64 = 1024.0;
const START_MS: f64 = 100.0;

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let [few, .., many] = settings.stored_keys;
    let (few, many) = (Server::start(few)?, Server::start(many)?);
    let [few_keys, many_keys] = [&few, &many].map(|server| thousands_of(server.keys));
    let comparison = compare(settings, &many.side, &few.side)?;
    let mebibytes = f64::from(u32::try_from(many.memory / 1024)?) / 1024.0;
    let mut rows = vec![
        Row::at_least(
            FIGURE,
            format!("throughput of verify with {many_keys} keys relative to {few_keys}"),
            THROUGHPUT,
            comparison.throughput(),
            &comparison.summary_with_cpu_time(),
        ),
        Row::at_most(FIGURE, format!("memory after each of {many_keys} keys was verified, MiB"), MEMORY_MIB, mebibytes, "resident"),
        Row::at_most(FIGURE, format!("time to `/readyz` with {many_keys} keys stored, ms"), START_MS, many.started_ms, "median of three starts"),
    ];
    rows.extend(lists::rows(&many.side.program, &many.caller, &format!("{many_keys} keys, SQLite"))?);
    Ok(rows)
}
