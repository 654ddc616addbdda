//! Human-readable output of keys.

use crate::table::{format_fields, format_rows, moment, relative_time, width};
use serde_json::Value;

use latchkey_types::{
    budget::BudgetPeriod,
    limits::{Credits, RateLimit, Refill},
    rest::keys::{BudgetAmount, Key, KeyBudget},
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

/// Minimum terminal width for the additional columns.
const WIDE: u16 = 120;

/// Formats keys as a table, one row per key.
pub(super) fn table(keys: &[Key]) -> String {
    let now = Timestamp::now();
    let first = |key: &Key| vec![key.id.to_string(), key.kind.spec().name.to_owned(), key.status.as_str().to_owned()];
    let expires = |key: &Key| relative_time(key.expires_at, now);
    if width() < WIDE {
        let row = |key: &Key| [first(key), vec![expires(key), key.name.clone()]].concat();
        return format_rows(&["ID", "KIND", "STATUS", "EXPIRES", "NAME"], keys.iter().map(row), &[0, 1, 2, 3]);
    }
    let row = |key: &Key| {
        let (used, created) = (relative_time(key.last_used_at, now), relative_time(Some(key.created_at), now));
        [first(key), vec![key.mask.clone(), created, used, expires(key), key.name.clone()]].concat()
    };
    format_rows(&["ID", "KIND", "STATUS", "SECRET", "CREATED", "LAST USED", "EXPIRES", "NAME"], keys.iter().map(row), &[0, 1, 2, 3, 4, 5, 6])
}

/// The fields that [`facts`] formats one by one.
const FORMATTED: [&str; 17] = [
    "name",
    "id",
    "kind",
    "status",
    "mask",
    "created_at",
    "created_by",
    "last_used_at",
    "expires_at",
    "scopes",
    "corpora",
    "rate_limits",
    "address_rate_limits",
    "credits",
    "budget",
    "log_bodies",
    "retiring",
];

/// Formats all fields of a key.
pub(super) fn facts(key: &Key) -> String {
    let now = Timestamp::now();
    let at_or_never = |at| Option::map_or(at, "never".to_owned(), |at| moment(at, now));
    let formatted = [
        ("name", Some(key.name.clone())),
        ("id", Some(key.id.to_string())),
        ("kind", Some(key.kind.spec().name.to_owned())),
        ("status", Some(key.status.as_str().to_owned())),
        ("secret", Some(key.mask.clone())),
        ("created", Some(moment(key.created_at, now))),
        ("last used", Some(at_or_never(key.last_used_at))),
        ("expires", Some(at_or_never(key.expires_at))),
        ("scopes", Some(key.scopes.join(", "))),
        ("corpora", Some(numbers(&key.corpora))),
        ("rate limits", Some(rate_limits(&key.rate_limits.0))),
        ("rate limits per address", Some(rate_limits(&key.address_rate_limits.0))),
        ("credits", key.credits.map(credits)),
        ("budget", key.budget.as_ref().map(budget)),
        ("bodies of calls", key.log_bodies.then(|| "logged".to_owned())),
        ("old secret", key.retiring.as_ref().map(|old| format!("valid until {}", moment(old.until, now)))),
    ];
    format_fields(formatted.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(other_fields(key)))
}

/// The other fields, as they are, so that a new attribute is printed too.
fn other_fields(key: &Key) -> Vec<(String, Option<String>)> {
    let Ok(Value::Object(fields)) = serde_json::to_value(key) else { return Vec::new() };
    let others = fields.into_iter().filter(|(name, _)| !FORMATTED.contains(&name.as_str()));
    others.map(|(name, value)| (name.replace('_', " "), text(&value))).collect()
}

/// Text and lists of texts without quotes, other values as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}

/// Name and id of a key, for messages.
pub(super) fn named(name: &str, id: &str) -> String {
    format!("“{name}” ({id})")
}

/// Formats numbers as a comma-separated list.
pub(crate) fn numbers(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

fn rate_limits(limits: &[RateLimit]) -> String {
    let format = |limit: &RateLimit| {
        let strict = if limit.strict { ",strict" } else { "" };
        format!("{}={}/{}{strict}", limit.name, limit.limit, span(limit.duration_ms))
    };
    limits.iter().map(format).collect::<Vec<_>>().join(", ")
}

/// Formats a duration as `--rate-limit` accepts it.
fn span(ms: i64) -> String {
    let units = [(DAY_MS, "d"), (60 * MINUTE_MS, "h"), (MINUTE_MS, "m"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| ms > 0 && ms % unit == 0);
    whole.map_or_else(|| format!("{ms}ms"), |(unit, suffix)| format!("{}{suffix}", ms / unit))
}

fn credits(credits: Credits) -> String {
    let Credits { remaining, refill, amount } = credits;
    match refill {
        Refill::Never => format!("{remaining} left"),
        Refill::Daily | Refill::Monthly => format!("{remaining} left, refilled {} to {amount}", refill.as_str()),
    }
}

fn budget(budget: &KeyBudget) -> String {
    let amount = |amount: &BudgetAmount| match amount {
        BudgetAmount::Dollars(dollars) => format!("${dollars}"),
        BudgetAmount::Tokens(tokens) => format!("{tokens} tokens"),
    };
    let period = match budget.period {
        BudgetPeriod::None => "in all".to_owned(),
        period => format!("every {}", period.as_str()),
    };
    let (limit, spent, reserved) = (amount(&budget.limit), amount(&budget.spent), amount(&budget.reserved));
    format!("{limit} {period}, of which {spent} are spent and {reserved} reserved")
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
