//! Tables for people: what fits their terminal, and moments as they say them.

use std::io::{self, IsTerminal};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::model::time::{DAY_MS, MINUTE_MS, Timestamp};

/// For how wide a terminal tables are made where none is known.
const USUAL_WIDTH: u16 = 80;

/// How wide the reader's terminal is; the usual width for a pipe or a file.
pub fn width() -> u16 {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns >= 40);
    said.or_else(|| terminal_size::terminal_size().filter(|_| io::stdout().is_terminal()).map(|(width, _)| width.0)).unwrap_or(USUAL_WIDTH)
}

/// A table without rules, so that other programs can cut it; `kept` columns are never broken. Rows are broken only for a terminal:
/// what goes into a pipe stays one line a row.
pub fn of_rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>, kept: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if kept.contains(&at) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}

/// Names and values, one pair a line; what has no value is left out.
pub fn of_facts(facts: Vec<(&str, Option<String>)>) -> String {
    let facts: Vec<_> = facts.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect();
    let wide = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
    facts.iter().map(|(name, value)| format!("{name:wide$}{}", plain(value))).collect::<Vec<_>>().join("\n")
}

/// Without what would steer a terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\n' { '\u{FFFD}' } else { char }).collect()
}

/// How far a moment is from now: `3 h ago`, `in 89 d`; a dash for none.
pub fn from_now(moment: Option<&str>, now: Timestamp) -> String {
    let Some(moment) = moment else { return "-".to_owned() };
    let Some(ms) = unix_ms(moment) else { return moment.to_owned() };
    let away = (now.0 - ms).abs();
    let span = match away {
        ..MINUTE_MS => return "now".to_owned(),
        ms if ms < 60 * MINUTE_MS => format!("{} min", ms / MINUTE_MS),
        ms if ms < DAY_MS => format!("{} h", ms / (60 * MINUTE_MS)),
        ms => format!("{} d", ms / DAY_MS),
    };
    if ms <= now.0 { format!("{span} ago") } else { format!("in {span}") }
}

/// A moment to the second, with how far it is: `2026-11-21 10:00:00 UTC (3 h ago)`.
pub fn moment(moment: Option<&str>, now: Timestamp) -> Option<String> {
    let text = moment?;
    let Some(ms) = unix_ms(text) else { return Some(text.to_owned()) };
    let iso = Timestamp(ms).rfc3339();
    Some(format!("{} {} UTC ({})", &iso[..10], &iso[11..19], from_now(moment, now)))
}

fn unix_ms(moment: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(moment, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_255_200_000);

    #[test]
    fn moments_are_told_from_now() {
        let told = |ms: i64| from_now(Some(&NOW.plus_ms(ms).rfc3339()), NOW);
        for (ms, says) in [
            (0, "now"),
            (-59_999, "now"),
            (-MINUTE_MS, "1 min ago"),
            (61 * MINUTE_MS, "in 1 h"),
            (-3 * 60 * MINUTE_MS, "3 h ago"),
            (90 * DAY_MS - 1, "in 89 d"),
            (-DAY_MS, "1 d ago"),
        ] {
            assert_eq!(told(ms), says);
        }
        assert_eq!((from_now(None, NOW).as_str(), from_now(Some("soon"), NOW).as_str()), ("-", "soon"));
        assert_eq!(moment(Some("2026-11-21T09:00:00.000Z"), NOW).as_deref(), Some("2026-11-21 09:00:00 UTC (1 h ago)"));
    }

    #[test]
    fn a_table_is_as_wide_as_what_is_seen_and_steers_no_terminal() {
        let table =
            of_rows(&["NAME", "KIND"], [vec!["日本".to_owned(), "agent".to_owned()], vec!["\u{1b}[2Jx".to_owned(), "client".to_owned()]], &[]);
        assert_eq!(table, "NAME   KIND\n日本   agent\n\u{FFFD}[2Jx  client");
    }
}
