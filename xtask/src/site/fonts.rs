//! The typefaces: variable fonts from JavaScript packages, reduced to the characters of the page.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::cache;
use super::folder::Files;
use crate::{paths, process};

const SCRIPT: &str = include_str!("subset_fonts.js");

/// A font of the site.
#[derive(Hash)]
struct Font {
    /// The name in `pkg`, which `style/fonts.css` refers to.
    name: &'static str,
    /// The path in `node_modules`.
    source: &'static str,
    /// Characters beyond ASCII.
    extra: &'static [std::ops::RangeInclusive<char>],
    /// OpenType features, separated by commas.
    features: &'static str,
}

/// Texts and names. Other characters, such as those of names in Greek, are shown in a font of the system.
const SANS: Font = Font {
    name: "inter.woff2",
    source: "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    extra: &['\u{a0}'..='\u{ff}', 'Œ'..='œ', '–'..='—', '‘'..='„', '•'..='•', '…'..='…', '‹'..='›', '€'..='€', '™'..='™', '−'..='−'],
    features: "ccmp,kern,locl,mark,mkmk,tnum",
};

/// Keys and code. Without ligatures: the characters of code must be those that were typed.
const MONO: Font = Font {
    name: "jetbrains-mono.woff2",
    source: "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
    extra: &['…'..='…', '·'..='·', '“'..='”', '’'..='’'],
    features: "ccmp,mark",
};

/// Adds the fonts to `pkg`.
pub(super) fn add_fonts(files: &mut Files) -> Result<()> {
    for font in [SANS, MONO] {
        files.add(format!("pkg/{}", font.name), subset(&font).with_context(|| format!("cannot reduce {}", font.source))?);
    }
    Ok(())
}

/// The reduced font. The last result is cached.
fn subset(font: &Font) -> Result<Vec<u8>> {
    let output = paths::site_work().join("fonts").join(font.name);
    cache::output_of(&output, &(font, SCRIPT), || process::run(&mut command(font, &output)))
}

fn command(font: &Font, output: &Path) -> Command {
    let source = Path::new("node_modules").join(font.source);
    let mut command = Command::new("node");
    command.args(["-e", SCRIPT]).arg(source).arg(characters(font)).arg(font.features).arg(output).current_dir(paths::end2end());
    command
}

fn characters(font: &Font) -> String {
    (' '..='~').chain(font.extra.iter().cloned().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_have_the_characters_of_page_texts() {
        let has_all = |font: &Font, text: &str| text.chars().all(|character| characters(font).contains(character));
        assert!(has_all(&SANS, "Zoë’s “keys” – 3 × €5… · 40 °C — ‹back›"));
        assert!(has_all(&MONO, "lkc_rb1D…ntsI curl -H 'a: b' | jq ."));
    }
}
