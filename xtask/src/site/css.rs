//! Bundles and minifies the style sheets: the imports of `style/main.css` are replaced by the files.

use std::fmt::Display;
use std::path::Path;

use anyhow::{Result, anyhow};
use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::error::Error;
use lightningcss::printer::PrinterOptions;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions};

/// The minified style sheet. No browser targets are set, so nothing is rewritten for older browsers.
pub(super) fn bundle(main: &Path) -> Result<String> {
    let files = FileProvider::new();
    let mut sheet = Bundler::new(&files, None, ParserOptions::default()).bundle(main).map_err(located)?;
    sheet.minify(MinifyOptions::default()).map_err(located)?;
    let printed = sheet.to_css(PrinterOptions { minify: true, ..PrinterOptions::default() }).map_err(located)?;
    Ok(printed.code)
}

/// The error as text, because it borrows the sources. lightningcss counts lines from 0.
fn located(error: Error<impl Display>) -> anyhow::Error {
    match error.loc {
        Some(at) => anyhow!("{}:{}:{}: {}", at.filename, at.line + 1, at.column, error.kind),
        None => anyhow!("{}", error.kind),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sheet(files: &[(&str, &str)]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        for (name, text) in files {
            fs::write(folder.path().join(name), text)?;
        }
        bundle(&folder.path().join("main.css"))
    }

    #[test]
    fn imports_are_inlined_in_the_order_of_the_layers() {
        let main = "@layer base, parts;\n@import \"b.css\" layer(parts); /* first */\n@import \"a.css\" layer(base);\nhtml { margin: 0 }\n";
        let text = sheet(&[("main.css", main), ("a.css", "a { color: red }\n"), ("b.css", "b { top: 0 }")]).unwrap();
        assert_eq!(text, "@layer base{a{color:red}}@layer parts{b{top:0}}html{margin:0}");
    }

    #[test]
    fn modern_css_is_kept() {
        for text in ["a{color:light-dark(#fff,#000);&:hover{color:oklch(50% .1 20)}}", "a{color:color-mix(in oklch, var(--a), var(--b) 3%)}"] {
            assert_eq!(sheet(&[("main.css", text)]).unwrap(), text);
        }
    }

    #[test]
    fn an_error_has_its_file_and_line() {
        for (place, files) in [
            ("main.css:2:", &[("main.css", "@layer a;\n@import \"missing.css\";")][..]),
            ("main.css:1:", &[("main.css", "@import \"https://example.org/a.css\";")]),
            ("main.css:2:", &[("main.css", "a { top: 0 }\n@import \"a.css\";"), ("a.css", "")]),
            ("a.css:2:", &[("main.css", "@import \"a.css\";"), ("a.css", "a {\n  color red }")]),
            ("main.css:1:", &[("main.css", "a /* b")]),
        ] {
            let error = sheet(files).unwrap_err().to_string();
            assert!(error.contains(place), "{place} {error}");
        }
    }
}
