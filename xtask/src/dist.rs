//! `cargo xtask dist`: a folder with the release binary and its documents.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::site::Build;
use crate::{paths, run, server};

/// Documents to copy beside the binary, if they exist.
const DOCUMENTS: [&str; 3] = ["README.md", "LICENSE", "NOTICE"];

/// Builds the release and copies it into `dist/`.
pub(crate) fn dist() -> Result<()> {
    run::build_all(Build::Release)?;
    let folder = paths::inside("dist");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    copy(&server::binary(Build::Release), &folder.join("latchkey"))?;
    for name in DOCUMENTS {
        let document = paths::inside(name);
        if document.is_file() {
            copy(&document, &folder.join(name))?;
        }
    }
    eprintln!("dist/ is ready: `dist/latchkey serve` needs nothing else.");
    Ok(())
}

/// Copies through a temporary name: a running program cannot be overwritten, but it can be replaced.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new).and_then(|_| fs::rename(&new, to)).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
