//! Bundles the style sheets by inlining the imports of `style/main.css`.
//!
//! Each import of `main.css` is on its own line: `@import "grid.css" layer(parts);`. Other lines are stripped unchanged.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The bundled style sheet, without comments.
pub(super) fn inline(main: &Path) -> Result<String> {
    let folder = main.parent().unwrap_or(main);
    let mut sheet = String::new();
    for line in read(main)?.lines() {
        match import(line).with_context(|| format!("in {}", main.display()))? {
            Some(import) => sheet.push_str(&import.text(folder)?),
            None => push_line(&mut sheet, line),
        }
    }
    Ok(sheet)
}

/// One line `@import "file" layer(name);`.
#[derive(Debug, PartialEq)]
struct Import<'a> {
    file: &'a str,
    layer: Option<&'a str>,
}

impl Import<'_> {
    /// The imported rules, inside their layer.
    fn text(&self, folder: &Path) -> Result<String> {
        let path = folder.join(self.file);
        let text = read(&path)?;
        ensure!(!text.contains("@import"), "{}: only main.css may import", path.display());
        let mut rules = String::new();
        text.lines().for_each(|line| push_line(&mut rules, line));
        Ok(match self.layer {
            Some(layer) => format!("@layer {layer} {{\n{rules}}}\n"),
            None => rules,
        })
    }
}

/// Parses a line as an import. Other forms are an error: the browser would request a file that does not exist.
fn import(line: &str) -> Result<Option<Import<'_>>> {
    let line = line.trim();
    if !line.contains("@import") {
        return Ok(None);
    }
    match parse_import(line) {
        Some(import) => Ok(Some(import)),
        None => bail!("`{line}` is not of the form `@import \"file.css\" layer(name);`"),
    }
}

fn parse_import(line: &str) -> Option<Import<'_>> {
    let (file, rest) = line.strip_prefix("@import \"")?.strip_suffix(';')?.split_once('"')?;
    let is_relative = Path::new(file).extension().is_some_and(|extension| extension == "css") && !file.contains(':') && !file.starts_with('/');
    let layer = match rest.trim() {
        "" => None,
        rest => Some(rest.strip_prefix("layer(")?.strip_suffix(')').filter(|name| is_layer_name(name))?),
    };
    is_relative.then_some(Import { file, layer })
}

fn is_layer_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

fn read(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    strip_comments(&text).with_context(|| format!("in {}", path.display()))
}

/// Removes `/* … */`, but not from inside a string.
fn strip_comments(text: &str) -> Result<String> {
    let mut stripped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['/', '"', '\'']) {
        stripped.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = match rest.as_bytes()[0] {
            b'/' if rest.starts_with("/*") => {
                let end = rest.find("*/").context("unterminated comment")?;
                rest = &rest[end + 2..];
                continue;
            }
            b'/' => 1,
            quote => string_length(rest, quote).context("unterminated string")?,
        };
        stripped.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    stripped.push_str(rest);
    Ok(stripped)
}

/// The length of the string at the start of `text`, with both quotes.
fn string_length(text: &str, quote: u8) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((position, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'\n' => return None,
            byte if byte == quote => return Some(position + 1),
            _ => {}
        }
    }
    None
}

fn push_line(sheet: &mut String, line: &str) {
    let line = line.trim_end();
    if !line.is_empty() {
        sheet.push_str(line);
        sheet.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(files: &[(&str, &str)]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        for (name, text) in files {
            fs::write(folder.path().join(name), text)?;
        }
        inline(&folder.path().join("main.css"))
    }

    #[test]
    fn imports_are_inlined() {
        let main = "@layer base, parts;\n\n@import \"a.css\" layer(base); /* first */\n@import \"b.css\";\nhtml { margin: 0 }\n";
        let text = sheet(&[("main.css", main), ("a.css", "a { color: red }\n"), ("b.css", "b { top: 0 }")]).unwrap();
        assert_eq!(text, "@layer base, parts;\n@layer base {\na { color: red }\n}\nb { top: 0 }\nhtml { margin: 0 }\n");
    }

    #[test]
    fn comments_are_removed_and_strings_kept() {
        assert_eq!(strip_comments("a/* x */b").unwrap(), "ab");
        assert_eq!(strip_comments(r#"a::after { content: "/* \" */" }"#).unwrap(), r#"a::after { content: "/* \" */" }"#);
        assert_eq!(strip_comments("url(a/b.svg) /**/'/*'").unwrap(), "url(a/b.svg) '/*'");
    }

    #[test]
    fn unterminated_input_is_rejected() {
        assert!(strip_comments("a /* b").is_err());
        assert!(strip_comments("a 'b\n'").is_err());
    }

    #[test]
    fn other_import_forms_are_rejected() {
        for line in [
            "@import url(a.css);",
            "@import \"a.css\"",
            "@import \"a.css\" screen;",
            "@import \"https://example.org/a.css\";",
            "@import \"/a.css\";",
            "@import \"a.css\" layer(two words);",
            "a {} @import \"a.css\";",
        ] {
            assert!(import(line).is_err(), "{line}");
        }
        assert_eq!(import("a { color: red }").unwrap(), None);
    }

    #[test]
    fn imported_files_must_not_import() {
        let error = sheet(&[("main.css", "@import \"a.css\";"), ("a.css", "@import \"b.css\";")]).unwrap_err();
        assert!(error.to_string().contains("only main.css may import"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = sheet(&[("main.css", "@import \"missing.css\";")]).unwrap_err();
        assert!(error.to_string().contains("missing.css"), "{error}");
    }
}
