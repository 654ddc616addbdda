//! The compiler for the browser's side: the usual one with a `wasm32-unknown-unknown` standard library.
//!
//! On an open network rustup brings that library in seconds. On a closed one it fails or hangs, and
//! Debian's compiler takes over (see `debian.rs`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::debian::{self, DebianToolchain};
use super::say;
use crate::{paths, process};

/// What the browser's side is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// `rustup`, `debian`, or unset to let set-up choose.
const CHOICE: &str = "LATCHKEY_WASM_TOOLCHAIN";

/// On an open network the library comes in 5 s.
const RUSTUP_LIMIT: Duration = Duration::from_secs(25);

/// A compiler that can make wasm.
pub enum Toolchain {
    /// The one that compiles everything else too.
    Usual,
    /// Debian's, with a standard library built on this machine.
    Debian(DebianToolchain),
}

impl Toolchain {
    /// `cargo` for the browser's side.
    pub fn cargo(&self) -> Command {
        let mut command = match self {
            Self::Usual => Command::new("cargo"),
            Self::Debian(debian) => debian.cargo(),
        };
        process::forget_xtask(&mut command);
        command.current_dir(paths::root());
        command
    }
}

/// Finds a compiler, or makes one.
pub fn ensure() -> Result<Toolchain> {
    let choice = std::env::var(CHOICE).unwrap_or_default();
    match choice.as_str() {
        "" => choose(),
        "rustup" => usual(),
        "debian" => debian::ensure().map(Toolchain::Debian),
        other => bail!("{CHOICE} is `{other}`; it can be `rustup`, `debian`, or unset"),
    }
}

fn choose() -> Result<Toolchain> {
    if usual_has_library() {
        return Ok(Toolchain::Usual);
    }
    // Where rustup failed before, it isn't waited for again.
    if let Some(debian) = debian::existing() {
        return Ok(Toolchain::Debian(debian));
    }
    let reason = match usual() {
        Ok(toolchain) => return Ok(toolchain),
        Err(reason) => format!("{reason:#}"),
    };
    say(&format!("{reason}; taking Debian's compiler instead"));
    debian::ensure()
        .map(Toolchain::Debian)
        .with_context(|| format!("no compiler for {TARGET}: `rustup target add {TARGET}` did not work here, and neither did Debian's way"))
}

fn usual() -> Result<Toolchain> {
    if !usual_has_library() {
        add_with_rustup()?;
    }
    Ok(Toolchain::Usual)
}

fn add_with_rustup() -> Result<()> {
    if process::find_program(&["rustup"]).is_none() {
        bail!("the compiler here has no {TARGET} library, and there is no rustup to bring it");
    }
    say(&format!("rustup target add {TARGET} (at most {} s)", RUSTUP_LIMIT.as_secs()));
    process::run_within(RUSTUP_LIMIT, Command::new("rustup").args(["target", "add", TARGET]).current_dir(paths::root()))
}

/// Asks the compiler where its library would be, and looks there: that is true for every kind of
/// installation, with rustup or without.
fn usual_has_library() -> bool {
    let mut query = Command::new("rustc");
    query.args(["--print", "target-libdir", "--target", TARGET]).current_dir(paths::root());
    process::output(&mut query).is_ok_and(|folder| has_library(Path::new(&folder)))
}

/// Whether a folder has a standard library's files in it.
pub fn has_library(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_its_std() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_library(&folder.path().join("missing")));
        assert!(!has_library(folder.path()));
        std::fs::write(folder.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(has_library(folder.path()));
    }
}
