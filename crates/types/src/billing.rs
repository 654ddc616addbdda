//! Usage and cost of keys by month. Months and days are in UTC.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    id::KeyId,
    key_kind::{KeyKind, Kind},
    listing::last_page,
    model_call::ModelUsageRow,
    money::Money,
    permission::UnknownValue,
    time::{MONTHS, civil_from_days, days_from_civil},
};

/// A calendar month, written as `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i64,
    month: i64,
}

impl Month {
    /// Month of a day; `day` counts days since 1970-01-01.
    pub const fn of_day(day: i64) -> Self {
        let (year, month, _) = civil_from_days(day);
        Self { year, month }
    }

    /// First day, in days since 1970-01-01.
    pub const fn first_day(self) -> i64 {
        days_from_civil(self.year, self.month, 1)
    }

    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 { Self { year: self.year + 1, month: 1 } } else { Self { year: self.year, month: self.month + 1 } }
    }

    #[must_use]
    pub const fn previous(self) -> Self {
        if self.month == 1 { Self { year: self.year - 1, month: 12 } } else { Self { year: self.year, month: self.month - 1 } }
    }

    pub const fn days(self) -> i64 {
        self.next().first_day() - self.first_day()
    }

    /// Name on the page: `November 2026`.
    pub fn name(self) -> String {
        format!("{} {}", self.name_in_year(), self.year)
    }

    /// Name of a day on the page: `November 12`.
    pub fn day_name(self, day: usize) -> String {
        format!("{} {day}", self.name_in_year())
    }

    fn name_in_year(self) -> &'static str {
        usize::try_from(self.month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        let (year, month) = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2).ok_or(UnknownValue)?;
        let number = |digits: &str| if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None };
        match (number(year), number(month)) {
            (Some(year), Some(month @ 1..=12)) => Ok(Self { year, month }),
            _ => Err(UnknownValue),
        }
    }
}

impl TryFrom<String> for Month {
    type Error = UnknownValue;

    fn try_from(text: String) -> Result<Self, UnknownValue> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// A day in UTC, in days since 1970-01-01; written as `2026-11-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(pub i64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        let (month, day) = text.rsplit_once('-').filter(|(_, day)| day.len() == 2).ok_or(UnknownValue)?;
        let Month { year, month } = month.parse()?;
        let day = if day.bytes().all(|digit| digit.is_ascii_digit()) { day.parse().map_err(|_| UnknownValue)? } else { return Err(UnknownValue) };
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) == (year, month, day) { Ok(Self(days)) } else { Err(UnknownValue) }
    }
}

impl TryFrom<String> for Day {
    type Error = UnknownValue;

    fn try_from(text: String) -> Result<Self, UnknownValue> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// Usage of an organization's keys in one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthUsage {
    pub month: Month,
    /// First month with recorded usage, and the current month.
    pub span: (Month, Month),
    /// Requests per day of the month.
    pub days: Vec<i64>,
    /// Cost per day of the month, in the organization's currency.
    pub costs: Vec<Money>,
    /// Today's position in `days`; `None` for other months.
    pub today: Option<usize>,
    /// A page of the matching keys that the user can see, the most used ones first.
    pub keys: Vec<KeyUsage>,
    /// Number of this page, from 1.
    pub page: i64,
    /// Number of matching keys on all pages.
    pub count: i64,
    /// Number of keys with usage that the user can't see.
    pub hidden: i64,
    /// Usage of language models in the month, the highest cost first.
    pub models: Vec<ModelUsageRow>,
}

/// Number of keys on a page.
pub const KEYS_PER_PAGE: i64 = 50;

impl MonthUsage {
    pub fn total(&self) -> i64 {
        self.days.iter().sum()
    }

    pub fn cost(&self) -> Money {
        self.costs.iter().copied().sum()
    }

    /// Number of pages of keys, at least 1.
    pub const fn pages(&self) -> i64 {
        last_page(self.count, KEYS_PER_PAGE)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUsage {
    pub id: KeyId,
    pub name: String,
    /// Masked secret.
    pub mask: String,
    pub kind: Kind,
    /// Whether the key has been deleted since.
    pub is_deleted: bool,
    pub requests: i64,
    /// Each request is counted at the price at its time.
    pub cost: Money,
    /// Share of the organization's requests in tenths of a percent. Rounded so that the shares of all keys add up to 100 %.
    pub share: i64,
}

impl KeyUsage {
    /// The share in percent: `51.4`.
    pub fn share_text(&self) -> String {
        format!("{}.{}", self.share / 10, self.share % 10)
    }

    /// The average cost of a request; `None` if the kind has no price.
    pub fn average_cost(&self) -> Option<Money> {
        let has_price = self.kind == Kind::Key(KeyKind::Project) || self.cost != Money::default();
        has_price.then(|| Money(self.cost.0.checked_div(self.requests).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_round_trips_and_has_its_number_of_days() {
        for (text, days, name) in [("2024-02", 29, "February 2024"), ("2026-11", 30, "November 2026"), ("1999-12", 31, "December 1999")] {
            let month: Month = text.parse().unwrap();
            assert_eq!((month.to_string().as_str(), month.days(), month.name().as_str()), (text, days, name));
            assert_eq!(month.day_name(9), name.replace(&text[..4], "9"));
            assert_eq!(Month::of_day(month.first_day()), month);
            assert_eq!(Month::of_day(month.first_day() - 1), month.previous());
            assert_eq!(month.previous().next(), month);
        }
        for bad in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "+026-11", "2026-11-01"] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_round_trips_if_it_is_in_the_calendar() {
        for (text, day) in [("1970-01-01", 0), ("1969-12-31", -1), ("2024-02-29", 19_782), ("2026-11-30", 20_787)] {
            assert_eq!((text.parse(), Day(day).to_string().as_str()), (Ok(Day(day)), text));
        }
        for bad in ["", "2026", "2026-11", "2026-02-29", "2026-11-31", "2026-11-00", "2026-1-01", "2026-11-1", "2026-11-+1", "2026-11-01T00"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }
}
