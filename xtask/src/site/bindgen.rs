//! From cargo's wasm to files that a browser can load: code splitting, wasm-bindgen, and the JavaScript glue.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::Options;

use super::folder::Files;
use crate::paths;

/// The name that wasm-bindgen gives the wasm, and the final name, which is also the one that `cargo leptos` uses.
const NAMES: [&str; 2] = ["latchkey_bg.wasm", "latchkey.wasm"];
/// The script that loads chunks. The program imports it, so the path is relative to the program's script.
const LOADER: &str = "./chunks.js";
/// The files of each chunk. The server uses it to preload the chunk of the requested page.
const LIST: &str = "pkg/parts.json";

/// Adds `pkg/latchkey.wasm`, `pkg/latchkey.js`, the chunks, and the crates' JavaScript snippets.
pub(super) fn generate(wasm: &Path, files: &mut Files) -> Result<()> {
    let folder = paths::site_work().join("bindgen");
    // Files of an earlier build must not become part of this one.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let pkg = folder.join("pkg");
    let (main, chunks) = split(wasm, &pkg).with_context(|| format!("cannot split {}", wasm.display()))?;
    Bindgen::new()
        .input_path(&main)
        .out_name("latchkey")
        // The chunks use the main module's function table.
        .keep_lld_exports(true)
        .web(true)
        .and_then(|bindgen| bindgen.typescript(false).generate(&pkg))
        .with_context(|| format!("wasm-bindgen failed for {}", main.display()))?;
    rename(&pkg).context("cannot rename the output of wasm-bindgen")?;
    files.add_folder(&folder)?;
    files.add(LIST, list(&chunks).into());
    Ok(())
}

/// Splits the chunks that `src/lazy_routes.rs` declares from the program. Returns the path of the main module and the files of each chunk.
fn split(wasm: &Path, pkg: &Path) -> Result<(PathBuf, BTreeMap<String, Vec<String>>)> {
    let main = paths::site_work().join("main.wasm");
    let program = fs::read(wasm)?;
    let mut options = Options::new(&program);
    (options.output_dir, options.main_out_path) = (pkg, &main);
    (options.main_module, options.link_name) = ("./latchkey.js", LOADER);
    let split = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("{error:?}"))?;
    let with_extension = |files: Vec<String>| files.into_iter().map(|file| file + ".wasm").collect();
    Ok((main, split.prefetch_map.into_iter().map(|(chunk, files)| (chunk, with_extension(files))).collect()))
}

/// The list as JSON. The names contain no characters that need escaping.
fn list(chunks: &BTreeMap<String, Vec<String>>) -> String {
    let quoted = |files: &[String]| files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = chunks.iter().map(|(chunk, files)| format!("{chunk:?}:[{}]", quoted(files))).collect();
    format!("{{{}}}\n", lines.join(",\n"))
}

/// Renames the wasm, also where the JavaScript loads it.
fn rename(pkg: &Path) -> Result<()> {
    let [generated, renamed] = NAMES;
    fs::rename(pkg.join(generated), pkg.join(renamed))?;
    let script = pkg.join("latchkey.js");
    let text = fs::read_to_string(&script)?;
    fs::write(&script, text.replace(generated, renamed))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_json() {
        let chunks = [("a".to_owned(), vec!["b.wasm".to_owned(), "c.wasm".to_owned()]), ("d".to_owned(), vec![])];
        assert_eq!(list(&chunks.into()), "{\"a\":[\"b.wasm\",\"c.wasm\"],\n\"d\":[]}\n");
    }
}
