//! The JavaScript packages: Playwright for the browser tests, binaryen for `wasm-opt`, jose and Unkey's SDK for the integration tests;
//! better-auth for the benchmarks.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, say};
use crate::{paths, process};

/// Brings what the build and the tests need.
pub fn ensure_packages() -> Result<()> {
    ensure("end2end", "Playwright, binaryen, jose, @unkey/api", "the build (wasm-opt), the browser and the integration tests")
}

/// Brings better-auth.
pub fn better_auth() -> Result<()> {
    ensure("bench/better-auth", "better-auth", "the benchmarks")
}

/// Installs the packages of a folder's package-lock.json, unless just these are installed.
fn ensure(folder: &str, what: &str, serves: &str) -> Result<()> {
    ensure_node(serves)?;
    let place = paths::inside(folder);
    let lock = fs::read(place.join("package-lock.json")).with_context(|| format!("cannot read {folder}/package-lock.json"))?;
    // A copy of the lock file that the installed packages were taken from.
    let stamp = place.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say(&format!("npm ci in {folder}/ ({what})"));
    process::run(command_in("npm", &place).args(["ci", "--no-audit", "--no-fund"]))
        .with_context(|| format!("the JavaScript packages of {folder} could not be installed"))?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write into {folder}/node_modules"))
}

/// `npx` for the packages of end2end/, in that folder.
pub fn npx() -> Command {
    let mut command = command_in("npx", &paths::end2end());
    // Only what the lock file names: nothing is fetched on the way.
    command.arg("--no-install");
    command
}

fn ensure_node(serves: &str) -> Result<()> {
    if process::find_program(&["node"]).is_some() && process::find_program(&["npm"]).is_some() {
        return Ok(());
    }
    apt::ensure(&["nodejs", "npm"], serves)
}

fn command_in(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    // The browser is a step of its own: see chromium.rs.
    command.current_dir(folder).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    command
}
