//! How often keys were used and what that costs, month by month. Months and days are UTC's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    id::KeyId,
    money::Money,
    permission::UnknownWord,
    policy::Kind,
    time::{civil_from_days, days_from_civil},
};

/// A month: `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i64,
    month: i64,
}

impl Month {
    /// The month of a day, counted from 1970-01-01.
    pub const fn of_day(day: i64) -> Self {
        let (year, month, _) = civil_from_days(day);
        Self { year, month }
    }

    /// Its first day, counted from 1970-01-01.
    pub const fn first_day(self) -> i64 {
        days_from_civil(self.year, self.month, 1)
    }

    /// The month after it.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 { Self { year: self.year + 1, month: 1 } } else { Self { year: self.year, month: self.month + 1 } }
    }

    /// The month before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        if self.month == 1 { Self { year: self.year - 1, month: 12 } } else { Self { year: self.year, month: self.month - 1 } }
    }

    /// How many days it has.
    pub const fn days(self) -> i64 {
        self.next().first_day() - self.first_day()
    }

    /// Its name: `November 2026`.
    pub fn name(self) -> String {
        const NAMES: [&str; 12] =
            ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
        let name = usize::try_from(self.month - 1).ok().and_then(|at| NAMES.get(at)).unwrap_or(&"");
        format!("{name} {}", self.year)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (year, month) = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2).ok_or(UnknownWord)?;
        let number = |digits: &str| if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None };
        match (number(year), number(month)) {
            (Some(year), Some(month @ 1..=12)) => Ok(Self { year, month }),
            _ => Err(UnknownWord),
        }
    }
}

impl TryFrom<String> for Month {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// What an organization's keys were used for in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthUsage {
    /// The month.
    pub month: Month,
    /// The first month for which there are counts, and the current one.
    pub span: (Month, Month),
    /// Calls on each day of the month, from the first.
    pub days: Vec<i64>,
    /// What they cost, for each of these days, in the organization's currency.
    pub costs: Vec<Money>,
    /// The keys that were used most, the most used first: at most [`KEYS_MAX`], and none that the reader may not see.
    pub keys: Vec<KeyUsage>,
    /// How many other keys were used.
    pub others: i64,
}

/// The most keys that are told apart.
pub const KEYS_MAX: i64 = 100;

impl MonthUsage {
    /// All calls of the month.
    pub fn total(&self) -> i64 {
        self.days.iter().sum()
    }

    /// What they cost.
    pub fn cost(&self) -> Money {
        self.costs.iter().copied().sum()
    }
}

/// A key and its calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUsage {
    /// The key.
    pub id: KeyId,
    /// Its name.
    pub name: String,
    /// What may be shown of its secret.
    pub mask: String,
    /// Its kind.
    pub kind: Kind,
    /// Whether it was deleted since.
    pub is_deleted: bool,
    /// How many calls.
    pub requests: i64,
    /// What they cost: each at the price of its moment.
    pub cost: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_reads_back_and_has_its_days() {
        for (text, days, name) in [("2024-02", 29, "February 2024"), ("2026-11", 30, "November 2026"), ("1999-12", 31, "December 1999")] {
            let month: Month = text.parse().unwrap();
            assert_eq!((month.to_string().as_str(), month.days(), month.name().as_str()), (text, days, name));
            assert_eq!(Month::of_day(month.first_day()), month);
            assert_eq!(Month::of_day(month.first_day() - 1), month.previous());
            assert_eq!(month.previous().next(), month);
        }
        for bad in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "+026-11", "2026-11-01"] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
