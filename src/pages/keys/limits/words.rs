//! What limits a key, in words and in figures that somebody types. Plain text, without a browser.

use crate::{
    model::{
        limits::{Credits, Limits, RateLimit, Refill},
        time::{DAY_MS, MINUTE_MS},
    },
    ui::number::{count_of, counted, grouped},
};

/// What a span is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// The word in the form.
    pub word: &'static str,
    /// One of them, in a sentence.
    one: &'static str,
    /// As short as it can be said.
    short: &'static str,
    /// How long it is.
    pub ms: i64,
}

const SECOND_MS: i64 = 1000;

/// Each unit, the longest last.
pub const UNITS: [Unit; 4] = [
    Unit { word: "seconds", one: "second", short: "s", ms: SECOND_MS },
    Unit { word: "minutes", one: "minute", short: "min", ms: MINUTE_MS },
    Unit { word: "hours", one: "hour", short: "h", ms: 60 * MINUTE_MS },
    Unit { word: "days", one: "day", short: "day", ms: DAY_MS },
];

/// The unit that the form begins with.
pub const MINUTES: Unit = UNITS[1];

/// A whole number as people type it: `1000`, `1,000`, `1 000`.
pub fn number(typed: &str) -> Option<i64> {
    let digits: String = typed.chars().filter(|c| *c != ',' && !c.is_whitespace()).collect();
    digits.parse().ok()
}

/// A number of units, with up to three places after the point, in milliseconds.
pub fn span_ms(typed: &str, unit: Unit) -> Option<i64> {
    let typed = typed.trim();
    let (whole, part) = typed.split_once('.').unwrap_or((typed, ""));
    let is_number =
        !(whole.is_empty() && part.is_empty()) && part.len() <= 3 && (whole.bytes().chain(part.bytes())).all(|byte| byte.is_ascii_digit());
    let thousandths: i64 = is_number.then(|| format!("{whole}{part:0<3}").parse().ok()).flatten()?;
    thousandths.checked_mul(unit.ms / SECOND_MS)
}

/// The longest unit in which a span is a whole number; else seconds, with places after the point.
pub fn span(duration_ms: i64) -> (String, Unit) {
    if let Some(unit) = UNITS.into_iter().rev().find(|unit| duration_ms % unit.ms == 0) {
        return ((duration_ms / unit.ms).to_string(), unit);
    }
    let text = format!("{}.{:03}", duration_ms / SECOND_MS, duration_ms % SECOND_MS);
    (text.trim_end_matches('0').to_owned(), UNITS[0])
}

/// The limits of a key as short as they can be said: `100/min · 1,000 credits · 2 networks`.
pub fn summary(limits: &Limits) -> String {
    let mut parts: Vec<_> = limits.rate_limits.iter().map(rate).collect();
    parts.extend(limits.credits.map(|credits| counted(credits.remaining, "credit", "credits")));
    if !limits.allowed_ips.is_empty() {
        parts.push(count_of(limits.allowed_ips.len(), "network", "networks"));
    }
    parts.join(" · ")
}

/// The same at length, a line for each.
pub fn at_length(limits: &Limits) -> String {
    let mut lines: Vec<_> = limits.rate_limits.iter().map(rate_at_length).collect();
    lines.extend(limits.credits.map(credits_at_length));
    if !limits.allowed_ips.is_empty() {
        lines.push(format!("Only from {}", limits.allowed_ips.join(", ")));
    }
    lines.join("\n")
}

fn rate(limit: &RateLimit) -> String {
    let count = grouped(limit.limit);
    match span(limit.duration_ms) {
        (number, unit) if number == "1" => format!("{count}/{}", unit.short),
        // There is a word for one day, and none that is shorter for more.
        (number, unit) if unit.ms == DAY_MS => format!("{count}/{number} {}", unit.word),
        (number, unit) => format!("{count}/{number} {}", unit.short),
    }
}

fn rate_at_length(limit: &RateLimit) -> String {
    let span = match span(limit.duration_ms) {
        (number, unit) if number == "1" => unit.one.to_owned(),
        (number, unit) => format!("{number} {}", unit.word),
    };
    format!("{}: at most {} in any {span}", limit.name, grouped(limit.limit))
}

fn credits_at_length(credits: Credits) -> String {
    let left = counted(credits.remaining, "credit", "credits") + " left";
    match credits.refill {
        Refill::Never => left,
        Refill::Daily => format!("{left}, filled up to {} every day", grouped(credits.amount)),
        Refill::Monthly => format!("{left}, filled up to {} every month", grouped(credits.amount)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(limit: i64, duration_ms: i64) -> RateLimit {
        RateLimit { name: "burst".to_owned(), limit, duration_ms }
    }

    #[test]
    fn a_span_reads_back_as_it_was_typed() {
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
    fn numbers_may_have_their_thousands_apart() {
        assert_eq!((number("1,000"), number(" 1 000 "), number("-5")), (Some(1000), Some(1000), Some(-5)));
        assert_eq!((number(""), number("1.5"), number("ten")), (None, None, None));
    }

    #[test]
    fn limits_are_told_short_and_at_length() {
        let limits = Limits {
            rate_limits: vec![limit(100, 60_000), limit(20, 10_000), limit(5_000, 7 * DAY_MS)],
            credits: Some(Credits { remaining: 1_000, refill: Refill::Daily, amount: 5_000 }),
            allowed_ips: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
        };
        assert_eq!(summary(&limits), "100/min · 20/10 s · 5,000/7 days · 1,000 credits · 2 networks");
        let told = at_length(&limits);
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[0], "burst: at most 100 in any minute");
        assert_eq!(lines[2], "burst: at most 5,000 in any 7 days");
        assert_eq!(lines[3..], ["1,000 credits left, filled up to 5,000 every day", "Only from 192.0.2.0/24, 2001:db8::/32"]);
        assert_eq!(summary(&Limits::default()), "");
    }
}
