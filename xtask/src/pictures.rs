//! `cargo xtask pictures`: pictures of every page and dialog, in every state, at several widths, in light and in dark colors. Playwright takes
//! them (end2end/pictures) as `<page>/<state>/<width>-<colors>.png`; here they are selected, and arranged on one sheet.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::step::Steps;
use crate::{paths, process, test};

/// The beginning of the sheet; the pages follow.
const HEAD: &str = include_str!("pictures.html");

/// The screenshots of the README. Unlike the other pictures, they are part of the repository.
const README: &str = "readme";

/// The states that most pages have, in the order of the sheet. Others follow by name.
const STATES: [&str; 7] = ["empty", "one", "typical", "full", "long names", "loading", "failed"];

#[derive(Args)]
pub(crate) struct Options {
    /// Take only the pictures of one page, by its heading in index.html, or the screenshots of the README (`readme`), which go into docs/
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// Takes the pictures. Those that can be taken are shown even if others fail.
pub(crate) fn pictures(options: &Options) -> Result<()> {
    let (only, folder) = (options.only.as_deref(), paths::inside("target/pictures"));
    let mut steps = Steps::start();
    let mut playwright = test::playwright(&mut steps)?;
    playwright.args(["--config", "pictures/playwright.config.ts"]).args(selection(only)).env("PICTURES", &folder);
    if only.is_none() && folder.exists() {
        // The states may have other names now.
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let taken = steps.run("pictures", || process::run(&mut playwright));
    if only != Some(README) && folder.exists() {
        let sheet = folder.join("index.html");
        fs::write(&sheet, index(&folder)?).with_context(|| format!("cannot write {}", sheet.display()))?;
        eprintln!("    file://{}", sheet.display());
    }
    taken?;
    steps.print_summary();
    Ok(())
}

/// Playwright's arguments that select the pictures of a page. Each page has a tag.
fn selection(only: Option<&str>) -> [String; 2] {
    match only {
        Some(name) => ["--grep".to_owned(), format!(r"@{name}(\s|$)")],
        None => ["--grep-invert".to_owned(), format!("@{README}")],
    }
}

/// A picture of a state, in the order of the sheet: light before dark, narrow before wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Picture {
    is_dark: bool,
    width: u32,
}

impl Picture {
    fn parse(file_name: &str) -> Option<Self> {
        let (width, colors) = file_name.strip_suffix(".png")?.split_once('-')?;
        Some(Self { is_dark: colors == "dark", width: width.parse().ok()? })
    }

    fn html(self, page: &str, state: &str) -> String {
        let Self { is_dark, width } = self;
        let colors = if is_dark { "dark" } else { "light" };
        let path = format!("{page}/{state}/{width}-{colors}.png");
        format!(
            "<a class=\"{colors} width-{width}\" href=\"{path}\"><img loading=\"lazy\" src=\"{path}\" alt=\"{page}, {state}\"><span>{width} {colors}</span></a>\n"
        )
    }
}

/// The sheet with all pictures of a folder.
fn index(folder: &Path) -> Result<String> {
    let pages = names(folder)?.into_iter().filter(|name| folder.join(name).is_dir()).collect::<Vec<_>>();
    let links: Vec<_> = pages.iter().map(|page| format!("<a href=\"#{page}\">{page}</a>")).collect();
    let sections: String = pages.iter().map(|page| section(folder, page)).collect::<Result<_>>()?;
    Ok(format!("{HEAD}<nav>{}</nav>\n<main>\n{sections}</main>\n</html>\n", links.join("\n")))
}

fn section(folder: &Path, page: &str) -> Result<String> {
    let mut states = names(&folder.join(page))?;
    states.sort_by_key(|state| STATES.iter().position(|first| first == state).unwrap_or(STATES.len()));
    let rows: String = states.iter().map(|state| row(folder, page, state)).collect::<Result<_>>()?;
    Ok(format!("<section id=\"{page}\">\n<h2>{page}</h2>\n{rows}</section>\n"))
}

fn row(folder: &Path, page: &str, state: &str) -> Result<String> {
    let mut pictures: Vec<_> = names(&folder.join(page).join(state))?.iter().filter_map(|name| Picture::parse(name)).collect();
    pictures.sort_unstable();
    let pictures: String = pictures.into_iter().map(|picture| picture.html(page, state)).collect();
    Ok(format!("<h3>{state}</h3>\n<div class=\"pictures\">\n{pictures}</div>\n"))
}

/// The names of what a folder contains, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_is_ordered_by_page_state_colors_and_width() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["billing/last month/390-light.png", "billing/empty/1280-light.png", "billing/empty/390-light.png", "billing/empty/390-dark.png"]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(folder.path().join("index.html"), "of an earlier run").unwrap();
        let sheet = index(folder.path()).unwrap();
        let sources: Vec<_> = sheet.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let expected =
            ["billing/empty/390-light.png", "billing/empty/1280-light.png", "billing/empty/390-dark.png", "billing/last month/390-light.png"];
        assert_eq!(sources, expected);
        assert_eq!(sheet.matches("<section").count(), 1);
    }

    #[test]
    fn a_page_is_selected_by_its_whole_name() {
        assert_eq!(selection(Some("project")), ["--grep", r"@project(\s|$)"]);
        assert_eq!(selection(None), ["--grep-invert", "@readme"]);
    }
}
