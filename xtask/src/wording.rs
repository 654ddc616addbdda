//! Checks the texts of the page for words that have a plainer one, or that say nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Folders of the page's texts.
const SOURCES: [&str; 3] = ["src/pages", "crates/ui/src", "crates/types/src/key_kind"];

/// In lower case. A change happens *immediately*, examples follow *e.g.*, and what is permanent *cannot be undone*.
const BANNED: [&str; 14] = [
    "any more",
    "apart by",
    "at once",
    "brings it back",
    "is good until",
    "no longer good",
    "of theirs",
    "of yours",
    "somebody",
    "store another",
    "such as",
    "taken back",
    "to rest",
    "whoever",
];

/// Fails with all texts that have one of the phrases.
pub(crate) fn check() -> Result<()> {
    let mut problems = Vec::new();
    for folder in SOURCES {
        check_folder(&paths::inside(folder), &mut problems)?;
    }
    if problems.is_empty() { Ok(()) } else { bail!(problems.join("\n")) }
}

fn check_folder(folder: &Path, problems: &mut Vec<String>) -> Result<()> {
    for entry in folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            check_folder(&path, problems)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let found = banned_texts(&source).into_iter();
            problems.extend(found.map(|(line, phrase)| format!("{}:{line}: a text has “{phrase}”", path.display())));
        }
    }
    Ok(())
}

/// The phrases in the string literals of a source, with their lines. Comments and tests are no texts.
fn banned_texts(source: &str) -> Vec<(usize, &'static str)> {
    let lines = source.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
    let texts = lines.filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(|(index, line)| {
        let literals = line.split('"').skip(1).step_by(2);
        literals.map(move |text| (index + 1, text.to_lowercase()))
    });
    texts.flat_map(|(line, text)| BANNED.into_iter().filter(move |phrase| text.contains(phrase)).map(move |phrase| (line, phrase))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_are_checked() {
        let source = "// Whoever reads this.\nview! { \"Ask Somebody\" at_once \"now\" }\n#[cfg(test)]\nconst TEXT: &str = \"at once\";";
        assert_eq!(banned_texts(source), [(2, "somebody")]);
    }

    #[test]
    fn each_phrase_is_found() {
        assert_eq!(banned_texts("\"It ends at once.\" \"Such as this.\""), [(1, "at once"), (1, "such as")]);
    }
}
