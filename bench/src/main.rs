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

use figures::{Settings, WRITES};

/// Benchmarks Latchkey against a baseline handler and against its peers
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct CommandLine {
    /// Run everything with few keys and short rounds to check that it works; does not write the report
    #[arg(long)]
    quick: bool,
    /// Run only this figure, 1 to 6; only for 6 (`writes`) its rows of the report are replaced
    #[arg(long, value_parser = figure)]
    only: Option<u8>,
}

/// The number of a figure, or the name of the last one.
fn figure(text: &str) -> Result<u8, String> {
    match text {
        "writes" => Ok(WRITES),
        _ => text.parse().ok().filter(|number| (1..=WRITES).contains(number)).ok_or_else(|| "use 1 to 6 or `writes`".to_owned()),
    }
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
    if options.only == Some(WRITES) && !options.quick {
        return report::replace(WRITES, &rows);
    }
    if options.only.is_some() || options.quick {
        eprintln!("docs/benchmarks.md is unchanged: a full run of all figures writes it, and `--only writes` its rows.");
        return Ok(());
    }
    report::write(&rows)
}
