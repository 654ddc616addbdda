//! Debian packages.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::print_note;
use crate::process;

/// Installs the packages that are missing. Without root, the error contains the command to run.
pub(super) fn ensure(packages: &[&str], purpose: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_available() {
        bail!("{purpose} needs {}, and this system has no apt-get: install it by hand", missing.join(", "));
    }
    if !is_root() {
        bail!("{purpose} needs packages that only root can install. Run this once, then try again:\n\n    {}\n", install_line(&missing));
    }
    install(&missing).with_context(|| format!("{purpose} needs {}, which could not be installed", missing.join(", ")))
}

/// Whether this is a system with apt.
pub(super) fn is_available() -> bool {
    process::find_program(&["apt-get"]).is_some()
}

/// Whether this process may install packages.
pub(super) fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// The command for a user who is not root.
pub(super) fn install_line(packages: &[&str]) -> String {
    format!("sudo apt-get install -y {}", packages.join(" "))
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]).stderr(std::process::Stdio::null());
    query.output().is_ok_and(|output| output.stdout == b"installed")
}

fn install(packages: &[&str]) -> Result<()> {
    print_note(&format!("installing {} with apt-get", packages.join(", ")));
    // A new machine's package list is empty or old. If the update fails, the old list may still be sufficient.
    if let Err(error) = process::run(apt_get().arg("update")) {
        print_note(&format!("the package list could not be updated: {error:#}"));
    }
    process::run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // A machine that has just started may be running its own updates: wait for the lock.
    command.args(["--quiet=2", "--option=DPkg::Lock::Timeout=120", "--option=Dpkg::Use-Pty=0"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_install_command_uses_sudo() {
        assert_eq!(install_line(&["nodejs", "npm"]), "sudo apt-get install -y nodejs npm");
    }
}
