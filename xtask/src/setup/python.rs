//! Python services and libraries for the integration tests and benchmarks, each in its own virtual environment under target/.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, print_note};
use crate::{paths, process};

/// A virtual environment in `target/<name>`.
struct Environment {
    name: &'static str,
    /// The path of its requirements file.
    list: &'static str,
    /// Used in messages.
    purpose: &'static str,
}

/// A mock of AWS's Security Token Service.
const MOTO: Environment = Environment { name: "moto", list: "tests/moto.txt", purpose: "the tests of connections to AWS" };
/// A mail server: aiosmtpd.
const SMTP: Environment = Environment { name: "smtp", list: "tests/smtp.txt", purpose: "the tests of mail" };
/// An independent implementation to check project keys with.
const PYJWT: Environment = Environment { name: "pyjwt", list: "tests/pyjwt.txt", purpose: "the tests of project keys" };
/// Property-based tests generated from the OpenAPI description.
const SCHEMATHESIS: Environment = Environment { name: "schemathesis", list: "tests/schemathesis.txt", purpose: "the tests of the API's description" };
/// A newer Caddy than Debian's.
const CADDY: Environment = Environment { name: "caddy", list: "tests/caddy.txt", purpose: "the tests of forward-auth" };
/// The SDKs of `OpenAI` and Anthropic.
const SDKS: Environment = Environment { name: "sdks", list: "tests/sdks.txt", purpose: "the tests of the gateway for language models" };
/// `LiteLLM`'s proxy, which the benchmarks compare with. Its list has hashes.
const LITELLM: Environment = Environment { name: "litellm", list: "bench/litellm/requirements.txt", purpose: "the benchmarks" };
/// djangorestframework-api-key, which the benchmarks compare with.
const DRF: Environment = Environment { name: "drf", list: "bench/drf/requirements.txt", purpose: "the benchmarks" };

pub(crate) fn moto() -> Result<()> {
    ensure(&MOTO)
}

pub(crate) fn smtp() -> Result<()> {
    ensure(&SMTP)
}

pub(crate) fn pyjwt() -> Result<()> {
    ensure(&PYJWT)
}

pub(crate) fn schemathesis() -> Result<()> {
    ensure(&SCHEMATHESIS)
}

pub(super) fn caddy() -> Result<()> {
    ensure(&CADDY)
}

pub(crate) fn sdks() -> Result<()> {
    ensure(&SDKS)
}

pub(crate) fn litellm() -> Result<()> {
    ensure(&LITELLM)
}

pub(crate) fn drf() -> Result<()> {
    ensure(&DRF)
}

/// Installs the packages of an environment, unless these versions are already installed.
fn ensure(Environment { name, list, purpose }: &Environment) -> Result<()> {
    let folder = paths::python(name);
    // A copy of the requirements file that the packages were installed from.
    let stamp = folder.join("installed.txt");
    let requirements = fs::read(paths::inside(list)).with_context(|| format!("cannot read {list}"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == requirements) {
        return Ok(());
    }
    ensure_python(purpose)?;
    print_note(&format!("pip install in target/{name} (for {purpose})"));
    // An interrupted installation may have left an incomplete environment.
    let _ = fs::remove_dir_all(&folder);
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).context("cannot create a Python virtual environment")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--requirement"]).arg(paths::inside(list));
    process::run(&mut pip).with_context(|| format!("the packages of {list} could not be installed"))?;
    fs::write(&stamp, requirements).with_context(|| format!("cannot write into target/{name}"))
}

/// Debian's Python lacks the `venv` module unless it is installed separately.
fn ensure_python(purpose: &str) -> Result<()> {
    let has_all = Command::new("python3").args(["-c", "import ensurepip, venv"]).output().is_ok_and(|output| output.status.success());
    if has_all { Ok(()) } else { apt::ensure(&["python3", "python3-venv"], purpose) }
}
