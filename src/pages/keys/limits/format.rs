//! Formatting and parsing of limits, without a browser.

use latchkey_types::{
    limits::{Credits, Limits, RateLimit, Refill},
    time::{DAY_MS, MINUTE_MS},
};
use latchkey_ui::number::{format_integer, pluralize, pluralize_count};

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    /// The value and label in the form.
    pub name: &'static str,
    /// Singular.
    one: &'static str,
    /// Abbreviation.
    short: &'static str,
    /// In milliseconds.
    pub ms: i64,
}

const SECOND_MS: i64 = 1000;

/// All units, in ascending order.
pub(crate) const UNITS: [Unit; 4] = [
    Unit { name: "seconds", one: "second", short: "s", ms: SECOND_MS },
    Unit { name: "minutes", one: "minute", short: "min", ms: MINUTE_MS },
    Unit { name: "hours", one: "hour", short: "h", ms: 60 * MINUTE_MS },
    Unit { name: "days", one: "day", short: "day", ms: DAY_MS },
];

/// The default unit of the form.
pub(crate) const MINUTES: Unit = UNITS[1];

/// Parses a number of units with up to three decimals. In milliseconds.
pub(crate) fn span_ms(typed: &str, unit: Unit) -> Option<i64> {
    let typed = typed.trim();
    let (whole, part) = typed.split_once('.').unwrap_or((typed, ""));
    let is_number =
        !(whole.is_empty() && part.is_empty()) && part.len() <= 3 && (whole.bytes().chain(part.bytes())).all(|byte| byte.is_ascii_digit());
    let thousandths: i64 = is_number.then(|| format!("{whole}{part:0<3}").parse().ok()).flatten()?;
    thousandths.checked_mul(unit.ms / SECOND_MS)
}

/// Formats a duration as an integer of the largest possible unit, or else as seconds with decimals.
pub(crate) fn span(duration_ms: i64) -> (String, Unit) {
    if let Some(unit) = UNITS.into_iter().rev().find(|unit| duration_ms % unit.ms == 0) {
        return ((duration_ms / unit.ms).to_string(), unit);
    }
    let text = format!("{}.{:03}", duration_ms / SECOND_MS, duration_ms % SECOND_MS);
    (text.trim_end_matches('0').to_owned(), UNITS[0])
}

/// A short summary: `100/min · 20/min per address · 1,000 credits · 2 networks`.
pub(crate) fn summary(limits: &Limits) -> String {
    let mut parts: Vec<_> = limits.rate_limits.iter().map(rate).collect();
    parts.extend(limits.address_rate_limits.iter().map(|limit| rate(limit) + " per address"));
    parts.extend(limits.credits.map(|credits| pluralize(credits.remaining, "credit", "credits")));
    if !limits.allowed_ips.is_empty() {
        parts.push(pluralize_count(limits.allowed_ips.len(), "network", "networks"));
    }
    if !limits.allowed_origins.is_empty() {
        parts.push(pluralize_count(limits.allowed_origins.len(), "origin", "origins"));
    }
    parts.join(" · ")
}

/// A detailed description, one line per limit.
pub(crate) fn details(limits: &Limits) -> String {
    let mut lines: Vec<_> = limits.rate_limits.iter().map(|limit| rate_at_length(limit, "")).collect();
    lines.extend(limits.address_rate_limits.iter().map(|limit| rate_at_length(limit, " per address")));
    lines.extend(limits.credits.map(credits_at_length));
    if !limits.allowed_ips.is_empty() {
        lines.push(format!("Only from {}", limits.allowed_ips.join(", ")));
    }
    if !limits.allowed_origins.is_empty() {
        lines.push(format!("Only from pages of {}", limits.allowed_origins.join(", ")));
    }
    lines.join("\n")
}

fn rate(limit: &RateLimit) -> String {
    let count = format_integer(limit.limit);
    match span(limit.duration_ms) {
        (number, unit) if number == "1" => format!("{count}/{}", unit.short),
        // `day` has no abbreviation for the plural.
        (number, unit) if unit.ms == DAY_MS => format!("{count}/{number} {}", unit.name),
        (number, unit) => format!("{count}/{number} {}", unit.short),
    }
}

fn rate_at_length(limit: &RateLimit, scope: &str) -> String {
    let span = match span(limit.duration_ms) {
        (number, unit) if number == "1" => unit.one.to_owned(),
        (number, unit) => format!("{number} {}", unit.name),
    };
    let strict = if limit.strict { ", strict" } else { "" };
    format!("{}: at most {} in any {span}{scope}{strict}", limit.name, format_integer(limit.limit))
}

fn credits_at_length(credits: Credits) -> String {
    let left = pluralize(credits.remaining, "credit", "credits") + " left";
    match credits.refill {
        Refill::Never => left,
        Refill::Daily => format!("{left}, refilled to {} every day", format_integer(credits.amount)),
        Refill::Monthly => format!("{left}, refilled to {} every month", format_integer(credits.amount)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(limit: i64, duration_ms: i64) -> RateLimit {
        RateLimit { name: "burst".to_owned(), limit, duration_ms, strict: false }
    }

    #[test]
    fn durations_round_trip() {
        for (typed, unit, ms) in [("1", UNITS[1], 60_000), ("90", UNITS[0], 90_000), ("1.5", UNITS[0], 1_500), ("31", UNITS[3], 31 * DAY_MS)] {
            assert_eq!(span_ms(typed, unit), Some(ms));
            assert_eq!(span(ms), (typed.to_owned(), unit));
        }
        assert_eq!(span_ms(".5", UNITS[1]), Some(30_000));
        assert_eq!(span(100), ("0.1".to_owned(), UNITS[0]));
        for typed in ["", ".", "-1", "+1", "1.2345", "a", "1e3", "1,5", "99999999999999999999"] {
            assert_eq!(span_ms(typed, UNITS[0]), None, "{typed}");
        }
        assert_eq!(span_ms("9223372036854775", UNITS[3]), None);
    }

    #[test]
    fn formats_summary_and_details() {
        let limits = Limits {
            rate_limits: vec![limit(100, 60_000), limit(20, 10_000), limit(5_000, 7 * DAY_MS)],
            credits: Some(Credits { remaining: 1_000, refill: Refill::Daily, amount: 5_000 }),
            allowed_ips: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
            ..Limits::default()
        };
        assert_eq!(summary(&limits), "100/min · 20/10 s · 5,000/7 days · 1,000 credits · 2 networks");
        let details = details(&limits);
        let lines: Vec<_> = details.lines().collect();
        assert_eq!(lines[0], "burst: at most 100 in any minute");
        assert_eq!(lines[2], "burst: at most 5,000 in any 7 days");
        assert_eq!(lines[3..], ["1,000 credits left, refilled to 5,000 every day", "Only from 192.0.2.0/24, 2001:db8::/32"]);
        assert_eq!(summary(&Limits::default()), "");
        let public = Limits {
            address_rate_limits: vec![limit(20, 60_000)],
            allowed_origins: vec!["https://example.com".to_owned(), "http://localhost:8080".to_owned()],
            ..Limits::default()
        };
        assert_eq!(summary(&public), "20/min per address · 2 origins");
        let strict = Limits { address_rate_limits: vec![RateLimit { strict: true, ..limit(20, 60_000) }], ..Limits::default() };
        assert_eq!(
            (summary(&strict).as_str(), super::details(&strict).as_str()),
            ("20/min per address", "burst: at most 20 in any minute per address, strict")
        );
        let expected = "burst: at most 20 in any minute per address\nOnly from pages of https://example.com, http://localhost:8080";
        assert_eq!(super::details(&public), expected);
    }
}
