//! The compiler of the wasm build: the default one with a `wasm32-unknown-unknown` standard library.
//!
//! With internet access, rustup installs that library in seconds. Without, it fails or hangs, and Debian's compiler is used instead (see
//! `debian.rs`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::debian::{self, DebianToolchain};
use super::print_note;
use crate::{paths, process};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// An environment variable: `rustup`, `debian`, or unset to choose automatically.
const CHOICE: &str = "LATCHKEY_WASM_TOOLCHAIN";

/// With internet access, the library takes about 5 s to install.
const RUSTUP_LIMIT: Duration = Duration::from_secs(25);

/// A compiler with a wasm standard library.
pub(crate) enum Toolchain {
    /// The one that also compiles the server.
    Default,
    /// Debian's, with a standard library built on this machine.
    Debian(DebianToolchain),
}

impl Toolchain {
    /// `cargo` for the wasm build.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = match self {
            Self::Default => Command::new("cargo"),
            Self::Debian(debian) => debian.cargo(),
        };
        process::clear_xtask_env(&mut command);
        command.current_dir(paths::root());
        command
    }
}

/// Finds a compiler, or installs one.
pub(super) fn ensure() -> Result<Toolchain> {
    let choice = std::env::var(CHOICE).unwrap_or_default();
    match choice.as_str() {
        "" => choose(),
        "rustup" => default_toolchain(),
        "debian" => debian::ensure().map(Toolchain::Debian),
        other => bail!("{CHOICE} is `{other}`; set it to `rustup` or `debian`, or leave it unset"),
    }
}

fn choose() -> Result<Toolchain> {
    if default_has_library() {
        return Ok(Toolchain::Default);
    }
    // If rustup has failed before, do not wait for its time limit again.
    if let Some(debian) = debian::existing() {
        return Ok(Toolchain::Debian(debian));
    }
    let reason = match default_toolchain() {
        Ok(toolchain) => return Ok(toolchain),
        Err(reason) => format!("{reason:#}"),
    };
    print_note(&format!("{reason}; using Debian's compiler instead"));
    debian::ensure()
        .map(Toolchain::Debian)
        .with_context(|| format!("no compiler for {TARGET}: `rustup target add {TARGET}` and Debian's compiler both failed"))
}

fn default_toolchain() -> Result<Toolchain> {
    if !default_has_library() {
        add_with_rustup()?;
    }
    Ok(Toolchain::Default)
}

fn add_with_rustup() -> Result<()> {
    if process::find_program(&["rustup"]).is_none() {
        bail!("the compiler has no {TARGET} library, and there is no rustup to install it");
    }
    print_note(&format!("rustup target add {TARGET} (at most {} s)", RUSTUP_LIMIT.as_secs()));
    process::run_within(RUSTUP_LIMIT, Command::new("rustup").args(["target", "add", TARGET]).current_dir(paths::root()))
}

/// Whether the library is in the folder that the compiler reports. Works for every kind of installation, with rustup or without.
fn default_has_library() -> bool {
    let mut query = Command::new("rustc");
    query.args(["--print", "target-libdir", "--target", TARGET]).current_dir(paths::root());
    process::output(&mut query).is_ok_and(|folder| has_library(Path::new(&folder)))
}

/// Whether a folder contains a standard library.
pub(super) fn has_library(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_folder_contains_std() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_library(&folder.path().join("missing")));
        assert!(!has_library(folder.path()));
        std::fs::write(folder.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(has_library(folder.path()));
    }
}
