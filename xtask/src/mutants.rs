//! Mutation tests: cargo-mutants changes the code that decides who may do what, and each change must fail a test. The files and the exceptions
//! are in `.cargo/mutants.toml`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{paths, process};

/// The version of cargo-mutants.
const VERSION: &str = "27.1.0";

/// The most mutants of a run: each one compiles its crate again.
const MUTANTS_MAX: usize = 400;

/// Tests at most [`MUTANTS_MAX`] mutants, evenly chosen from all files. Fails if a mutant is not found by the tests; they are listed in
/// `target/mutants.out/missed.txt`.
pub(crate) fn mutants() -> Result<()> {
    ensure_cargo_mutants()?;
    let count = process::output(command().arg("--list"))?.lines().count();
    if count == 0 {
        bail!("there are no mutants: check examine_globs in .cargo/mutants.toml");
    }
    let shards = count.div_ceil(MUTANTS_MAX);
    eprintln!("    {count} mutants in {shards} shards, of which the first is tested");
    process::run(command().args(["--shard", &format!("0/{shards}"), "--sharding", "round-robin", "--no-shuffle", "--output"]).arg(paths::target()))
}

fn command() -> Command {
    let mut command = Command::new("cargo");
    process::clear_xtask_env(&mut command);
    // So that cargo finds the `cargo-mutants` installed in target/tools.
    command.env("PATH", with_tools()).args(["mutants", "--dir"]).arg(paths::root()).current_dir(paths::root());
    command
}

fn ensure_cargo_mutants() -> Result<()> {
    if tools().join("bin/cargo-mutants").is_file() {
        return Ok(());
    }
    let mut install = Command::new("cargo");
    process::clear_xtask_env(&mut install);
    process::run(install.args(["install", "cargo-mutants", "--locked", "--version", VERSION, "--root"]).arg(tools()))
}

fn tools() -> PathBuf {
    paths::inside("target/tools")
}

fn with_tools() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}
