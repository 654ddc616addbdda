//! Human-readable output: tables that fit the terminal, and relative times.

use std::io::{self, IsTerminal};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use time::UtcDateTime;

use latchkey_types::{
    rest::values::Rfc3339,
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

/// Width of tables if the terminal's width is unknown, in columns.
const DEFAULT_WIDTH: u16 = 80;

/// Width of the terminal; the default width for a pipe or a file.
pub fn width() -> u16 {
    let from_environment = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns >= 40);
    from_environment
        .or_else(|| terminal_size::terminal_size().filter(|_| io::stdout().is_terminal()).map(|(width, _)| width.0))
        .unwrap_or(DEFAULT_WIDTH)
}

/// Formats a table without borders, so that `cut` and `awk` can process it. Columns in `kept` are never wrapped. Other columns are wrapped
/// only for a terminal: in a pipe every row is one line.
pub fn format_rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>, kept: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if kept.contains(&index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}

/// Formats pairs of name and value, one per line. Pairs without a value are omitted.
pub fn format_fields<N: AsRef<str>>(facts: impl IntoIterator<Item = (N, Option<String>)>) -> String {
    let facts: Vec<_> = facts.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect();
    let name_width = facts.iter().map(|(name, _)| name.as_ref().len()).max().unwrap_or_default() + 2;
    facts.iter().map(|(name, value)| format!("{:name_width$}{}", name.as_ref(), plain(value))).collect::<Vec<_>>().join("\n")
}

/// Replaces control characters, which could manipulate the terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\n' { '\u{FFFD}' } else { char }).collect()
}

/// Formats a time relative to now: `3 h ago`, `in 89 d`; a dash for `None`.
pub fn relative_time(moment: Option<Rfc3339>, now: Timestamp) -> String {
    let Some(Rfc3339(Timestamp(ms))) = moment else { return "-".to_owned() };
    let distance = (now.0 - ms).abs();
    let span = match distance {
        ..MINUTE_MS => return "now".to_owned(),
        ms if ms < 60 * MINUTE_MS => format!("{} min", ms / MINUTE_MS),
        ms if ms < DAY_MS => format!("{} h", ms / (60 * MINUTE_MS)),
        ms => format!("{} d", ms / DAY_MS),
    };
    if ms <= now.0 { format!("{span} ago") } else { format!("in {span}") }
}

/// Formats a time with seconds and relative time: `2026-11-21 10:00:00 UTC (3 h ago)`.
pub fn moment(moment: Rfc3339, now: Timestamp) -> String {
    // A time that the date library does not support has a year outside of -9999 to 9999.
    let Ok(at) = UtcDateTime::from_unix_timestamp(moment.0.0.div_euclid(1000)) else { return moment.to_string() };
    let (hour, minute, second) = at.as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC ({})", at.date(), relative_time(Some(moment), now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_255_200_000);

    #[test]
    fn times_are_relative_to_now() {
        let relative = |ms: i64| relative_time(Some(NOW.plus_ms(ms).into()), NOW);
        for (ms, expected) in [
            (0, "now"),
            (-59_999, "now"),
            (-MINUTE_MS, "1 min ago"),
            (61 * MINUTE_MS, "in 1 h"),
            (-3 * 60 * MINUTE_MS, "3 h ago"),
            (90 * DAY_MS - 1, "in 89 d"),
            (-DAY_MS, "1 d ago"),
        ] {
            assert_eq!(relative(ms), expected);
        }
        assert_eq!(relative_time(None, NOW), "-");
        let formatted = |text: &str| moment(text.parse().unwrap(), NOW);
        assert_eq!(formatted("2026-11-21T09:00:00.000Z"), "2026-11-21 09:00:00 UTC (1 h ago)");
        assert_eq!(formatted("2026-11-21T23:30:07-01:00"), "2026-11-22 00:30:07 UTC (in 14 h)");
    }

    #[test]
    fn a_table_uses_display_width_and_no_control_characters() {
        let table =
            format_rows(&["NAME", "KIND"], [vec!["日本".to_owned(), "agent".to_owned()], vec!["\u{1b}[2Jx".to_owned(), "client".to_owned()]], &[]);
        assert_eq!(table, "NAME   KIND\n日本   agent\n\u{FFFD}[2Jx  client");
    }
}
