//! `cargo xtask bench`: brings, builds and starts all that is measured. What measures is a program of its own, in bench/.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::server::cargo;
use crate::site::Build;
use crate::step::Steps;
use crate::{paths, process, run, setup};

/// The figure that Criterion measures.
const IN_PROCESS: u8 = 3;
/// The figure that needs the peers.
const PEERS: u8 = 4;

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Try everything out in a minute, small and short; nothing is written down
    #[arg(long)]
    quick: bool,
    /// Only this figure, 1 to 5; nothing is written down
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    only: Option<u8>,
}

impl Options {
    fn wants(&self, figure: u8) -> bool {
        self.only.is_none_or(|only| only == figure)
    }
}

/// Measures. What can't be brought or built is a figure that is not met, and does not keep the others from being measured.
pub fn bench(options: &Options) -> Result<()> {
    // The program as it is shipped.
    run::build_all(Build::Release)?;
    let mut steps = Steps::start();
    if options.wants(PEERS) {
        note(steps.run("set-up of better-auth", setup::better_auth));
        note(steps.run("set-up of djangorestframework-api-key", setup::drf));
    }
    steps.run("bench", || process::run(cargo("build").args(["--release", "--package", "bench", "--bins"])))?;
    if options.wants(IN_PROCESS) {
        note(steps.run("Criterion", || process::run(&mut criterion(options.quick))));
    }
    let mut measuring = Command::new(paths::target().join("release/bench"));
    measuring.args(options.quick.then_some("--quick")).args(options.only.map(|only| format!("--only={only}")));
    steps.run("measuring", || process::run(&mut measuring))?;
    steps.print_summary();
    Ok(())
}

fn criterion(quick: bool) -> Command {
    let mut command = cargo("bench");
    command.args(["--package", "bench", "--bench", "verify", "--", "--noplot"]).args(quick.then_some("--quick"));
    command
}

fn note(tried: Result<()>) {
    if let Err(error) = tried {
        eprintln!("    {error:#}");
    }
}
