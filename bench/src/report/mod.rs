//! The report: one table, printed and written to docs/benchmarks.md. The rows about several instances are in docs/instances.md too.

mod machine;

use std::fs;

use anyhow::{Context, Result};
use latchkey_types::time::Timestamp;

use crate::{
    figures::{INSTANCES, Outcome, Row},
    paths,
};

/// The report's template: the text around the table.
const TEMPLATE: &str = include_str!("benchmarks.md");
const REPORT: &str = "docs/benchmarks.md";
/// The table must be the last one of this document.
const INSTANCES_DOCUMENT: &str = "docs/instances.md";

/// The table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = "| | what | goal | measured | met |\n| --- | --- | --- | --- | --- |\n".to_owned();
    head + &rows.iter().map(table_row).collect::<String>()
}

fn table_row(Row { figure, what, goal, measured, outcome }: &Row) -> String {
    let met = match outcome {
        Outcome::Met => "yes".to_owned(),
        Outcome::NotMet(reason) => format!("**not met**: {}", escape_cell(reason)),
        Outcome::NoGoal => "–".to_owned(),
    };
    format!("| {figure} | {what} | {goal} | {measured} | {met} |\n")
}

/// Removes what breaks a table cell (line breaks, bars) and the path of the workspace, which must not be published.
fn escape_cell(reason: &str) -> String {
    reason.replace('|', "/").replace(['\n', '\r'], " ").replace(&format!("{}/", paths::root().display()), "")
}

/// Writes docs/benchmarks.md.
pub(crate) fn write(rows: &[Row]) -> Result<()> {
    let now = Timestamp::now().rfc3339();
    let filled = TEMPLATE.replace("{date}", &now[..10]).replace("{machine}", &machine::machine()).replace("{versions}", &machine::versions());
    let file = paths::root().join(REPORT);
    fs::write(&file, filled.replace("{table}", table(rows).trim_end())).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("Report written to {REPORT}.");
    replace_in(INSTANCES_DOCUMENT, INSTANCES, rows)
}

/// Replaces the rows of one figure in the documents that have them.
pub(crate) fn replace(figure: u8, rows: &[Row]) -> Result<()> {
    replace_in(REPORT, figure, rows)?;
    if figure == INSTANCES { replace_in(INSTANCES_DOCUMENT, figure, rows) } else { Ok(()) }
}

fn replace_in(document: &str, figure: u8, rows: &[Row]) -> Result<()> {
    let file = paths::root().join(document);
    let report = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::write(&file, with_rows(&report, figure, rows)).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("The rows of figure {figure} are replaced in {document}.");
    Ok(())
}

/// The report with these rows of the figure, after those of the figures before it.
fn with_rows(report: &str, figure: u8, rows: &[Row]) -> String {
    let number = |line: &str| line.strip_prefix("| ").and_then(|rest| rest.split(' ').next()?.parse::<u8>().ok());
    let mut lines: Vec<&str> = report.lines().filter(|line| number(line) != Some(figure)).collect();
    let rows: String = rows.iter().filter(|row| row.figure == figure).map(table_row).collect();
    let is_before = |line: &&str| line.starts_with("| ---") || number(line).is_some_and(|number| number < figure);
    let start = lines.iter().rposition(is_before).map_or(lines.len(), |last| last + 1);
    lines.splice(start..start, rows.lines());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_measurements_are_reported() {
        let row = Row {
            figure: 4,
            what: "a peer".to_owned(),
            goal: "40 or more".to_owned(),
            measured: "not measured".to_owned(),
            outcome: Outcome::NotMet(format!("no\n{}/target | here", paths::root().display())),
        };
        assert!(table(&[row]).ends_with("| 4 | a peer | 40 or more | not measured | **not met**: no target / here |\n"));
    }

    #[test]
    fn rows_of_one_figure_are_replaced() {
        let row = |figure, what: &str| Row { figure, what: what.to_owned(), goal: "1".to_owned(), measured: "1".to_owned(), outcome: Outcome::Met };
        let report = |rows: &[Row]| format!("# Title\n\n{}\nText.\n", table(rows));
        let before = report(&[row(5, "kept"), row(6, "old"), row(7, "kept")]);
        let after = report(&[row(5, "kept"), row(6, "new"), row(6, "newer"), row(7, "kept")]);
        assert_eq!(with_rows(&before, 6, &[row(6, "new"), row(6, "newer")]), after);
        assert_eq!(with_rows(&report(&[row(6, "kept")]), 7, &[row(7, "new")]), report(&[row(6, "kept"), row(7, "new")]));
        assert_eq!(with_rows(&report(&[]), 6, &[row(5, "other"), row(6, "new")]), report(&[row(6, "new")]));
        assert_eq!(with_rows(&report(&[]), 7, &[row(7, "new")]), report(&[row(7, "new")]));
    }
}
