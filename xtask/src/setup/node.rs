//! The JavaScript packages: Playwright for the browser tests, binaryen for `wasm-opt`, jose and Unkey's SDK for the integration tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, say};
use crate::{paths, process};

/// Installs the packages of end2end/package-lock.json, unless just these are installed.
pub fn ensure_packages() -> Result<()> {
    ensure_node()?;
    let lock = fs::read(paths::end2end().join("package-lock.json")).context("cannot read end2end/package-lock.json")?;
    if fs::read(stamp()).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say("npm ci in end2end/ (Playwright, binaryen, jose, @unkey/api)");
    process::run(npm().args(["ci", "--no-audit", "--no-fund"])).context("the JavaScript packages could not be installed")?;
    fs::write(stamp(), lock).context("cannot write into end2end/node_modules")
}

/// `npx` for the packages of end2end/, in that folder.
pub fn npx() -> Command {
    let mut command = in_end2end("npx");
    // Only what the lock file names: nothing is fetched on the way.
    command.arg("--no-install");
    command
}

fn ensure_node() -> Result<()> {
    if process::find_program(&["node"]).is_some() && process::find_program(&["npm"]).is_some() {
        return Ok(());
    }
    apt::ensure(&["nodejs", "npm"], "the build (wasm-opt), the browser and the integration tests")
}

fn npm() -> Command {
    in_end2end("npm")
}

fn in_end2end(program: &str) -> Command {
    let mut command = Command::new(program);
    // The browser is a step of its own: see chromium.rs.
    command.current_dir(paths::end2end()).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    command
}

/// A copy of the lock file that the installed packages were taken from.
fn stamp() -> PathBuf {
    paths::end2end().join("node_modules/.installed-lock.json")
}
