//! The server's binary: how it is built, and where it then lies.

use std::path::PathBuf;
use std::process::Command;

use crate::site::Build;
use crate::{paths, process};

/// The `cargo build` of the server.
pub fn build_command(build: Build) -> Command {
    let mut command = cargo("build");
    command.args(["--bin", "latchkey"]);
    if build == Build::Release {
        command.arg("--release");
    }
    command
}

/// Where [`build_command`] leaves the binary.
pub fn binary(build: Build) -> PathBuf {
    let profile = match build {
        Build::Release => "release",
        Build::Dev => "debug",
    };
    paths::target().join(profile).join("latchkey")
}

/// A cargo command for this machine's own kind: the server, the tests, the checks.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    process::forget_xtask(&mut command);
    command.arg(subcommand).arg("--target-dir").arg(paths::target()).current_dir(paths::root());
    command
}
