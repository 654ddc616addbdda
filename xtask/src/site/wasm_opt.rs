//! `wasm-opt`, from the JavaScript package binaryen: halves the size.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, process};

/// Enables the wasm features that rustc uses. `wasm-opt` reads them from the file only if no earlier tool has removed its feature section.
const ARGUMENTS: [&str; 8] = [
    "-Oz",
    "--quiet",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Optimizes a wasm file. The last result of each file is cached, because this takes several seconds.
pub(super) fn optimize(name: &str, wasm: &[u8]) -> Result<Vec<u8>> {
    let work = paths::site_work().join("wasm-opt");
    let file = |ending: &str| work.join(Path::new(name).with_extension(ending).file_name().unwrap_or_default());
    let (input, output, stamp) = (file("in.wasm"), file("out.wasm"), file("stamp"));
    let fingerprint = fingerprint(wasm)?;
    if fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint) && output.is_file() {
        return Ok(fs::read(&output)?);
    }
    // No stamp until the new result is complete.
    let _ = fs::remove_file(&stamp);
    fs::create_dir_all(&work)?;
    fs::write(&input, wasm)?;
    process::run(&mut command(&input, &output))?;
    fs::write(&stamp, fingerprint)?;
    fs::read(&output).context("wasm-opt wrote no file")
}

fn command(input: &Path, output: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg("node_modules/binaryen/bin/wasm-opt").args(ARGUMENTS).arg(input).arg("-o").arg(output).current_dir(paths::end2end());
    command
}

/// A hash of everything that the result depends on: the wasm, the arguments, and binaryen's version.
fn fingerprint(wasm: &[u8]) -> Result<String> {
    let lock = fs::read(paths::end2end().join("package-lock.json")).context("cannot read end2end/package-lock.json")?;
    let mut hasher = DefaultHasher::new();
    (wasm, ARGUMENTS, lock).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
