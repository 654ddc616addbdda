//! A project's issued keys as the page sees them: which, in which period, and what they cost.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    billing::Month,
    fault::Fault,
    id::{KeyId, ProjectId},
    money::Money,
    permission::UnknownWord,
    policy::Status,
    time::{DAY_MS, MINUTE_MS, Timestamp, civil_from_days, days_from_civil},
};

/// How many rows a page may have; the first is the usual.
pub const ROWS: [i64; 4] = [10, 20, 50, 100];
/// The longest period that somebody may choose, in days.
pub const DAYS_MAX: i64 = 366;
/// Days of other years are mistyped.
const YEARS: std::ops::RangeInclusive<i64> = 2000..=2199;
/// Minutes in an hour, and hours in the shortest period.
const HOUR: i64 = 60;
const HOURS: i64 = 24;

/// For which time requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// 24 hours up to now.
    Day,
    /// 7 days, today included. Days are UTC's, here and below.
    Week,
    /// 30 days, today included.
    #[default]
    Thirty,
    /// From the first of this month on.
    Month,
    /// From one day to another.
    Chosen,
}

impl Period {
    /// Each of them, in the order of the page.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Thirty, Self::Month, Self::Chosen];

    /// The word in the address and in the call.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Thirty => "30d",
            Self::Month => "month",
            Self::Chosen => "chosen",
        }
    }

    /// The words in the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Day => "Last 24 hours",
            Self::Week => "Last 7 days",
            Self::Thirty => "Last 30 days",
            Self::Month => "This month",
            Self::Chosen => "From – to",
        }
    }
}

impl FromStr for Period {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|period| period.word() == word).ok_or(UnknownWord)
    }
}

impl TryFrom<String> for Period {
    type Error = UnknownWord;

    fn try_from(word: String) -> Result<Self, UnknownWord> {
        word.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.word().to_owned()
    }
}

/// A period as it was chosen. The two days count for [`Period::Chosen`] alone, as `2026-11-21`, both included.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WantedPeriod {
    /// Which one.
    pub period: Period,
    /// Its first day.
    pub from: String,
    /// Its last day.
    pub to: String,
}

/// What the bars of a row stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bucket {
    /// An hour each.
    Hour,
    /// A day each.
    Day,
}

/// A period, counted in hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What is counted.
    pub bucket: Bucket,
    /// The first minute of the hours, or the first of the days, since 1970.
    pub first: i64,
    /// How many hours, or days.
    pub count: i64,
}

impl Span {
    /// When it begins, and before when it ends.
    pub const fn moments(self) -> (Timestamp, Timestamp) {
        match self.bucket {
            Bucket::Hour => (Timestamp(self.first * MINUTE_MS), Timestamp((self.first + self.count * HOUR) * MINUTE_MS)),
            Bucket::Day => (Timestamp(self.first * DAY_MS), Timestamp((self.first + self.count) * DAY_MS)),
        }
    }
}

impl WantedPeriod {
    /// The period, at this moment.
    ///
    /// # Errors
    /// `Invalid` at `from` or `to`: no day, one of a silly year, a first after the last, or more than [`DAYS_MAX`].
    pub fn span(&self, now: Timestamp) -> Result<Span, Fault> {
        let today = now.0.div_euclid(DAY_MS);
        let days = |first: i64, last: i64| Span { bucket: Bucket::Day, first, count: last - first + 1 };
        Ok(match self.period {
            Period::Day => Span { bucket: Bucket::Hour, first: now.0.div_euclid(MINUTE_MS) + 1 - HOURS * HOUR, count: HOURS },
            Period::Week => days(today - 6, today),
            Period::Thirty => days(today - 29, today),
            Period::Month => days(Month::of_day(today).first_day(), Month::of_day(today).next().first_day() - 1),
            Period::Chosen => {
                let (first, last) = (day("from", &self.from)?, day("to", &self.to)?);
                if first > last {
                    return Err(Fault::invalid("from", "The first day is after the last one."));
                }
                if last - first >= DAYS_MAX {
                    return Err(Fault::invalid("from", format!("Choose at most {DAYS_MAX} days.")));
                }
                days(first, last)
            }
        })
    }
}

