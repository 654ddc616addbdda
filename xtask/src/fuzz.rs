//! `cargo xtask fuzz`: runs cargo-fuzz with the flags that these sources need, on the installed compiler.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::step::Steps;
use crate::{paths, process};

/// The version of cargo-fuzz.
const VERSION: &str = "0.13.2";

#[derive(Args)]
pub(crate) struct Options {
    /// Run only this target
    #[arg(long, value_enum)]
    only: Option<Target>,
    /// Number of inputs per target
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
}

/// A file of `fuzz/fuzz_targets`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Target {
    /// The key format check
    Key,
    /// The project key (JWT) check
    Token,
    /// The request body of verify
    Verify,
    /// The request headers of forward-auth
    ForwardAuth,
}

/// Runs each target. The first failing input ends the run and is saved in fuzz/artifacts.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    let mut steps = Steps::start();
    steps.run("setup of cargo-fuzz", ensure_cargo_fuzz)?;
    for target in Target::value_variants().iter().filter(|target| options.only.is_none_or(|only| only == **target)) {
        let name = target.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        steps.run(&format!("fuzz {name}"), || process::run(&mut command(&name, options.runs)?))?;
    }
    steps.print_summary();
    Ok(())
}

/// Inputs that reach new code are kept in fuzz/corpus for the next run.
fn command(target: &str, runs: u64) -> Result<Command> {
    let folder = paths::inside("fuzz");
    let (corpus, seeds) = (format!("corpus/{target}"), format!("seeds/{target}"));
    fs::create_dir_all(folder.join(&corpus)).context("cannot create fuzz/corpus")?;
    // Fuzz with the crate versions of the main build; cargo adds those that only fuzzing needs.
    fs::copy(paths::inside("Cargo.lock"), folder.join("Cargo.lock")).context("cannot copy Cargo.lock into fuzz/")?;
    let mut command = Command::new("cargo");
    process::clear_xtask_env(&mut command);
    command
        // So that cargo finds the `cargo-fuzz` installed in target/tools.
        .env("PATH", with_tools())
        .args(["fuzz", "run", "--sanitizer", "none", "--target-dir"])
        .arg(paths::inside("target/fuzz"))
        .args([target, &corpus, &seeds, "--", &format!("-runs={runs}"), "-max_len=8192", "-timeout=10"])
        .current_dir(folder)
        // cargo-fuzz's own flags replace those in .cargo/config.toml, and some of them need a nightly compiler.
        .env("RUSTFLAGS", "--cfg erase_components")
        .env("RUSTC_BOOTSTRAP", "1");
    Ok(command)
}

fn ensure_cargo_fuzz() -> Result<()> {
    if tools().join("bin/cargo-fuzz").is_file() {
        return Ok(());
    }
    let mut install = Command::new("cargo");
    process::clear_xtask_env(&mut install);
    process::run(install.args(["install", "cargo-fuzz", "--version", VERSION, "--root"]).arg(tools()))
}

fn tools() -> PathBuf {
    paths::inside("target/tools")
}

fn with_tools() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}
