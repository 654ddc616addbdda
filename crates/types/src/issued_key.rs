//! Issued keys of a project, with usage and cost in a period.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    billing::Month,
    error::Error,
    id::{KeyId, ProjectId},
    key_kind::Status,
    money::Money,
    names::parse_by_name,
    permission::UnknownValue,
    time::{DAY_MS, MINUTE_MS, Timestamp, civil_from_days, days_from_civil},
};

/// Allowed numbers of rows per page; the first is the default.
pub const ROWS: [i64; 4] = [10, 20, 50, 100];
/// Maximum length of a custom period, in days.
pub const DAYS_MAX: i64 = 366;
/// Dates in other years are rejected as typing errors.
const YEARS: std::ops::RangeInclusive<i64> = 2000..=2199;
/// Minutes per hour.
const HOUR: i64 = 60;
/// Hours of the shortest period.
const HOURS: i64 = 24;

/// Period in which requests are counted. Days are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum UsagePeriod {
    /// The last 24 hours.
    Day,
    /// The last 7 days, including today.
    Week,
    /// The last 30 days, including today.
    #[default]
    Last30Days,
    /// The current calendar month.
    Month,
    /// A custom range of days.
    Custom,
}

impl UsagePeriod {
    /// All periods, in the order in which the page lists them.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Last30Days, Self::Month, Self::Custom];

    /// Name in the URL and in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Last30Days => "30d",
            Self::Month => "month",
            Self::Custom => "chosen",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Day => "Last 24 hours",
            Self::Week => "Last 7 days",
            Self::Last30Days => "Last 30 days",
            Self::Month => "This month",
            Self::Custom => "From – to",
        }
    }
}

parse_by_name!(UsagePeriod, UsagePeriod::ALL);

impl TryFrom<String> for UsagePeriod {
    type Error = UnknownValue;

    fn try_from(text: String) -> Result<Self, UnknownValue> {
        text.parse()
    }
}

impl From<UsagePeriod> for String {
    fn from(period: UsagePeriod) -> Self {
        period.as_str().to_owned()
    }
}

/// The selected period. `from` and `to` apply only to [`UsagePeriod::Custom`]: dates such as `2026-11-21`, both inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PeriodQuery {
    pub period: UsagePeriod,
    pub from: String,
    pub to: String,
}

/// Unit of time that one bar of the chart covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bucket {
    Hour,
    Day,
}

/// A resolved period, as a number of hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub bucket: Bucket,
    /// First minute (for hours) or first day (for days) since 1970-01-01.
    pub first: i64,
    /// Number of hours or days.
    pub count: i64,
}

impl Span {
    /// Start (inclusive) and end (exclusive).
    pub const fn bounds(self) -> (Timestamp, Timestamp) {
        match self.bucket {
            Bucket::Hour => (Timestamp(self.first * MINUTE_MS), Timestamp((self.first + self.count * HOUR) * MINUTE_MS)),
            Bucket::Day => (Timestamp(self.first * DAY_MS), Timestamp((self.first + self.count) * DAY_MS)),
        }
    }
}

impl PeriodQuery {
    /// Resolves the period relative to `now`.
    ///
    /// # Errors
    /// `Invalid` at `from` or `to` for an invalid date, a start after the end, or a range of more than [`DAYS_MAX`] days.
    pub fn span(&self, now: Timestamp) -> Result<Span, Error> {
        let today = now.0.div_euclid(DAY_MS);
        let days = |first: i64, last: i64| Span { bucket: Bucket::Day, first, count: last - first + 1 };
        Ok(match self.period {
            UsagePeriod::Day => Span { bucket: Bucket::Hour, first: now.0.div_euclid(MINUTE_MS) + 1 - HOURS * HOUR, count: HOURS },
            UsagePeriod::Week => days(today - 6, today),
            UsagePeriod::Last30Days => days(today - 29, today),
            UsagePeriod::Month => days(Month::of_day(today).first_day(), Month::of_day(today).next().first_day() - 1),
            UsagePeriod::Custom => {
                let (first, last) = (day("from", &self.from)?, day("to", &self.to)?);
                if first > last {
                    return Err(Error::invalid("from", "The start date must not be after the end date."));
                }
                if last - first >= DAYS_MAX {
                    return Err(Error::invalid("from", format!("Select at most {DAYS_MAX} days.")));
                }
                days(first, last)
            }
        })
    }
}

/// Parses a date such as `2026-11-21` into days since 1970-01-01.
pub fn day(field: &str, text: &str) -> Result<i64, Error> {
    let parts: Vec<_> = text.trim().split('-').collect();
    let number =
        |digits: &str, length: usize| if digits.len() == length && digits.bytes().all(|d| d.is_ascii_digit()) { digits.parse().ok() } else { None };
    let parsed = match parts[..] {
        [year, month, day] => number(year, 4).zip(number(month, 2)).zip(number(day, 2)),
        _ => None,
    };
    let Some(((year, month), day_of_month)) = parsed else { return Err(Error::invalid(field, "Enter a date like 2026-11-21.")) };
    let day = days_from_civil(year, month, day_of_month);
    if !YEARS.contains(&year) || !(1..=12).contains(&month) || civil_from_days(day) != (year, month, day_of_month) {
        return Err(Error::invalid(field, format!("Enter a valid date between the years {} and {}.", YEARS.start(), YEARS.end())));
    }
    Ok(day)
}

/// Formats days since 1970-01-01 as `2026-11-21`.
pub fn date(day: i64) -> String {
    let (year, month, day_of_month) = civil_from_days(day);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

/// Column that the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuedSort {
    Name,
    /// Name of the holder.
    User,
    /// Issue time.
    #[default]
    Received,
    /// Number of requests.
    Requests,
    /// Cost.
    Total,
}