/// Reads a day, since 1970.
///
/// # Errors
/// `Invalid` for what is no day.
pub fn day(field: &str, text: &str) -> Result<i64, Fault> {
    let parts: Vec<_> = text.trim().split('-').collect();
    let number =
        |digits: &str, length: usize| if digits.len() == length && digits.bytes().all(|d| d.is_ascii_digit()) { digits.parse().ok() } else { None };
    let read = match parts[..] {
        [year, month, day] => number(year, 4).zip(number(month, 2)).zip(number(day, 2)),
        _ => None,
    };
    let Some(((year, month), of_month)) = read else { return Err(Fault::invalid(field, "Enter a day like 2026-11-21.")) };
    let day = days_from_civil(year, month, of_month);
    if !YEARS.contains(&year) || !(1..=12).contains(&month) || civil_from_days(day) != (year, month, of_month) {
        return Err(Fault::invalid(field, format!("There is no such day between {} and {}.", YEARS.start(), YEARS.end())));
    }
    Ok(day)
}

/// A day since 1970, as it is read.
pub fn date(day: i64) -> String {
    let (year, month, of_month) = civil_from_days(day);
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// What the list can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuedSort {
    /// When it was received, the newest first.
    #[default]
    Received,
    /// How many requests, the most first.
    Requests,
    /// What they cost, the dearest first.
    Total,
}

impl IssuedSort {
    /// The word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Requests => "requests",
            Self::Total => "total",
        }
    }
}

impl FromStr for IssuedSort {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Received, Self::Requests, Self::Total].into_iter().find(|sort| sort.word() == word).ok_or(UnknownWord)
    }
}

/// Which rows of a project's issued keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedQuery {
    /// The project.
    pub project: ProjectId,
    /// For which time requests are counted.
    pub wanted: WantedPeriod,
    /// The order.
    pub sort: IssuedSort,
    /// Which page, from 1. One past the end is the last one.
    pub page: i64,
    /// How many rows it has: one of [`ROWS`].
    pub rows: i64,
}

/// One page of a project's issued keys, and what all of them come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedPage {
    /// Its rows.
    pub rows: Vec<IssuedRow>,
    /// Which page it is, from 1.
    pub page: i64,
    /// How many keys there are on all pages.
    pub count: i64,
    /// How many requests they made in the period.
    pub requests: i64,
    /// What those cost.
    pub cost: Money,
    /// What the bars of a row stand for.
    pub bucket: Bucket,
}

/// An issued key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedRow {
    /// The key.
    pub id: KeyId,
    /// Its name: its template's.
    pub name: String,
    /// The name of its holder.
    pub holder: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// What it is now.
    pub status: Status,
    /// Whether its holder is disabled, so that nothing but enabling them wakes it.
    pub is_holder_disabled: bool,
    /// How many requests it made in the period.
    pub requests: i64,
    /// What those cost.
    pub cost: Money,
    /// Its requests in each hour or day of the period.
    pub buckets: Vec<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(from: &str, to: &str) -> Result<Span, Fault> {
        WantedPeriod { period: Period::Chosen, from: from.to_owned(), to: to.to_owned() }.span(Timestamp(0))
    }

    #[test]
    fn periods_end_with_today() {
        // 2026-11-21T10:30.
        let now = Timestamp(1_795_257_000_000);
        let of = |period| WantedPeriod { period, ..WantedPeriod::default() }.span(now).unwrap();
        let told = |span: Span| (span.moments().0.rfc3339(), span.moments().1.rfc3339(), span.count);
        let at = |text: &str| format!("{text}:00.000Z");
        assert_eq!(told(of(Period::Day)), (at("2026-11-20T10:31"), at("2026-11-21T10:31"), 24));
        assert_eq!(told(of(Period::Week)), (at("2026-11-15T00:00"), at("2026-11-22T00:00"), 7));
        assert_eq!(told(of(Period::Thirty)), (at("2026-10-23T00:00"), at("2026-11-22T00:00"), 30));
        assert_eq!(told(of(Period::Month)), (at("2026-11-01T00:00"), at("2026-12-01T00:00"), 30));
        assert_eq!(told(chosen("2024-02-28", "2024-03-01").unwrap()), (at("2024-02-28T00:00"), at("2024-03-02T00:00"), 3));
    }

    #[test]
    fn a_period_that_is_none_is_refused_where_it_is_wrong() {
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
            assert_eq!(refused.about_field().unwrap().0, field, "{from} {to}");
        }
    }

    #[test]
    fn words_and_days_read_back() {
        for period in Period::ALL {
            assert_eq!(period.word().parse(), Ok(period));
        }
        assert_eq!(date(day("from", "2024-02-29").unwrap()), "2024-02-29");
    }
}
