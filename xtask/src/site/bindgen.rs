//! From cargo's wasm to what a browser can load: parts of the program in files of their own, wasm-bindgen, and the JavaScript between.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::Options;

use super::folder::Files;
use crate::paths;

/// wasm-bindgen's name for the wasm, and ours: the one that `cargo leptos` gives it too.
const NAMES: [&str; 2] = ["latchkey_bg.wasm", "latchkey.wasm"];
/// Loads the parts. The program imports it, so the path is relative to the program's own script.
const LOADER: &str = "./parts.js";
/// Which files each part is made of, for the server: it has them fetched with the page that needs them.
const LIST: &str = "pkg/parts.json";

/// Adds `pkg/latchkey.wasm`, `pkg/latchkey.js`, the parts, and what the crates bring of JavaScript.
pub fn generate(wasm: &Path, files: &mut Files) -> Result<()> {
    let folder = paths::site_work().join("bindgen");
    // A file of an earlier build must not be taken for one of this.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let pkg = folder.join("pkg");
    let (main, parts) = split(wasm, &pkg).with_context(|| format!("{} can't be split", wasm.display()))?;
    Bindgen::new()
        .input_path(&main)
        .out_name("latchkey")
        // The parts use the program's table of functions.
        .keep_lld_exports(true)
        .web(true)
        .and_then(|bindgen| bindgen.typescript(false).generate(&pkg))
        .with_context(|| format!("wasm-bindgen refuses {}", main.display()))?;
    rename(&pkg).context("cannot rename what wasm-bindgen made")?;
    files.add_folder(&folder)?;
    files.add(LIST, list(&parts).into());
    Ok(())
}

/// Cuts the parts out of the program, as `src/parts.rs` names them. Answers where the rest is, and the files of each part.
fn split(wasm: &Path, pkg: &Path) -> Result<(PathBuf, BTreeMap<String, Vec<String>>)> {
    let main = paths::site_work().join("main.wasm");
    let program = fs::read(wasm)?;
    let mut options = Options::new(&program);
    (options.output_dir, options.main_out_path) = (pkg, &main);
    (options.main_module, options.link_name) = ("./latchkey.js", LOADER);
    let split = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("{error:?}"))?;
    let named = |files: Vec<String>| files.into_iter().map(|file| file + ".wasm").collect();
    Ok((main, split.prefetch_map.into_iter().map(|(part, files)| (part, named(files))).collect()))
}

/// As JSON. The names are ours and plain, so none needs escaping.
fn list(parts: &BTreeMap<String, Vec<String>>) -> String {
    let quoted = |files: &[String]| files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = parts.iter().map(|(part, files)| format!("{part:?}:[{}]", quoted(files))).collect();
    format!("{{{}}}\n", lines.join(",\n"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_json() {
        let parts = [("a".to_owned(), vec!["b.wasm".to_owned(), "c.wasm".to_owned()]), ("d".to_owned(), vec![])];
        assert_eq!(list(&parts.into()), "{\"a\":[\"b.wasm\",\"c.wasm\"],\n\"d\":[]}\n");
    }
}
