//! Results of slow JavaScript tools, kept until something changes that they depend on.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result};

use crate::paths;

/// The content of the file that a tool writes. The tool runs only if the inputs or the JavaScript packages differ from those of its last run.
pub(super) fn output_of(output: &Path, inputs: &impl Hash, run: impl FnOnce() -> Result<()>) -> Result<Vec<u8>> {
    let mut stamp = output.as_os_str().to_owned();
    stamp.push(".stamp");
    let fingerprint = fingerprint(inputs)?;
    if !fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint) || !output.is_file() {
        // No stamp until the new result is complete.
        let _ = fs::remove_file(&stamp);
        fs::create_dir_all(output.parent().context("a file is in a folder")?)?;
        run()?;
        fs::write(&stamp, fingerprint)?;
    }
    fs::read(output).with_context(|| format!("the tool did not write {}", output.display()))
}

fn fingerprint(inputs: &impl Hash) -> Result<String> {
    let lock = fs::read(paths::end2end().join("package-lock.json")).context("cannot read end2end/package-lock.json")?;
    let mut hasher = DefaultHasher::new();
    (inputs, lock).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
