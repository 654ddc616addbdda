//! Debian's compiler for the wasm build, for machines on which rustup cannot install the wasm standard library.
//!
//! Debian does not package that library for wasm, but it packages the matching sources, from which cargo can build it (half a minute, once).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::wasm::{TARGET, has_library};
use super::{apt, print_note};
use crate::{paths, process};

/// Compiler, cargo, the library's sources, LLVM, and the linker.
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

// Full paths, because rustup's come first in PATH.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "wasm-ld-22";

/// An empty crate, which makes cargo build the standard library.
const EMPTY_MANIFEST: &str = "\
[package]
name = \"empty\"
version = \"0.0.0\"
edition = \"2024\"

[lib]
path = \"empty.rs\"

[workspace]
";

/// Debian's compiler with the library that was built for it.
pub(crate) struct DebianToolchain {
    sysroot: PathBuf,
}

impl DebianToolchain {
    /// `cargo` for the wasm build.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = bare_cargo();
        // This adds to the target's flags in .cargo/config.toml. Flags in the environment would replace them, and flags under `build` would be
        // ignored.
        command.arg("--config").arg(format!("target.{TARGET}.rustflags=['--sysroot', '{}']", self.sysroot.display()));
        command
    }
}

/// The toolchain, if an earlier run has built it for the current compiler.
pub(super) fn existing() -> Option<DebianToolchain> {
    let sysroot = sysroot().ok()?;
    has_library(&library_folder(&sysroot)).then_some(DebianToolchain { sysroot })
}

/// Installs the packages and builds the library, if missing.
pub(super) fn ensure() -> Result<DebianToolchain> {
    apt::ensure(&PACKAGES, "compiling for the browser")?;
    if let Some(toolchain) = existing() {
        return Ok(toolchain);
    }
    let sysroot = sysroot()?;
    print_note(&format!("building the {TARGET} standard library from Debian's sources (half a minute, once)"));
    build_library(&sysroot).context("cannot build the standard library for wasm")?;
    Ok(DebianToolchain { sysroot })
}

/// One folder per version: a compiler rejects the library of another one.
fn sysroot() -> Result<PathBuf> {
    let version = process::output(Command::new(RUSTC).arg("--version").env_remove("LD_LIBRARY_PATH").stderr(Stdio::null()))?;
    Ok(paths::target().join("wasm-sysroot").join(folder_name(&version)))
}

/// `rustc 1.96.0 (abc 2026-05-01)` → `rustc-1.96.0-abc-2026-05-01`
fn folder_name(version: &str) -> String {
    version.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

fn library_folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

fn build_library(sysroot: &Path) -> Result<()> {
    let folder = paths::target().join("wasm-sysroot/build");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("Cargo.toml"), EMPTY_MANIFEST)?;
    fs::write(folder.join("empty.rs"), "")?;
    process::run(&mut build_std_command(&folder))?;
    install_library(&folder.join("target").join(TARGET).join("release/deps"), &library_folder(sysroot))?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn build_std_command(folder: &Path) -> Command {
    let mut command = bare_cargo();
    command
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort", "--target-dir"])
        .arg(folder.join("target"))
        .current_dir(folder)
        // Allows `-Z` on a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        // The release build uses link-time optimization, which needs the library's bitcode.
        .env("CARGO_ENCODED_RUSTFLAGS", "-Cembed-bitcode=yes");
    command
}

/// Copies the library to a temporary folder and then renames it, so that an interrupted copy is never used.
fn install_library(built: &Path, destination: &Path) -> Result<()> {
    let unfinished = destination.with_extension("unfinished");
    fs::create_dir_all(&unfinished)?;
    for entry in built.read_dir()? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default();
        let is_library = file.extension().is_some_and(|extension| extension == "rlib");
        if is_library && !name.to_string_lossy().starts_with("libempty-") {
            fs::copy(&file, unfinished.join(name))?;
        }
    }
    fs::rename(&unfinished, destination)?;
    Ok(())
}

/// Debian's cargo, without the environment variables that rustup's cargo sets for this process.
fn bare_cargo() -> Command {
    let mut command = Command::new(CARGO);
    for variable in ["CARGO", "LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command.env("RUSTC", RUSTC).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_per_compiler() {
        assert_eq!(folder_name("rustc 1.96.0 (abc 2026-05-01) (built from a tarball)"), "rustc-1.96.0-abc-2026-05-01-built-from-a-tarball");
    }

    #[test]
    fn only_the_library_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let (built, destination) = (folder.path().join("deps"), folder.path().join("sysroot/lib"));
        fs::create_dir(&built).unwrap();
        for name in ["libstd-1.rlib", "libcore-2.rlib", "libempty-3.rlib", "libstd-1.rmeta", "std-1.d"] {
            fs::write(built.join(name), name).unwrap();
        }
        install_library(&built, &destination).unwrap();
        let mut installed: Vec<_> = destination.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        installed.sort();
        assert_eq!(installed, ["libcore-2.rlib", "libstd-1.rlib"]);
    }
}
