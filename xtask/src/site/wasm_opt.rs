//! `wasm-opt`, from the JavaScript package binaryen: halves the size.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::cache;
use crate::{paths, process};

/// Enables the wasm features that rustc uses. `wasm-opt` reads them from the file only if no earlier tool has removed its feature section.
const ARGUMENTS: [&str; 10] = [
    "-Oz",
    "--quiet",
    "--strip-producers",
    "--strip-target-features",
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
    let (input, output) = (file("in.wasm"), file("out.wasm"));
    cache::output_of(&output, &(wasm, ARGUMENTS), || {
        fs::write(&input, wasm)?;
        process::run(&mut command(&input, &output))
    })
}

fn command(input: &Path, output: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg("node_modules/binaryen/bin/wasm-opt").args(ARGUMENTS).arg(input).arg("-o").arg(output).current_dir(paths::end2end());
    command
}
