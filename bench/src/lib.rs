//! Test data shared by the benchmark runner and the Criterion benchmark.

pub mod fixtures;
