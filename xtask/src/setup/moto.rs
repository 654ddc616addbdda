//! moto: AWS's Security Token Service on this machine, for the integration tests. In a Python environment of its own under target/.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, say};
use crate::{paths, process};

/// Installs the packages of tests/moto.txt, unless just these are installed.
pub fn ensure() -> Result<()> {
    let wanted = fs::read(paths::inside("tests/moto.txt")).context("cannot read tests/moto.txt")?;
    if fs::read(stamp()).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    ensure_python()?;
    say("pip install in target/moto (moto, for the tests of connections to AWS)");
    // What an interrupted installation has left may be anything.
    let _ = fs::remove_dir_all(paths::moto());
    process::run(Command::new("python3").args(["-m", "venv"]).arg(paths::moto())).context("no Python environment could be made")?;
    let mut pip = Command::new(paths::moto().join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--requirement"]).arg(paths::inside("tests/moto.txt"));
    process::run(&mut pip).context("moto could not be installed")?;
    fs::write(stamp(), wanted).context("cannot write into target/moto")
}

/// Debian's Python comes without what makes environments.
fn ensure_python() -> Result<()> {
    let has_all = Command::new("python3").args(["-c", "import ensurepip, venv"]).output().is_ok_and(|tried| tried.status.success());
    if has_all { Ok(()) } else { apt::ensure(&["python3", "python3-venv"], "testing connections to AWS (moto)") }
}

/// A copy of the list that the installed packages were taken from.
fn stamp() -> PathBuf {
    paths::moto().join("installed.txt")
}
