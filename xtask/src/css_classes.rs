//! Checks that every CSS class of the page has a rule, and that every rule is used.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Folders of the page's and the documentation's sources, and the extension of the files.
const SOURCES: [(&str, &str); 4] = [("src", "rs"), ("crates/ui/src", "rs"), ("xtask/src/site/docs", "html"), ("xtask/src/site/docs", "rs")];

/// Classes that the sources compose, such as `status-{status}`.
const COMPOSED: [&str; 40] = [
    "cell-corpora",
    "cell-created_at",
    "cell-created_by",
    "cell-expires_at",
    "cell-external_id",
    "cell-last_used_at",
    "cell-limits",
    "cell-linked_to",
    "cell-mask",
    "cell-provider",
    "cell-region",
    "cell-scopes",
    "cell-status",
    "grid-agent",
    "grid-client",
    "grid-corpus",
    "grid-external",
    "grid-general",
    "grid-internal",
    "method-delete",
    "method-patch",
    "method-post",
    "method-put",
    "status-disabled",
    "status-expired",
    "status-unreadable",
    "without-access",
    "without-corpora",
    "without-created_at",
    "without-created_by",
    "without-expires_at",
    "without-external_id",
    "without-last_used_at",
    "without-limits",
    "without-linked_to",
    "without-mask",
    "without-provider",
    "without-region",
    "without-scopes",
    "without-status",
];

/// Fails with all classes without a rule and all rules without a use.
pub(crate) fn check() -> Result<()> {
    let sheets = without_comments(&read_all(&paths::inside("style"), "css")?);
    let mut sources = String::new();
    for (folder, extension) in SOURCES {
        sources.push_str(&read_all(&paths::inside(folder), extension)?);
    }
    let problems = problems(&sheets, &sources, &COMPOSED);
    if problems.is_empty() { Ok(()) } else { bail!(problems.join("\n")) }
}

fn problems(sheets: &str, sources: &str, composed: &[&str]) -> Vec<String> {
    let (rules, assigned, words) = (rules(sheets), assigned(sources), words_in_strings(sources));
    let is_used = |class: &str| assigned.contains(class) || words.contains(class) || composed.contains(&class);
    let unstyled = assigned.iter().filter(|class| !rules.contains(*class)).map(|class| format!("the class `{class}` has no rule"));
    let unused = rules.iter().filter(|class| !is_used(class)).map(|class| format!("the rule of `.{class}` is not used"));
    let outdated = composed.iter().filter(|class| !rules.contains(*class)).map(|class| format!("the exception `{class}` has no rule"));
    unstyled.chain(unused).chain(outdated).collect()
}

/// All files with this extension, recursively.
pub(crate) fn read_all(folder: &Path, extension: &str) -> Result<String> {
    let mut text = String::new();
    for entry in folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            text.push_str(&read_all(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            text.push_str(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
    }
    Ok(text)
}

fn without_comments(css: &str) -> String {
    let mut parts = css.split("/*");
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| part.split_once("*/")).map(|(_, rest)| rest);
    std::iter::once(first).chain(rest).collect()
}

/// The classes in the selectors of a style sheet without comments.
fn rules(css: &str) -> BTreeSet<&str> {
    let preludes = css.split_inclusive(['{', '}', ';']).filter(|part| part.ends_with('{'));
    let selectors = preludes.filter(|prelude| !prelude.trim_start().starts_with('@'));
    let names = selectors.flat_map(|selector| selector.split('.').skip(1)).map(leading_name);
    names.filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic())).collect()
}

/// The classes that the sources set with `class="name"`, `class: "name"` or `class:name=…`.
fn assigned(sources: &str) -> BTreeSet<&str> {
    let mut classes = BTreeSet::new();
    for rest in sources.split("class").skip(1) {
        if let Some(value) = rest.strip_prefix("=\"").or_else(|| rest.strip_prefix(": \"")) {
            classes.extend(value.split('"').next().unwrap_or_default().split_whitespace());
        } else if let Some(directive) = rest.strip_prefix(':') {
            classes.extend(Some(leading_name(directive)).filter(|name| !name.is_empty()));
        }
    }
    classes
}

/// Words of all string literals, because some classes are in constants and match arms.
fn words_in_strings(sources: &str) -> BTreeSet<&str> {
    let strings = sources.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
    strings.flat_map(|text| text.split(|character| !is_in_name(character))).collect()
}

/// The class name at the beginning of a text; empty if there is none.
fn leading_name(text: &str) -> &str {
    text.split(|character| !is_in_name(character)).next().unwrap_or_default()
}

fn is_in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || ['-', '_'].contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_without_comments_and_values() {
        let css = "/* .gone { } */ .a:not(.b), td.c_1 > .d-e { margin: 0.5rem; &.f { top: 0 } } @media (width < 1.5rem) { .g{} } @import \"h.css\";";
        assert_eq!(rules(&without_comments(css)).into_iter().collect::<Vec<_>>(), ["a", "b", "c_1", "d-e", "f", "g"]);
    }

    #[test]
    fn assigned_classes_are_read() {
        let source = r#"<p class="a b" class:c-d=move || on> Column { class: "e" } fn view(class: &str) { "not" }"#;
        assert_eq!(assigned(source).into_iter().collect::<Vec<_>>(), ["a", "b", "c-d", "e"]);
    }

    #[test]
    fn every_difference_is_a_problem() {
        let found = problems(".a {} .b {} .c {} .d {}", r#"class="a x" Self::Primary => "button b""#, &["c", "y"]);
        assert_eq!(found, ["the class `x` has no rule", "the rule of `.d` is not used", "the exception `y` has no rule"]);
        assert_eq!(problems(".a {}", "class=\"a\"", &[]), [""; 0]);
    }
}