impl IssuedSort {
    /// Name in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::User => "user",
            Self::Received => "received",
            Self::Requests => "requests",
            Self::Total => "total",
        }
    }

    /// Whether it contains names, which are usually sorted ascending; times and numbers descending.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Name | Self::User)
    }
}

parse_by_name!(IssuedSort, [IssuedSort::Name, IssuedSort::User, IssuedSort::Received, IssuedSort::Requests, IssuedSort::Total]);

/// Column and direction. In a URL, a reversed order begins with `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IssuedOrder {
    pub column: IssuedSort,
    /// Names from Z to A, times from the oldest, numbers from the lowest.
    pub is_reversed: bool,
}

impl IssuedOrder {
    /// Whether larger values come first.
    pub const fn is_descending(self) -> bool {
        self.column.is_text() == self.is_reversed
    }
}

impl fmt::Display for IssuedOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_reversed { "-" } else { "" }, self.column.as_str())
    }
}

impl FromStr for IssuedOrder {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        let (column, is_reversed) = text.strip_prefix('-').map_or((text, false), |column| (column, true));
        Ok(Self { column: column.parse()?, is_reversed })
    }
}

/// Query for one page of a project's issued keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedQuery {
    pub project: ProjectId,
    pub period: PeriodQuery,
    /// Part of the name of the key or of its holder; empty for all keys.
    #[serde(default)]
    pub search: String,
    pub sort: IssuedSort,
    /// See [`IssuedOrder`].
    #[serde(default)]
    pub is_reversed: bool,
    /// Page number, from 1. A number beyond the end selects the last page.
    pub page: i64,
    /// Rows per page: one of [`ROWS`].
    pub rows: i64,
}

/// One page of a project's issued keys, with totals over all pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedPage {
    pub rows: Vec<IssuedRow>,
    /// Page number, from 1.
    pub page: i64,
    /// Number of keys on all pages.
    pub count: i64,
    /// Requests of all keys in the period.
    pub requests: i64,
    pub cost: Money,
    pub bucket: Bucket,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedRow {
    pub id: KeyId,
    /// Name of the template.
    pub name: String,
    /// Name of the holder.
    pub holder: String,
    /// When the request was approved.
    pub received_at: Timestamp,
    pub status: Status,
    /// Whether the holder is disabled. The key can then only be enabled by enabling the holder.
    pub is_holder_disabled: bool,
    /// Requests in the period.
    pub requests: i64,
    pub cost: Money,
    /// Requests per hour or day of the period.
    pub buckets: Vec<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(from: &str, to: &str) -> Result<Span, Error> {
        PeriodQuery { period: UsagePeriod::Custom, from: from.to_owned(), to: to.to_owned() }.span(Timestamp(0))
    }

    #[test]
    fn periods_end_with_today() {
        // 2026-11-21T10:30.
        let now = Timestamp(1_795_257_000_000);
        let of = |period| PeriodQuery { period, ..PeriodQuery::default() }.span(now).unwrap();
        let summary = |span: Span| (span.bounds().0.rfc3339(), span.bounds().1.rfc3339(), span.count);
        let at = |text: &str| format!("{text}:00.000Z");
        assert_eq!(summary(of(UsagePeriod::Day)), (at("2026-11-20T10:31"), at("2026-11-21T10:31"), 24));
        assert_eq!(summary(of(UsagePeriod::Week)), (at("2026-11-15T00:00"), at("2026-11-22T00:00"), 7));
        assert_eq!(summary(of(UsagePeriod::Last30Days)), (at("2026-10-23T00:00"), at("2026-11-22T00:00"), 30));
        assert_eq!(summary(of(UsagePeriod::Month)), (at("2026-11-01T00:00"), at("2026-12-01T00:00"), 30));
        assert_eq!(summary(chosen("2024-02-28", "2024-03-01").unwrap()), (at("2024-02-28T00:00"), at("2024-03-02T00:00"), 3));
    }

    #[test]
    fn an_invalid_period_names_the_field() {
        assert_eq!(chosen("2024-01-01", "2024-12-31").unwrap().count, 366);
        for (from, to, field) in [
            ("2026-11-22", "2026-11-21", "from"),
            ("2025-01-01", "2026-01-02", "from"),
            ("", "2026-11-21", "from"),
            ("2026-11-21", "", "to"),
            ("2026-02-30", "2026-03-01", "from"),
            ("2026-13-01", "2026-11-21", "from"),
            ("1999-12-31", "2000-01-01", "from"),
            ("2026-11-21", "9999-12-31", "to"),
            ("21.11.2026", "2026-11-21", "from"),
            ("2026-11-2a", "2026-11-21", "from"),
            ("+026-11-21", "2026-11-21", "from"),
        ] {
            let refused = chosen(from, to).expect_err(from);
            assert_eq!(refused.field_error().unwrap().0, field, "{from} {to}");
        }
    }

    #[test]
    fn orders_round_trip() {
        for text in ["name", "-name", "user", "received", "-received", "requests", "-total"] {
            assert_eq!(text.parse::<IssuedOrder>().unwrap().to_string(), text);
        }
        let is_descending = |text: &str| text.parse::<IssuedOrder>().unwrap().is_descending();
        assert_eq!(["received", "-received", "name", "-name"].map(is_descending), [true, false, false, true]);
        assert!("price".parse::<IssuedOrder>().is_err());
    }

    #[test]
    fn periods_and_dates_round_trip() {
        for period in UsagePeriod::ALL {
            assert_eq!(period.as_str().parse(), Ok(period));
        }
        assert_eq!(date(day("from", "2024-02-29").unwrap()), "2024-02-29");
    }
}
