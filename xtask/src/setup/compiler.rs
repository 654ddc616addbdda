//! The compiler version that the checks are verified with.

use std::process::Command;

use super::print_note;
use crate::{paths, process};

/// Each version of clippy adds warnings, so the checks have a reference version. rust-toolchain.toml explains why it is not pinned there.
const PINNED: &str = "1.95.0";

/// Prints a note if the compiler has another version, so that a new warning is not attributed to a change.
pub(crate) fn warn_if_unpinned() {
    let Ok(version) = process::output(Command::new("rustc").arg("--version").current_dir(paths::root())) else {
        return;
    };
    if !is_pinned(&version) {
        print_note(&format!("this is {version}; the checks are verified with {PINNED}, so warnings may be new"));
    }
}

fn is_pinned(version: &str) -> bool {
    version.split(' ').nth(1) == Some(PINNED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_version_is_recognized() {
        assert!(is_pinned("rustc 1.95.0 (59807616e 2026-04-14)"));
        assert!(!is_pinned("rustc 1.96.0 (ac68faa20 2026-05-25)"));
        assert!(!is_pinned(""));
    }
}
