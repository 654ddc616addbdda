//! wasm-bindgen: from cargo's wasm to one that a browser can load, and the JavaScript between the two.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::folder::Files;
use crate::paths;

/// wasm-bindgen's name for the wasm, and ours: the one that `cargo leptos` gives it too.
const NAMES: [&str; 2] = ["latchkey_bg.wasm", "latchkey.wasm"];

/// Adds `pkg/latchkey.wasm`, `pkg/latchkey.js`, and what the crates bring of JavaScript.
pub fn generate(wasm: &Path, files: &mut Files) -> Result<()> {
    let folder = paths::site_work().join("bindgen");
    // A file of an earlier build must not be taken for one of this.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let pkg = folder.join("pkg");
    Bindgen::new()
        .input_path(wasm)
        .out_name("latchkey")
        .web(true)
        .and_then(|bindgen| bindgen.typescript(false).generate(&pkg))
        .with_context(|| format!("wasm-bindgen refuses {}", wasm.display()))?;
    rename(&pkg).context("cannot rename what wasm-bindgen made")?;
    files.add_folder(&folder)
}

/// Gives the wasm our name, also where the JavaScript loads it.
fn rename(pkg: &Path) -> Result<()> {
    let [theirs, ours] = NAMES;
    fs::rename(pkg.join(theirs), pkg.join(ours))?;
    let script = pkg.join("latchkey.js");
    let text = fs::read_to_string(&script)?;
    fs::write(&script, text.replace(theirs, ours))?;
    Ok(())
}
