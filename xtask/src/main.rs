//! Everything Latchkey's sources need from a machine: set-up, build, tests.
//!
//! `cargo xtask run` and `cargo xtask test` are the two commands to know; docs/building.md has the rest.

mod bench;
mod dist;
mod fuzz;
mod paths;
mod process;
mod run;
mod server;
mod setup;
mod site;
mod step;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::site::Build;
use crate::step::Steps;

/// Builds, runs and tests Latchkey.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets the machine up, builds, and serves <http://127.0.0.1:3000>, its data in ./data
    Run {
        /// Build fast instead of small: for daily work
        #[arg(long)]
        dev: bool,
        /// Arguments for `latchkey serve`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Sets the machine up and runs every check: format, clippy, unit, integration, browser
    Test {
        /// Only this part of the tests
        #[arg(long, value_enum)]
        only: Option<test::Part>,
        /// Arguments for Playwright (`--only browser`) or for `cargo test` (`--only unit`)
        #[arg(last = true, requires = "only")]
        arguments: Vec<OsString>,
    },
    /// Measures verify against what bounds it and against its peers, and writes docs/benchmarks.md
    Bench(bench::Options),
    /// Feeds made-up input to what reads keys, tokens and headers, for as long as is wished
    Fuzz(fuzz::Options),
    /// Builds the browser's side alone, into target/site
    Site {
        /// Build fast instead of small: for daily work
        #[arg(long)]
        dev: bool,
    },
    /// Writes the program into dist/, ready to be copied to where it shall run
    Dist,
    /// Brings what the build and the tests need, and nothing else
    Setup,
}

fn main() -> ExitCode {
    match carry_out(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever waited ten minutes looks at the last line first.
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> Result<()> {
    match command {
        Command::Run { dev, arguments } => run::run(Build::from_flag(dev), &arguments),
        Command::Test { only, arguments } => test::test(only, &arguments),
        Command::Bench(options) => bench::bench(&options),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Site { dev } => {
            let mut steps = Steps::start();
            site::build_alone(Build::from_flag(dev), &mut steps)?;
            steps.print_summary();
            Ok(())
        }
        Command::Dist => dist::dist(),
        Command::Setup => setup::everything(),
    }
}
