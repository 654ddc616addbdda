//! Where things are.

use std::path::{Path, PathBuf};

/// The folder of the root Cargo.toml.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench is a folder inside the workspace")
}

/// What was built beside this program, with its profile.
fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(name)
}

/// Latchkey.
pub fn latchkey() -> PathBuf {
    built("latchkey")
}

/// The handler that does nothing.
pub fn bare() -> PathBuf {
    built("bare")
}

/// What lies beside this crate's sources: the peers.
pub fn source(name: &str) -> PathBuf {
    root().join("bench").join(name)
}

/// What is made for measuring.
pub fn work(name: &str) -> PathBuf {
    root().join("target/bench").join(name)
}

/// What a program said last.
pub fn log(name: &str) -> PathBuf {
    work(&format!("{name}.log"))
}

/// The Python of djangorestframework-api-key.
pub fn python() -> PathBuf {
    root().join("target/drf/bin/python")
}
