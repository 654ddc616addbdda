//! `cargo xtask test`: every check there is, the fast ones first.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::server::cargo;
use crate::site::{self, Build};
use crate::step::Steps;
use crate::{paths, process, server, setup};

/// A part of the tests, for daily work.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Format and clippy
    Lint,
    /// Unit and integration tests
    Unit,
    /// Playwright
    Browser,
}

/// Runs the asked part, or all. The first failure ends it.
pub fn test(only: Option<Part>, arguments: &[OsString]) -> Result<()> {
    let wanted = |part| only.is_none_or(|only| only == part);
    let mut steps = Steps::start();
    if wanted(Part::Lint) {
        lint(&mut steps)?;
    }
    if wanted(Part::Unit) {
        unit(arguments, &mut steps)?;
    }
    if wanted(Part::Browser) {
        browser(arguments, &mut steps)?;
    }
    steps.print_summary();
    eprintln!("All tests passed.");
    Ok(())
}

fn lint(steps: &mut Steps) -> Result<()> {
    steps.run("format", || process::run(Command::new("cargo").args(["fmt", "--all", "--check"]).current_dir(paths::root())))?;
    setup::note_compiler();
    steps.run("clippy xtask", || clippy(&["--package", "xtask", "--all-targets"]))?;
    // In one go, lest the server be checked twice.
    steps.run("clippy server and bench", || clippy(&["--package", "latchkey", "--package", "bench", "--all-targets"]))?;
    // For this machine, not for wasm32: the same code is checked, and no second clippy is needed where
    // the wasm tool chain is not rustup's.
    steps.run("clippy browser", || clippy(&["--lib", "--no-default-features", "--features", "hydrate"]))
}

fn clippy(arguments: &[&str]) -> Result<()> {
    process::run(cargo("clippy").args(arguments).args(["--", "-D", "warnings"]))
}

fn unit(arguments: &[OsString], steps: &mut Steps) -> Result<()> {
    steps.run("xtask's tests", || process::run(cargo("test").args(["--package", "xtask"])))?;
    steps.run("set-up of moto", setup::moto)?;
    steps.run("set-up of aiosmtpd", setup::smtp)?;
    steps.run("set-up of PyJWT", setup::pyjwt)?;
    steps.run("set-up of nginx", setup::nginx)?;
    steps.run("set-up of schemathesis", setup::schemathesis)?;
    steps.run("set-up of jose and Unkey's SDK", setup::packages)?;
    steps.run("unit and integration tests", || process::run(cargo("test").args(["--package", "latchkey", "--package", "bench"]).args(arguments)))
}

fn browser(arguments: &[OsString], steps: &mut Steps) -> Result<()> {
    let tools = steps.run("set-up", || setup::for_build(Build::Release))?;
    let chromium = steps.run("set-up of Chromium", setup::chromium)?;
    // The site as it will be shipped, but the server that `cargo test` has built already.
    site::build(Build::Release, &tools, steps)?;
    steps.run("server", || process::run(&mut server::build_command(Build::Dev)))?;
    steps.run("browser tests", || {
        process::run(
            setup::npx().args(["playwright", "test"]).args(arguments).env("LATCHKEY_BIN", server::binary(Build::Dev)).env("CHROMIUM", chromium),
        )
    })
}
