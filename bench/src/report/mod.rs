//! The report: one table, printed and written to docs/benchmarks.md.

mod machine;

use std::fs;

use anyhow::{Context, Result};
use latchkey_types::time::Timestamp;

use crate::{
    figures::{Outcome, Row},
    paths,
};

/// The report's template: the text around the table.
const TEMPLATE: &str = include_str!("benchmarks.md");

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
    let file = paths::root().join("docs/benchmarks.md");
    fs::write(&file, filled.replace("{table}", table(rows).trim_end())).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("Report written to docs/benchmarks.md.");
    Ok(())
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
}
