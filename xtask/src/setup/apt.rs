//! Debian's packages.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::say;
use crate::process;

/// Installs the packages that are missing. Who may not install is told the line to run.
pub fn ensure(packages: &[&str], purpose: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_available() {
        bail!("{purpose} needs {}, and this system has no apt-get to install it with: please install it by hand", missing.join(", "));
    }
    if !is_root() {
        bail!("{purpose} needs packages that only root can install. Run this once, then try again:\n\n    {}\n", install_line(&missing));
    }
    install(&missing).with_context(|| format!("{purpose} needs {}, which could not be installed", missing.join(", ")))
}

/// Whether this is a system with apt.
pub fn is_available() -> bool {
    process::find_program(&["apt-get"]).is_some()
}

/// Whether this process may install packages.
pub fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// The line that an ordinary user has to run.
pub fn install_line(packages: &[&str]) -> String {
    format!("sudo apt-get install -y {}", packages.join(" "))
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]).stderr(std::process::Stdio::null());
    query.output().is_ok_and(|output| output.stdout == b"installed")
}

fn install(packages: &[&str]) -> Result<()> {
    say(&format!("installing {} with apt-get", packages.join(", ")));
    // A new machine's list of packages is empty or old. Where it can't be renewed, the old one may still do.
    if let Err(error) = process::run(apt_get().arg("update")) {
        say(&format!("the list of packages could not be renewed: {error:#}"));
    }
    process::run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // A machine that has just started may be installing something of its own: wait for it.
    command.args(["--quiet=2", "--option=DPkg::Lock::Timeout=120", "--option=Dpkg::Use-Pty=0"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_an_ordinary_user() {
        assert_eq!(install_line(&["nodejs", "npm"]), "sudo apt-get install -y nodejs npm");
    }
}
