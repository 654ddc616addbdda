//! What came of it: one table, on the screen and in docs/benchmarks.md.

mod machine;

use std::fs;

use anyhow::{Context, Result};
use latchkey::model::time::Timestamp;

use crate::{
    figures::{Outcome, Row},
    places,
};

/// What stands round the table.
const TEXT: &str = include_str!("benchmarks.md");

/// The table, in Markdown.
pub fn table(rows: &[Row]) -> String {
    let head = "| | what | goal | measured | met |\n| --- | --- | --- | --- | --- |\n".to_owned();
    head + &rows.iter().map(line).collect::<String>()
}

fn line(Row { figure, what, goal, measured, outcome }: &Row) -> String {
    let met = match outcome {
        Outcome::Met => "yes".to_owned(),
        Outcome::NotMet(why) => format!("**not met**: {}", in_a_cell(why)),
        Outcome::Told => "–".to_owned(),
    };
    format!("| {figure} | {what} | {goal} | {measured} | {met} |\n")
}

/// A reason may have lines and bars of its own, and names of this machine's folders, which are nobody's business.
fn in_a_cell(why: &str) -> String {
    why.replace('|', "/").replace(['\n', '\r'], " ").replace(&format!("{}/", places::root().display()), "")
}

/// Writes docs/benchmarks.md.
///
/// # Errors
/// When it can't be written.
pub fn write(rows: &[Row]) -> Result<()> {
    let now = Timestamp::now().rfc3339();
    let filled = TEXT.replace("{date}", &now[..10]).replace("{machine}", &machine::machine()).replace("{versions}", &machine::versions());
    let file = places::root().join("docs/benchmarks.md");
    fs::write(&file, filled.replace("{table}", table(rows).trim_end())).with_context(|| format!("{} can't be written", file.display()))?;
    eprintln!("Written down in docs/benchmarks.md.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_stands_in_the_table() {
        let row = Row {
            figure: 4,
            what: "a peer".to_owned(),
            goal: "40 or more".to_owned(),
            measured: "not measured".to_owned(),
            outcome: Outcome::NotMet(format!("no\n{}/target | here", places::root().display())),
        };
        assert!(table(&[row]).ends_with("| 4 | a peer | 40 or more | not measured | **not met**: no target / here |\n"));
    }
}
