//! Benchmarks Latchkey and writes docs/benchmarks.md. Run it with `cargo xtask bench`, which builds and installs everything it needs.

mod ab;
mod figures;
mod load;
mod paths;
mod programs;
mod report;

use std::{fs, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;

use figures::Settings;

/// Benchmarks Latchkey against a baseline handler and against its peers
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct CommandLine {
    /// Run everything with few keys and short rounds to check that it works; does not write the report
    #[arg(long)]
    quick: bool,
    /// Run only this figure, 1 to 5; does not write the report
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

fn measure(options: &CommandLine) -> Result<()> {
    fs::create_dir_all(paths::work("")).context("cannot create target/bench")?;
    let rows = figures::all(&Settings::new(options.quick), options.only);
    println!("{}", report::table(&rows));
    if options.only.is_some() || options.quick {
        eprintln!("docs/benchmarks.md is unchanged: it is written only by a full run of all figures.");
        return Ok(());
    }
    report::write(&rows)
}
