//! A Chromium for the browser tests: the one named, Debian's, or Playwright's own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{apt, node, say};
use crate::{paths, process};

/// The variable that names a browser; the tests read it too.
const VARIABLE: &str = "CHROMIUM";

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Playwright's own is a download of 180 MB. It is tried only where no package can be installed.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(5);

/// Finds a Chromium, or installs one.
pub fn ensure() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return named_one(named.into());
    }
    if let Some(found) = installed() {
        return Ok(found);
    }
    if apt::is_available() && apt::is_root() {
        if let Err(error) = apt::ensure(&["chromium"], "testing in a browser") {
            say(&format!("{error:#}"));
        }
    } else {
        download();
    }
    match installed() {
        Some(found) => Ok(found),
        None => bail!(
            "the browser tests need Chromium, and it could not be installed here. Run this once, then try again:\n\n    {}\n\n\
             or name a Chromium of yours in the variable {VARIABLE}",
            apt::install_line(&["chromium"])
        ),
    }
}

fn named_one(path: PathBuf) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("{VARIABLE} names {}, which is not there", path.display());
    }
    Ok(path)
}

fn installed() -> Option<PathBuf> {
    process::find_program(&NAMES).or_else(playwrights_own)
}

/// Where Playwright has put its own, when it has.
fn playwrights_own() -> Option<PathBuf> {
    let mut query = Command::new("node");
    query.args(["--print", "require('@playwright/test').chromium.executablePath()"]).current_dir(paths::end2end());
    let path = PathBuf::from(process::output(&mut query).ok()?);
    path.is_file().then_some(path)
}

fn download() {
    say(&format!("downloading Playwright's Chromium (at most {} min)", DOWNLOAD_LIMIT.as_secs() / 60));
    let mut command = node::npx();
    command.args(["playwright", "install", "chromium"]).env_remove("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD");
    if let Err(error) = process::run_within(DOWNLOAD_LIMIT, &mut command) {
        say(&format!("{error:#}"));
    }
}
