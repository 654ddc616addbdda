//! Setup, build and test commands.
//!
//! `cargo xtask run` and `cargo xtask test` are the main ones; see docs/building.md for the rest.

mod bench;
mod css_classes;
mod dist;
mod fuzz;
mod mutants;
mod paths;
mod pictures;
mod postgres;
mod process;
mod run;
mod server;
mod setup;
mod site;
mod soak;
mod sqlite_only;
mod step;
mod test;
mod wording;

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
    /// Set up the machine, build, and serve <http://127.0.0.1:3000> with data in ./data
    Run {
        /// Optimize for build time instead of size, for development
        #[arg(long)]
        dev: bool,
        /// Arguments for `latchkey serve`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Set up the machine and run every check: format, clippy, unit, integration on SQLite and PostgreSQL, browser
    Test {
        /// Run only this part of the tests
        #[arg(long, value_enum)]
        only: Option<test::Suite>,
        /// Arguments for Playwright (`--only browser`) or for `cargo test` (`--only unit` and `--only postgres`)
        #[arg(last = true, requires = "only")]
        arguments: Vec<OsString>,
    },
    /// Benchmark verify against its lower bounds and against other products, and write docs/benchmarks.md
    Bench(bench::Options),
    /// Fuzz the parsers of keys, tokens, bodies and headers
    Fuzz(fuzz::Options),
    /// Run the fault tests in their long form (hours), and write docs/reliability.md and docs/instances.md
    Soak(soak::Options),
    /// Take pictures of every page and dialog, with an overview in target/pictures/index.html
    Pictures(pictures::Options),
    /// Build only the site (the browser's files), into target/site
    Site {
        /// Optimize for build time instead of size, for development
        #[arg(long)]
        dev: bool,
    },
    /// Build the release into dist/, ready to be copied to a server
    Dist,
    /// Install what the build and the tests need
    Setup,
}

fn main() -> ExitCode {
    match execute(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The error goes last, after minutes of output.
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Run { dev, arguments } => run::run(Build::from_flag(dev), &arguments),
        Command::Test { only, arguments } => test::test(only, &arguments),
        Command::Bench(options) => bench::bench(&options),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Soak(options) => soak::soak(&options),
        Command::Pictures(options) => pictures::pictures(&options),
        Command::Site { dev } => {
            let mut steps = Steps::start();
            site::build_site(Build::from_flag(dev), &mut steps)?;
            steps.print_summary();
            Ok(())
        }
        Command::Dist => dist::dist(),
        Command::Setup => setup::install_all(),
    }
}
