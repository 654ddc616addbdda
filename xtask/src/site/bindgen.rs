//! From cargo's wasm to files that a browser can load: code splitting, wasm-bindgen, and the JavaScript glue.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::Options;

use super::folder::Files;
use super::{Build, glue};
use crate::paths;

/// The script that loads chunks. The application imports it, so the path is relative to the application's script.
const LOADER: &str = "./chunks.js";
/// The files of each chunk. The server uses it to preload the chunk of the requested page.
pub(super) const LIST: &str = "pkg/parts.json";

/// Adds `pkg/latchkey.wasm`, `pkg/latchkey.js`, the chunks, and the crates' JavaScript snippets.
pub(super) fn generate_app(wasm: &Path, build: Build, files: &mut Files) -> Result<()> {
    let folder = empty_folder("app")?;
    let pkg = folder.join("pkg");
    let (main, chunks) = split(wasm, &pkg).with_context(|| format!("cannot split {}", wasm.display()))?;
    // The chunks use the main module's function table.
    bind(Bindgen::new().input_path(&main).keep_lld_exports(true), "latchkey", build, &pkg)?;
    if build == Build::Release {
        let loader = pkg.join(LOADER);
        fs::write(&loader, glue::compact(&fs::read_to_string(&loader)?))?;
    }
    files.add_folder(&folder)?;
    files.add(LIST, list(&chunks).into());
    Ok(())
}

/// Adds `pkg/entrance.wasm` and `pkg/entrance.js`.
pub(super) fn generate_entrance(wasm: &Path, build: Build, files: &mut Files) -> Result<()> {
    let folder = empty_folder("entrance")?;
    bind(Bindgen::new().input_path(wasm), "entrance", build, &folder.join("pkg"))?;
    files.add_folder(&folder)
}

/// A folder without files of an earlier build, which must not become part of this one.
fn empty_folder(name: &str) -> Result<PathBuf> {
    let folder = paths::site_work().join("bindgen").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(folder)
}

/// Writes a wasm with this name and its script.
fn bind(bindgen: &mut Bindgen, name: &str, build: Build, pkg: &Path) -> Result<()> {
    bindgen
        .out_name(name)
        .web(true)
        .and_then(|bindgen| bindgen.typescript(false).generate(pkg))
        .with_context(|| format!("wasm-bindgen failed for {name}"))?;
    rename(pkg, name).context("cannot rename the output of wasm-bindgen")?;
    if build == Build::Dev {
        return Ok(());
    }
    let file = |extension: &str| pkg.join(format!("{name}.{extension}"));
    glue::shorten(&file("wasm"), &file("js"), &format!("./{name}_bg.js")).with_context(|| format!("cannot shorten the names of {name}"))
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

/// Gives the wasm the name that `cargo leptos` gives it, also where the JavaScript loads it.
fn rename(pkg: &Path, name: &str) -> Result<()> {
    let (generated, renamed) = (format!("{name}_bg.wasm"), format!("{name}.wasm"));
    fs::rename(pkg.join(&generated), pkg.join(&renamed))?;
    let script = pkg.join(format!("{name}.js"));
    let text = fs::read_to_string(&script)?;
    fs::write(&script, text.replace(&generated, &renamed))?;
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
