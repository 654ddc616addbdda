//! Installs what the build and the tests need. Each module ensures one dependency, prints a note before slow steps, and returns quickly if the
//! dependency is already installed.

mod apt;
mod chromium;
mod compiler;
mod debian;
mod faults;
mod node;
mod proxies;
mod python;
mod wasm;

use anyhow::Result;

pub(crate) use self::chromium::ensure as chromium;
pub(crate) use self::compiler::warn_if_unpinned as warn_if_compiler_unpinned;
pub(crate) use self::faults::{postgres, postgres_binaries, strace};
pub(crate) use self::node::{better_auth, ensure_packages as packages, npx};
pub(crate) use self::proxies::ensure as proxies;
pub(crate) use self::python::{drf, litellm, moto, pyjwt, schemathesis, sdks, smtp};
pub(crate) use self::wasm::{TARGET as WASM_TARGET, Toolchain};

use crate::step::Steps;

/// The tools of a build.
pub(crate) struct Tools {
    /// The compiler of the wasm build.
    pub wasm: Toolchain,
}

/// Installs what a build needs. The fonts and `wasm-opt` are JavaScript packages.
pub(crate) fn for_build() -> Result<Tools> {
    let wasm = wasm::ensure()?;
    node::ensure_packages()?;
    Ok(Tools { wasm })
}

/// Installs what any command needs.
pub(crate) fn install_all() -> Result<()> {
    let mut steps = Steps::start();
    steps.run("build tools", for_build)?;
    steps.run("Chromium", chromium)?;
    steps.run("moto", moto)?;
    steps.run("aiosmtpd", smtp)?;
    steps.run("PyJWT", pyjwt)?;
    steps.run("OpenAI's and Anthropic's SDKs", sdks)?;
    steps.run("nginx, Caddy and HAProxy", proxies)?;
    steps.run("schemathesis", schemathesis)?;
    steps.run("PostgreSQL", postgres)?;
    steps.run("strace", strace)?;
    steps.print_summary();
    Ok(())
}

/// Prints a note, such as before a slow step.
fn print_note(message: &str) {
    eprintln!("    {message}");
}
