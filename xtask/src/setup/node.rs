//! The JavaScript packages: Playwright for the browser tests, binaryen for `wasm-opt`, the fonts, jose and the SDKs of Unkey, `OpenAI` and Anthropic
//! for the integration tests; better-auth for the benchmarks.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, print_note};
use crate::{paths, process};

/// Installs the packages of the build and the tests.
pub(crate) fn ensure_packages() -> Result<()> {
    ensure(
        "end2end",
        "Playwright, binaryen, fonts, jose, @unkey/api, openai, @anthropic-ai/sdk",
        "the build (wasm-opt, fonts), the browser and the integration tests",
    )
}

pub(crate) fn better_auth() -> Result<()> {
    ensure("bench/better-auth", "better-auth", "the benchmarks")
}

/// Installs the packages of a folder's package-lock.json, unless these versions are already installed.
fn ensure(folder: &str, what: &str, purpose: &str) -> Result<()> {
    ensure_node(purpose)?;
    let directory = paths::inside(folder);
    let lock = fs::read(directory.join("package-lock.json")).with_context(|| format!("cannot read {folder}/package-lock.json"))?;
    // A copy of the lock file that the packages were installed from.
    let stamp = directory.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    print_note(&format!("npm ci in {folder}/ ({what})"));
    process::run(command_in("npm", &directory).args(["ci", "--no-audit", "--no-fund"]))
        .with_context(|| format!("the JavaScript packages of {folder} could not be installed"))?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write into {folder}/node_modules"))
}

/// `npx` in end2end/.
pub(crate) fn npx() -> Command {
    let mut command = command_in("npx", &paths::end2end());
    // Use only installed packages; download nothing.
    command.arg("--no-install");
    command
}

fn ensure_node(purpose: &str) -> Result<()> {
    if process::find_program(&["node"]).is_some() && process::find_program(&["npm"]).is_some() {
        return Ok(());
    }
    apt::ensure(&["nodejs", "npm"], purpose)
}

fn command_in(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    // chromium.rs installs the browser in a separate step.
    command.current_dir(folder).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    command
}
