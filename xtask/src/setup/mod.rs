//! What the machine must have before anything can be built. Each file brings one thing, says so when
//! it takes time, and costs next to nothing when the thing is there.

mod apt;
mod chromium;
mod compiler;
mod debian;
mod nginx;
mod node;
mod python;
mod wasm;

use anyhow::Result;

pub use self::chromium::ensure as chromium;
pub use self::compiler::note_if_another as note_compiler;
pub use self::nginx::ensure as nginx;
pub use self::node::{better_auth, ensure_packages as packages, npx};
pub use self::python::{drf, moto, pyjwt, schemathesis, smtp};
pub use self::wasm::Toolchain;

use crate::site::Build;
use crate::step::Steps;

/// The tools of a build.
pub struct Tools {
    /// What compiles the browser's side.
    pub wasm: Toolchain,
}

/// Brings what a build needs. A release also needs `wasm-opt`, which is a JavaScript package.
pub fn for_build(build: Build) -> Result<Tools> {
    let wasm = wasm::ensure()?;
    if build == Build::Release {
        node::ensure_packages()?;
    }
    Ok(Tools { wasm })
}

/// Brings all that any command needs.
pub fn everything() -> Result<()> {
    let mut steps = Steps::start();
    steps.run("tools of the build", || for_build(Build::Release))?;
    steps.run("Chromium", chromium)?;
    steps.run("moto", moto)?;
    steps.run("aiosmtpd", smtp)?;
    steps.run("PyJWT", pyjwt)?;
    steps.run("nginx", nginx)?;
    steps.run("schemathesis", schemathesis)?;
    steps.print_summary();
    Ok(())
}

/// Tells the user what is being done, where it may take a while.
fn say(what: &str) {
    eprintln!("    {what}");
}
