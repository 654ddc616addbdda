//! The compiler that the checks are known to pass with.

use std::process::Command;

use super::say;
use crate::{paths, process};

/// Clippy learns new warnings with each version, so the checks name theirs. It can't be pinned in
/// rust-toolchain.toml: see there.
const PINNED: &str = "1.95.0";

/// Says so when the compiler is another, lest a new warning be taken for a mistake in a change.
pub fn note_if_another() {
    let Ok(version) = process::output(Command::new("rustc").arg("--version").current_dir(paths::root())) else {
        return;
    };
    if !is_pinned(&version) {
        say(&format!("this is {version}; the checks are known to pass with {PINNED}, so a warning here may be new"));
    }
}

fn is_pinned(version: &str) -> bool {
    version.split(' ').nth(1) == Some(PINNED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_version_is_known() {
        assert!(is_pinned("rustc 1.95.0 (59807616e 2026-04-14)"));
        assert!(!is_pinned("rustc 1.96.0 (ac68faa20 2026-05-25)"));
        assert!(!is_pinned(""));
    }
}
