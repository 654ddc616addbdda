//! Where things are. Every path is absolute, so no command depends on the folder it was called from.

use std::path::{Path, PathBuf};

/// The folder of the root Cargo.toml.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder inside the workspace")
}

/// A path inside the workspace.
pub fn inside(path: &str) -> PathBuf {
    root().join(path)
}

/// Cargo's own folder. It is passed to cargo by name, as the server's sources name `target/site`.
pub fn target() -> PathBuf {
    inside("target")
}

/// The browser's files, as the server serves them and the release binary embeds them.
pub fn site() -> PathBuf {
    inside("target/site")
}

/// Cargo's folder for the browser's side, apart from the server's: so the two can build at the same time.
pub fn wasm_target() -> PathBuf {
    inside("target/wasm")
}

/// What the site's build keeps between two runs.
pub fn site_work() -> PathBuf {
    inside("target/site-work")
}

/// The Python environment of this name, where the integration tests look for it.
pub fn python(name: &str) -> PathBuf {
    inside(&format!("target/{name}"))
}

/// The browser tests, with all JavaScript packages.
pub fn end2end() -> PathBuf {
    inside("end2end")
}
