//! `cargo xtask bench`: installs, builds and starts everything that is measured. The benchmark runner itself is the program in bench/.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::server::cargo;
use crate::site::Build;
use crate::step::Steps;
use crate::{paths, process, run, setup};

/// The number of the figure that Criterion measures.
const IN_PROCESS: u8 = 3;
/// The number of the figure that compares verify with other products.
const PEERS: u8 = 4;
/// The number of the figure that measures calls of language models, also against another product.
const MODELS: u8 = 8;
/// The number of the figure that measures queries of documents, also on PostgreSQL.
const DOCUMENTS: u8 = 9;
/// The number of the figure that measures several instances on PostgreSQL.
const INSTANCES: u8 = 10;

#[derive(Args)]
pub(crate) struct Options {
    /// Run every figure briefly, in about a minute; no results are written
    #[arg(long)]
    quick: bool,
    /// Run only this figure, 1 to 10; for 6 to 10 (`writes`, `gateway`, `models`, `documents`, `instances`) its results are written
    #[arg(long, value_parser = figure)]
    only: Option<u8>,
    /// The program of an earlier version, with which figure 10 compares the number of writes per second
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
}

/// The number of a figure, from its number or its name.
fn figure(text: &str) -> Result<u8, String> {
    match text {
        "writes" => Ok(6),
        "gateway" => Ok(7),
        "models" => Ok(MODELS),
        "documents" => Ok(DOCUMENTS),
        "instances" => Ok(INSTANCES),
        _ => {
            let number = text.parse().ok().filter(|number| (1..=INSTANCES).contains(number));
            number.ok_or_else(|| "use 1 to 10, `writes`, `gateway`, `models`, `documents` or `instances`".to_owned())
        }
    }
}

impl Options {
    fn includes(&self, figure: u8) -> bool {
        self.only.is_none_or(|only| only == figure)
    }
}

/// Runs the benchmarks. If something cannot be installed or built, its figure counts as not met and the others are still measured.
pub(crate) fn bench(options: &Options) -> Result<()> {
    // Measure the release build, which is what users run.
    run::build_all(Build::Release)?;
    let mut steps = Steps::start();
    if options.includes(PEERS) {
        report_failure(steps.run("setup of better-auth", setup::better_auth));
        report_failure(steps.run("setup of djangorestframework-api-key", setup::drf));
    }
    if options.includes(MODELS) {
        report_failure(steps.run("setup of LiteLLM", setup::litellm));
    }
    if options.includes(DOCUMENTS) || options.includes(INSTANCES) {
        report_failure(steps.run("setup of PostgreSQL", setup::postgres));
    }
    steps.run("bench", || process::run(cargo("build").args(["--release", "--package", "bench", "--bins"])))?;
    if options.includes(IN_PROCESS) {
        report_failure(steps.run("Criterion", || process::run(&mut criterion(options.quick))));
    }
    let mut runner = Command::new(paths::target().join("release/bench"));
    runner.args(options.quick.then_some("--quick")).args(options.only.map(|only| format!("--only={only}")));
    if let Some(before) = &options.before {
        runner.arg("--before").arg(before);
    }
    steps.run("measuring", || process::run(&mut runner))?;
    steps.print_summary();
    Ok(())
}

fn criterion(quick: bool) -> Command {
    let mut command = cargo("bench");
    command.args(["--package", "bench", "--bench", "verify", "--", "--noplot"]).args(quick.then_some("--quick"));
    command
}

fn report_failure(result: Result<()>) {
    if let Err(error) = result {
        eprintln!("    {error:#}");
    }
}
