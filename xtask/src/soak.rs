//! `cargo xtask soak`: the fault tests in their long form. Their figures are written into docs/reliability.md, and those of several instances into
//! docs/instances.md.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::server::cargo;
use crate::site::Build;
use crate::step::Steps;
use crate::{mutants, paths, run, setup};

const DOCUMENT: &str = "docs/reliability.md";
const INSTANCES_DOCUMENT: &str = "docs/instances.md";
/// Part of the names of the figures in [`INSTANCES_DOCUMENT`].
const OF_INSTANCES: &str = "three instances";

/// The lines of the document between which the rows of the table are.
const FIRST_LINES: &str = "| test | result |\n| --- | --- |\n";
const LAST_LINE: &str = "<!-- end of the results -->\n";

/// What a test prints before its name and its result.
const MARK: &str = "FIGURE ";

#[derive(Args)]
pub(crate) struct Options {
    /// Run only the tests whose name contains this, such as `crash` or `disk`; the other results are kept. `mutants` runs the mutation tests
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Figure {
    name: String,
    result: String,
}

/// Runs the tests and writes the results of those that passed, also if others failed.
pub(crate) fn soak(options: &Options) -> Result<()> {
    if options.only.as_deref() == Some("mutants") {
        return mutants::mutants();
    }
    // The release binary embeds the site.
    run::build_all(Build::Release)?;
    let mut steps = Steps::start();
    steps.run("setup of PostgreSQL", setup::postgres)?;
    steps.run("setup of strace", setup::strace)?;
    steps.run("setup of nginx, Caddy and HAProxy", setup::proxies)?;
    let (figures, passed) = steps.run("fault tests", || run_tests(&mut command(options)))?;
    steps.run("results", || write(&figures))?;
    steps.print_summary();
    if !passed {
        bail!("a fault test failed: its output is above");
    }
    Ok(())
}

fn command(options: &Options) -> Command {
    let mut command = cargo("test");
    command.args(["--release", "--package", "latchkey-program", "--test", "faults", "--", "--test-threads=1", "--nocapture"]);
    command.args(&options.only).env("LATCHKEY_SOAK", "1");
    command
}

/// Runs the command and prints its output. Returns the printed figures and whether it succeeded.
fn run_tests(command: &mut Command) -> Result<(Vec<Figure>, bool)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let mut figures = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines().map_while(Result::ok)) {
        println!("{line}");
        figures.extend(figure(&line));
    }
    Ok((figures, child.wait()?.success()))
}

/// `FIGURE disk full: no change lost` → `disk full` and `no change lost`
fn figure(line: &str) -> Option<Figure> {
    let (name, result) = line.strip_prefix(MARK)?.split_once(": ")?;
    Some(Figure { name: name.to_owned(), result: result.replace('|', "\\|") })
}

fn write(figures: &[Figure]) -> Result<()> {
    let (of_instances, others): (Vec<_>, Vec<_>) = figures.iter().cloned().partition(|figure| figure.name.contains(OF_INSTANCES));
    write_into(DOCUMENT, &others)?;
    write_into(INSTANCES_DOCUMENT, &of_instances)
}

fn write_into(document: &str, figures: &[Figure]) -> Result<()> {
    let path = paths::inside(document);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {document}"))?;
    let Some(updated) = updated(&text, figures) else { bail!("{document} has no table of results, or no line `{}`", LAST_LINE.trim_end()) };
    fs::write(&path, updated).with_context(|| format!("cannot write {document}"))
}

/// The document with these figures. Rows of other tests are kept.
fn updated(document: &str, figures: &[Figure]) -> Option<String> {
    let (before, rest) = document.split_once(FIRST_LINES)?;
    let (old_rows, after) = rest.split_once(LAST_LINE)?;
    let mut table: Vec<Figure> = old_rows.lines().filter_map(row).collect();
    for figure in figures {
        match table.iter_mut().find(|row| row.name == figure.name) {
            Some(row) => row.clone_from(figure),
            None => table.push(figure.clone()),
        }
    }
    table.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = table.iter().fold(String::new(), |rows, Figure { name, result }| rows + &format!("| {name} | {result} |\n"));
    Some(format!("{before}{FIRST_LINES}{rows}\n{LAST_LINE}{after}"))
}

fn row(line: &str) -> Option<Figure> {
    let (name, result) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    Some(Figure { name: name.to_owned(), result: result.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_replace_their_row_and_others_are_kept() {
        let document = format!("# A\n\n{FIRST_LINES}| crash | old |\n| disk | kept |\n\n{LAST_LINE}\nB\n");
        let figures: Vec<Figure> = ["FIGURE crash: new: 3", "FIGURE restore: a|b", "running 3 tests"].into_iter().filter_map(figure).collect();
        let expected = format!("# A\n\n{FIRST_LINES}| crash | new: 3 |\n| disk | kept |\n| restore | a\\|b |\n\n{LAST_LINE}\nB\n");
        assert_eq!(updated(&document, &figures), Some(expected.clone()));
        assert_eq!(updated(&expected, &figures), Some(expected));
        assert_eq!(updated("# A\n", &figures), None);
    }

    #[test]
    fn shipped_documents_have_a_table() {
        for document in [DOCUMENT, INSTANCES_DOCUMENT] {
            let text = fs::read_to_string(paths::inside(document)).unwrap();
            assert_eq!(updated(&text, &[]), Some(text), "{document}");
        }
    }
}
