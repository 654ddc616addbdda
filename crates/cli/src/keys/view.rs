//! Human-readable output of keys.

use serde_json::Value;

use crate::table::{format_fields, format_rows, moment, relative_time, width};
use latchkey_types::time::{DAY_MS, MINUTE_MS, Timestamp};

/// Minimum terminal width for the additional columns.
const WIDE: u16 = 120;

/// Formats keys as a table, one row per key.
pub(super) fn table(keys: &[Value]) -> String {
    let now = Timestamp::now();
    let text = |key: &Value, field: &str| key[field].as_str().unwrap_or("-").to_owned();
    let expires = |key: &Value| relative_time(key["expires_at"].as_str(), now);
    if width() < WIDE {
        let row = |key: &Value| vec![text(key, "id"), text(key, "kind"), text(key, "status"), expires(key), text(key, "name")];
        return format_rows(&["ID", "KIND", "STATUS", "EXPIRES", "NAME"], keys.iter().map(row), &[0, 1, 2, 3]);
    }
    let row = |key: &Value| {
        let used = relative_time(key["last_used_at"].as_str(), now);
        let created = relative_time(key["created_at"].as_str(), now);
        vec![text(key, "id"), text(key, "kind"), text(key, "status"), text(key, "mask"), created, used, expires(key), text(key, "name")]
    };
    format_rows(&["ID", "KIND", "STATUS", "SECRET", "CREATED", "LAST USED", "EXPIRES", "NAME"], keys.iter().map(row), &[0, 1, 2, 3, 4, 5, 6])
}

/// Formats all fields of a key.
pub(super) fn facts(key: &Value) -> String {
    let now = Timestamp::now();
    let text = |field: &str| key[field].as_str().map(ToOwned::to_owned);
    let at = |field: &str| moment(key[field].as_str(), now);
    format_fields(vec![
        ("name", text("name")),
        ("id", text("id")),
        ("kind", text("kind")),
        ("status", text("status")),
        ("secret", text("mask")),
        ("created", at("created_at")),
        ("last used", at("last_used_at").or_else(|| Some("never".to_owned()))),
        ("expires", at("expires_at").or_else(|| Some("never".to_owned()))),
        ("scopes", listed(&key["scopes"])),
        ("corpora", listed(&key["corpora"])),
        ("external id", text("external_id")),
        ("metadata", json(&key["metadata"])),
        ("rate limits", rate_limits(&key["rate_limits"])),
        ("credits", credits(&key["credits"])),
        ("allowed ips", listed(&key["allowed_ips"])),
        ("old secret", moment(key["retiring"]["until"].as_str(), now).map(|until| format!("valid until {until}"))),
    ])
}

/// Name and id of a key, for messages.
pub(super) fn named(key: &Value) -> String {
    format!("“{}” ({})", key["name"].as_str().unwrap_or("?"), key["id"].as_str().unwrap_or("?"))
}

/// Formats a JSON array as a comma-separated list.
pub(crate) fn listed(list: &Value) -> Option<String> {
    let items = list.as_array()?.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned));
    Some(items.collect::<Vec<_>>().join(", "))
}

/// Formats a value as JSON; `None` for null.
pub(crate) fn json(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

fn rate_limits(limits: &Value) -> Option<String> {
    let format = |limit: &Value| {
        let span = span(limit["duration_ms"].as_i64().unwrap_or_default());
        format!("{}={}/{span}", limit["name"].as_str().unwrap_or("?"), limit["limit"])
    };
    Some(limits.as_array()?.iter().map(format).collect::<Vec<_>>().join(", "))
}

/// Formats a duration as `--rate-limit` accepts it.
fn span(ms: i64) -> String {
    let units = [(DAY_MS, "d"), (60 * MINUTE_MS, "h"), (MINUTE_MS, "m"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| ms > 0 && ms % unit == 0);
    whole.map_or_else(|| format!("{ms}ms"), |(unit, suffix)| format!("{}{suffix}", ms / unit))
}

fn credits(credits: &Value) -> Option<String> {
    let remaining = credits["remaining"].as_i64()?;
    Some(match credits["refill"].as_str() {
        Some(refill) if refill != "never" => format!("{remaining} left, refilled {refill} to {}", credits["amount"]),
        _ => format!("{remaining} left"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_round_trips() {
        for (ms, text) in [(500, "500ms"), (60_000, "1m"), (90_000, "90s"), (DAY_MS, "1d"), (3_600_000, "1h"), (0, "0ms")] {
            assert_eq!(span(ms), text);
        }
    }
}
