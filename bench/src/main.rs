//! Measures Latchkey, and writes down what came of it. Started by `cargo xtask bench`, which builds and installs all that it needs.

mod figures;
mod load;
mod pairs;
mod places;
mod programs;
mod report;

use std::{fs, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;

use figures::Settings;

/// Measures Latchkey against what bounds it and against its peers.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct CommandLine {
    /// Try everything out, small and short: nothing is measured well enough to be written down
    #[arg(long)]
    quick: bool,
    /// Only this figure, 1 to 5: nothing is written down
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    only: Option<u8>,
}

fn main() -> ExitCode {
    match measure(&CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(wanted: &CommandLine) -> Result<()> {
    fs::create_dir_all(places::work("")).context("target/bench can't be made")?;
    let rows = figures::all(&Settings::new(wanted.quick), wanted.only);
    println!("{}", report::table(&rows));
    if wanted.only.is_some() || wanted.quick {
        eprintln!("Not written down: docs/benchmarks.md is for all figures, measured in full.");
        return Ok(());
    }
    report::write(&rows)
}
