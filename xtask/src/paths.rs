//! Paths of the workspace. All are absolute, so that no command depends on the current directory.

use std::path::{Path, PathBuf};

/// The folder of the root Cargo.toml.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder inside the workspace")
}

pub(crate) fn inside(path: &str) -> PathBuf {
    root().join(path)
}

/// Cargo's target folder. It is passed to cargo explicitly, because the server's sources refer to `target/site`.
pub(crate) fn target() -> PathBuf {
    inside("target")
}

/// The site: the browser's files, which the server serves and the release binary embeds.
pub(crate) fn site() -> PathBuf {
    inside("target/site")
}

/// Cargo's target folder for the wasm build. It is separate from the server's, so that both can build at the same time.
pub(crate) fn wasm_target() -> PathBuf {
    inside("target/wasm")
}

/// Intermediate files that the site build keeps between runs.
pub(crate) fn site_work() -> PathBuf {
    inside("target/site-work")
}

/// A Python virtual environment. The integration tests use the same paths.
pub(crate) fn python(name: &str) -> PathBuf {
    inside(&format!("target/{name}"))
}

/// The browser tests. The folder also holds the JavaScript packages of the build.
pub(crate) fn end2end() -> PathBuf {
    inside("end2end")
}
