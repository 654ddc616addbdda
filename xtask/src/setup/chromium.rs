//! A Chromium for the browser tests: the one in `CHROMIUM`, Debian's, or Playwright's.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{apt, node, print_note};
use crate::{paths, process};

/// The environment variable with the path of a browser; the tests read it too.
const VARIABLE: &str = "CHROMIUM";

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Playwright's Chromium is a download of 180 MB. It is tried only if no package can be installed.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(5);

/// Finds a Chromium, or installs one.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return configured(path.into());
    }
    if let Some(found) = installed() {
        return Ok(found);
    }
    if apt::is_available() && apt::is_root() {
        if let Err(error) = apt::ensure(&["chromium"], "testing in a browser") {
            print_note(&format!("{error:#}"));
        }
    } else {
        download();
    }
    match installed() {
        Some(found) => Ok(found),
        None => bail!(
            "the browser tests need Chromium, and it could not be installed here. Run this once, then try again:\n\n    {}\n\n\
             or set {VARIABLE} to the path of a Chromium",
            apt::install_line(&["chromium"])
        ),
    }
}

fn configured(path: PathBuf) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("{VARIABLE} is {}, which does not exist", path.display());
    }
    Ok(path)
}

fn installed() -> Option<PathBuf> {
    process::find_program(&NAMES).or_else(playwrights)
}

/// The path of Playwright's Chromium, if it is installed.
fn playwrights() -> Option<PathBuf> {
    let mut query = Command::new("node");
    query.args(["--print", "require('@playwright/test').chromium.executablePath()"]).current_dir(paths::end2end());
    let path = PathBuf::from(process::output(&mut query).ok()?);
    path.is_file().then_some(path)
}

fn download() {
    print_note(&format!("downloading Playwright's Chromium (at most {} min)", DOWNLOAD_LIMIT.as_secs() / 60));
    let mut command = node::npx();
    command.args(["playwright", "install", "chromium"]).env_remove("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD");
    if let Err(error) = process::run_within(DOWNLOAD_LIMIT, &mut command) {
        print_note(&format!("{error:#}"));
    }
}
