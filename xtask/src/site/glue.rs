//! Shortens wasm-bindgen's JavaScript. Each function that the wasm imports has a name with a digest in both files, and digests cannot be compressed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use walrus::Module;

/// The module name of the functions in the script.
const MODULE: &str = "w";

/// Gives the imported functions short names in both files, and removes comments and indentation from the script.
pub(super) fn shorten(wasm: &Path, script: &Path, module_name: &str) -> Result<()> {
    let mut module = Module::from_file(wasm)?;
    let mut names = HashMap::new();
    for import in module.imports.iter_mut().filter(|import| import.module == module_name) {
        let next = names.len();
        let short = names.entry(import.name.clone()).or_insert_with(|| short_name(next));
        import.name.clone_from(short);
        MODULE.clone_into(&mut import.module);
    }
    let (text, renamed) = rename(&compact(&fs::read_to_string(script)?), &names);
    ensure!(renamed == names.len(), "{} has {renamed} of {} imported functions", script.display(), names.len());
    fs::write(script, text.replace(&format!("\"{module_name}\":"), &format!("{MODULE}:")))?;
    fs::write(wasm, module.emit_wasm())?;
    Ok(())
}

/// Renames the functions, which are members `name: function…`, each on a line of its own. Returns their number too.
fn rename(script: &str, names: &HashMap<String, String>) -> (String, usize) {
    let mut renamed = 0;
    let lines = script.lines().map(|line| match line.split_once(": ").and_then(|(name, rest)| Some((names.get(name)?, rest))) {
        Some((short, rest)) => {
            renamed += 1;
            format!("{short}: {rest}\n")
        }
        None => format!("{line}\n"),
    });
    (lines.collect(), renamed)
}

/// `a`, `b`, …, `z`, `aa`, `ab`, …
fn short_name(index: usize) -> String {
    let letter = char::from(b"abcdefghijklmnopqrstuvwxyz"[index % 26]);
    let rest = index / 26;
    if rest == 0 { letter.to_string() } else { short_name(rest - 1) + &letter.to_string() }
}

/// The script without comments that have lines of their own, indentation and empty lines. A script with a text of several lines, which these
/// tools do not generate, is not changed.
pub(super) fn compact(script: &str) -> String {
    let mut compacted = String::with_capacity(script.len());
    let mut is_comment = false;
    for line in script.lines().map(str::trim) {
        let starts_comment = line.starts_with("/*");
        if is_comment || starts_comment {
            is_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            if !line.matches('`').count().is_multiple_of(2) {
                return script.to_owned();
            }
            compacted.push_str(line);
            compacted.push('\n');
        }
    }
    compacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_unique() {
        assert_eq!([0, 25, 26, 51, 52, 701, 702].map(short_name), ["a", "z", "aa", "az", "ba", "zz", "aaa"]);
    }

    #[test]
    fn only_imported_functions_are_renamed() {
        let names = HashMap::from([("__wbg_a_0123".to_owned(), "a".to_owned())]);
        let script = "__wbg_a_0123: function(x) {\nreturn __wbg_a_0123: y;\n__wbg_b: function() {}\n";
        let expected = "a: function(x) {\nreturn __wbg_a_0123: y;\n__wbg_b: function() {}\n";
        assert_eq!(rename(script, &names), (expected.to_owned(), 1));
    }

    #[test]
    fn comments_and_indentation_are_removed() {
        let script = "/* one */\n  a();\n\n  /**\n   * two\n   */\n  // three\n    b(`c`); // stays\n";
        assert_eq!(compact(script), "a();\nb(`c`); // stays\n");
        let lines = "a(`\n  // text\n`);\n";
        assert_eq!(compact(lines), lines);
    }
}
