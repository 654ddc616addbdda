//! `cargo xtask test`: every check, the fast ones first.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::postgres::{self, Postgres};
use crate::server::cargo;
use crate::site::{self, Build};
use crate::step::Steps;
use crate::{css_classes, paths, process, server, setup, sqlite_only, wording};

/// A part of the tests that can be run separately.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Format, CSS classes and clippy
    Lint,
    /// Unit and integration tests, on SQLite
    Unit,
    /// Unit and integration tests that use the database, on PostgreSQL
    Postgres,
    /// Playwright
    Browser,
}

/// Runs one part of the tests, or all. Stops at the first failure.
pub(crate) fn test(only: Option<Suite>, arguments: &[OsString]) -> Result<()> {
    let includes = |part| only.is_none_or(|only| only == part);
    let mut steps = Steps::start();
    if includes(Suite::Lint) {
        lint(&mut steps)?;
    }
    if includes(Suite::Unit) {
        unit(arguments, &mut steps)?;
    }
    if includes(Suite::Postgres) {
        on_postgres(arguments, &mut steps)?;
    }
    if includes(Suite::Browser) {
        browser(arguments, &mut steps)?;
    }
    steps.print_summary();
    eprintln!("All tests passed.");
    Ok(())
}

fn lint(steps: &mut Steps) -> Result<()> {
    steps.run("format", || process::run(Command::new("cargo").args(["fmt", "--all", "--check"]).current_dir(paths::root())))?;
    steps.run("CSS classes", css_classes::check)?;
    steps.run("wording", wording::check)?;
    setup::warn_if_compiler_unpinned();
    steps.run("clippy xtask", || clippy(&["--package", "xtask", "--all-targets"]))?;
    // In one command, so that shared crates are checked only once. xtask is separate: together, their features would be unified.
    steps.run("clippy", || clippy(&["--workspace", "--exclude", "xtask", "--all-targets"]))?;
    // For the host, not for wasm32: this checks the same code, and a wasm toolchain that is not rustup's may lack clippy.
    steps.run("clippy browser", || clippy(&["--package", "latchkey", "--package", "latchkey-ui", "--features", "latchkey/hydrate"]))?;
    steps.run("clippy entrance", || clippy(&["--package", "latchkey", "--features", "latchkey/entrance"]))?;
    steps.run("dependencies of the browser", check_browser_dependencies)
}

/// Server crates that must not be compiled for the browser.
const SERVER_ONLY: [&str; 6] = ["axum", "hyper", "reqwest", "sqlx", "tokio", "utoipa"];

/// A feature that is enabled by mistake would add server crates to the wasm build.
fn check_browser_dependencies() -> Result<()> {
    let mut tree = Command::new("cargo");
    tree.current_dir(paths::root()).args([
        "tree",
        "--package",
        "latchkey-frontend",
        "--target",
        site::TARGET,
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let listed = process::output(&mut tree)?;
    let crates = listed.lines().filter_map(|line| line.split_whitespace().next());
    match crates.into_iter().find(|name| SERVER_ONLY.contains(name)) {
        Some(name) => bail!("the browser build depends on `{name}`: `cargo tree --package latchkey-frontend --target {} -i {name}`", site::TARGET),
        None => Ok(()),
    }
}

fn clippy(arguments: &[&str]) -> Result<()> {
    process::run(cargo("clippy").args(arguments).args(["--", "-D", "warnings"]))
}

fn unit(arguments: &[OsString], steps: &mut Steps) -> Result<()> {
    steps.run("xtask's tests", || process::run(cargo("test").args(["--package", "xtask"])))?;
    set_up_tests(steps)?;
    let mut tests = cargo("test");
    tests.args(["--workspace", "--exclude", "xtask"]).args(arguments).env_remove(postgres::VARIABLE);
    steps.run("unit and integration tests", || process::run(&mut tests))
}

/// Crates whose unit tests use the database. `bench` and the program are selected with them, so that all dependencies have the same features as in
/// [`unit`] and nothing is compiled again.
const ON_POSTGRES: [&str; 6] = ["bench", "latchkey-program", "latchkey-core", "latchkey-store", "latchkey-test-db", "latchkey-verify"];

fn on_postgres(arguments: &[OsString], steps: &mut Steps) -> Result<()> {
    set_up_tests(steps)?;
    let server = steps.run("start of PostgreSQL", Postgres::start)?;
    let tests = |targets: &[&str], arguments: &[OsString]| {
        let mut command = cargo("test");
        command.args(ON_POSTGRES.iter().flat_map(|package| ["--package", *package])).args(targets).args(arguments);
        process::run(command.env(postgres::VARIABLE, server.url()))
    };
    steps.run("unit tests on PostgreSQL", || tests(&["--lib"], arguments))?;
    steps.run("integration tests on PostgreSQL", || tests(&["--test", "integration"], &sqlite_only::leave_out(arguments)))
}

/// Installs what the unit and integration tests need.
fn set_up_tests(steps: &mut Steps) -> Result<()> {
    steps.run("setup of moto", setup::moto)?;
    steps.run("setup of aiosmtpd", setup::smtp)?;
    steps.run("setup of PyJWT", setup::pyjwt)?;
    steps.run("setup of OpenAI's and Anthropic's SDKs", setup::sdks)?;
    steps.run("setup of nginx, Caddy and HAProxy", setup::proxies)?;
    steps.run("setup of schemathesis", setup::schemathesis)?;
    steps.run("setup of PostgreSQL", setup::postgres)?;
    steps.run("setup of strace", setup::strace)?;
    steps.run("setup of jose and the SDKs for JavaScript", setup::packages)
}

fn browser(arguments: &[OsString], steps: &mut Steps) -> Result<()> {
    steps.run("setup of moto", setup::moto)?;
    steps.run("setup of nginx, Caddy and HAProxy", setup::proxies)?;
    steps.run("setup of PostgreSQL", setup::postgres)?;
    let mut playwright = playwright(steps)?;
    let server = steps.run("start of PostgreSQL", Postgres::start)?;
    steps.run("browser tests", || process::run(playwright.args(arguments).env(postgres::VARIABLE, server.url())))
}

/// Builds what is shown in the browser, and returns the command `playwright test`.
pub(crate) fn playwright(steps: &mut Steps) -> Result<Command> {
    let tools = steps.run("setup", setup::for_build)?;
    let chromium = steps.run("setup of Chromium", setup::chromium)?;
    // The release site, but the debug server, which `cargo test` has already built.
    site::build(Build::Release, &tools, steps)?;
    steps.run("server", || process::run(&mut server::build_command_of_tests()))?;
    let mut command = setup::npx();
    command.args(["playwright", "test"]).env("LATCHKEY_BIN", server::binary(Build::Dev)).env("CHROMIUM", chromium);
    Ok(command)
}
