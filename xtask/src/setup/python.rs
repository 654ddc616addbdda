//! Services and libraries of others on this machine, for the integration tests. Each in a Python environment of its own under target/.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, say};
use crate::{paths, process};

/// An environment in `target/<name>`.
struct Environment {
    name: &'static str,
    /// The list of its packages.
    list: &'static str,
    /// What it is for.
    serves: &'static str,
}

/// AWS's Security Token Service.
const MOTO: Environment = Environment { name: "moto", list: "tests/moto.txt", serves: "the tests of connections to AWS" };
/// A mail server.
const SMTP: Environment = Environment { name: "smtp", list: "tests/smtp.txt", serves: "the tests of mail" };
/// What other services check tokens with.
const PYJWT: Environment = Environment { name: "pyjwt", list: "tests/pyjwt.txt", serves: "the tests of project keys" };
/// What calls the API in every way that its description allows, and in many that it does not.
const SCHEMATHESIS: Environment = Environment { name: "schemathesis", list: "tests/schemathesis.txt", serves: "the tests of the API's description" };
/// A peer that Latchkey is measured against.
const DRF: Environment = Environment { name: "drf", list: "bench/drf/requirements.txt", serves: "the benchmarks" };

/// Brings moto.
pub fn moto() -> Result<()> {
    ensure(&MOTO)
}

/// Brings aiosmtpd.
pub fn smtp() -> Result<()> {
    ensure(&SMTP)
}

/// Brings `PyJWT`.
pub fn pyjwt() -> Result<()> {
    ensure(&PYJWT)
}

/// Brings schemathesis.
pub fn schemathesis() -> Result<()> {
    ensure(&SCHEMATHESIS)
}

/// Brings djangorestframework-api-key.
pub fn drf() -> Result<()> {
    ensure(&DRF)
}

/// Installs its packages, unless just these are installed.
fn ensure(Environment { name, list, serves }: &Environment) -> Result<()> {
    let folder = paths::python(name);
    // A copy of the list that the installed packages were taken from.
    let stamp = folder.join("installed.txt");
    let wanted = fs::read(paths::inside(list)).with_context(|| format!("cannot read {list}"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    ensure_python(serves)?;
    say(&format!("pip install in target/{name} (for {serves})"));
    // What an interrupted installation has left may be anything.
    let _ = fs::remove_dir_all(&folder);
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).context("no Python environment could be made")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--requirement"]).arg(paths::inside(list));
    process::run(&mut pip).with_context(|| format!("the packages of {list} could not be installed"))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write into target/{name}"))
}

/// Debian's Python comes without what makes environments.
fn ensure_python(serves: &str) -> Result<()> {
    let has_all = Command::new("python3").args(["-c", "import ensurepip, venv"]).output().is_ok_and(|tried| tried.status.success());
    if has_all { Ok(()) } else { apt::ensure(&["python3", "python3-venv"], serves) }
}
