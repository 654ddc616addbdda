//! Benchmarks Latchkey and writes docs/benchmarks.md. Run it with `cargo xtask bench`, which builds and installs everything it needs.

mod ab;
mod figures;
mod load;
mod paths;
#[path = "../../tests/faults/postgres.rs"]
mod postgres;
mod programs;
mod report;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use figures::{ALONE, LAST, Settings};

/// Benchmarks Latchkey against a baseline handler and against its peers
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct CommandLine {
    /// Run everything with few keys and short rounds to check that it works; does not write the report
    #[arg(long)]
    quick: bool,
    /// Run only this figure, 1 to 10; for 6 to 10 (`writes`, `gateway`, `models`, `documents`, `instances`) its rows of the report are replaced
    #[arg(long, value_parser = figure)]
    only: Option<u8>,
    /// The program of an earlier version, with which figure 10 compares the number of writes per second
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
}

/// The number of a figure, from its number or its name.
fn figure(text: &str) -> Result<u8, String> {
    let named = ALONE.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    let number = named.or_else(|| text.parse().ok().filter(|number| (1..=LAST).contains(number)));
    number.ok_or_else(|| format!("use 1 to {LAST}, `writes`, `gateway`, `models`, `documents` or `instances`"))
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
    raise_handle_limit();
    let rows = figures::all(&Settings::new(options.quick, options.before.clone()), options.only);
    println!("{}", report::table(&rows));
    match options.only {
        Some(only) if !options.quick && ALONE.iter().any(|(_, number)| *number == only) => report::replace(only, &rows),
        None if !options.quick => report::write(&rows),
        _ => {
            eprintln!("docs/benchmarks.md is unchanged: a full run of all figures writes it, `--only` with a name the rows of its figure.");
            Ok(())
        }
    }
}

/// Raises the limit on open file handles as far as the system permits, also for the measured programs. If it cannot be raised, the figures that need
/// it fail.
fn raise_handle_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
