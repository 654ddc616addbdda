//! File locations.

use std::path::{Path, PathBuf};

/// The workspace root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench/ is inside the workspace")
}

/// A binary that was built with the same profile as this one.
fn sibling_binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(name)
}

pub(crate) fn latchkey() -> PathBuf {
    sibling_binary("latchkey")
}

/// The baseline handler.
pub(crate) fn bare() -> PathBuf {
    sibling_binary("bare")
}

/// The baseline reverse proxy.
pub(crate) fn proxy() -> PathBuf {
    sibling_binary("proxy")
}

/// A file of this crate's folder, such as the sources of a peer.
pub(crate) fn source(name: &str) -> PathBuf {
    root().join("bench").join(name)
}

/// A file or folder that a benchmark run creates.
pub(crate) fn work(name: &str) -> PathBuf {
    root().join("target/bench").join(name)
}

/// The output of a measured program.
pub(crate) fn log(name: &str) -> PathBuf {
    work(&format!("{name}.log"))
}

/// The Python interpreter of the virtual environment with djangorestframework-api-key.
pub(crate) fn python() -> PathBuf {
    root().join("target/drf/bin/python")
}

/// `LiteLLM`'s command line.
pub(crate) fn litellm() -> PathBuf {
    root().join("target/litellm/bin/litellm")
}
