//! The server binary: its build command and its path.

use std::path::PathBuf;
use std::process::Command;

use crate::site::Build;
use crate::{paths, process};

pub(crate) fn build_command(build: Build) -> Command {
    let mut command = cargo("build");
    command.args(["--bin", "latchkey"]);
    if build == Build::Release {
        command.arg("--release");
    }
    command
}

/// The command that builds the server as `cargo test` has built it, so that nothing is compiled twice.
pub(crate) fn build_command_of_tests() -> Command {
    let mut command = cargo("build");
    // The features of dependencies depend on which packages are selected, and whether their tests are: with `--examples`, of which there are none,
    // cargo adds the dependencies of tests.
    command.args(["--workspace", "--exclude", "xtask", "--bin", "latchkey", "--examples"]);
    command
}

/// The path of the binary that [`build_command`] builds.
pub(crate) fn binary(build: Build) -> PathBuf {
    let profile = match build {
        Build::Release => "release",
        Build::Dev => "debug",
    };
    paths::target().join(profile).join("latchkey")
}

/// A cargo command for the host target: server, tests and checks.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    process::clear_xtask_env(&mut command);
    command.arg(subcommand).arg("--target-dir").arg(paths::target()).current_dir(paths::root());
    command
}
