//! Figure 3: evaluation of a cached key in process. Criterion measures it (`benches/verify.rs`); this reads its results.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Row, Settings};
use crate::paths;

const FIGURE: u8 = 3;
const GOAL_US: f64 = 1.0;

pub(super) fn measure(_: &Settings) -> Result<Vec<Row>> {
    Ok(vec![
        Row::at_most(
            FIGURE,
            "evaluating a cached client key with a rate limit, µs",
            GOAL_US,
            microseconds("client key")?,
            "median of Criterion's samples",
        ),
        Row::without_goal(FIGURE, "the same, with the verdict serialized as JSON, µs", format!("{:.2}", microseconds("client key, as JSON")?)),
        Row::without_goal(FIGURE, "evaluating a cached project key (JWT), µs", format!("{:.2}", microseconds("project key")?)),
    ])
}

fn microseconds(benchmark: &str) -> Result<f64> {
    let file = paths::root().join("target/criterion/verify").join(benchmark).join("new/estimates.json");
    let text = fs::read(&file).with_context(|| format!("`cargo bench --package bench` has no result for “{benchmark}”"))?;
    let estimates: Value = serde_json::from_slice(&text)?;
    let nanoseconds = estimates["median"]["point_estimate"].as_f64().context("Criterion's results contain no median")?;
    Ok(nanoseconds / 1e3)
}
