//! What limits a key: how often it may be used, how much, and from where.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    fault::Fault,
    permission::UnknownWord,
    time::{DAY_MS, Timestamp},
};

/// The most rate limits of a key.
pub const RATE_LIMITS_MAX: usize = 10;
/// The most networks in an allow-list.
pub const ALLOWED_IPS_MAX: usize = 100;
/// The longest name of a rate limit, in characters.
pub const LIMIT_NAME_MAX: usize = 50;
/// The highest limit, in requests.
pub const LIMIT_MAX: i64 = 1_000_000_000;
/// The shortest and the longest span of a rate limit, in milliseconds: 0.1 s and 31 days.
pub const DURATION_RANGE_MS: std::ops::RangeInclusive<i64> = 100..=31 * DAY_MS;
/// The most credits.
pub const CREDITS_MAX: i64 = 1_000_000_000_000;

/// A sliding window: at most `limit` requests in any span of `duration_ms`, on each server that judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Its name, once in a key.
    pub name: String,
    /// How many requests.
    pub limit: i64,
    /// In which span, in milliseconds.
    pub duration_ms: i64,
}

/// When credits are filled up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refill {
    /// Never.
    #[default]
    Never,
    /// At midnight, UTC.
    Daily,
    /// At midnight on the first of the month, UTC.
    Monthly,
}

impl Refill {
    /// Each of them, with its word in the page.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Never, "Never"), (Self::Daily, "Every day"), (Self::Monthly, "Every month")];

    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

impl FromStr for Refill {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().map(|(refill, _)| refill).find(|refill| refill.word() == word).ok_or(UnknownWord)
    }
}

/// What a key may still spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// How many are left.
    pub remaining: i64,
    /// When they are filled up again.
    pub refill: Refill,
    /// To what they are filled up; 0 where they never are.
    pub amount: i64,
}

/// The credits that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedCredits {
    /// How many are left; where it is not said, as many as there are, and of a key that had none as many as a refill brings.
    #[serde(default)]
    pub remaining: Option<i64>,
    /// When they are filled up again.
    #[serde(default)]
    pub refill: Refill,
    /// To what they are filled up.
    #[serde(default)]
    pub amount: Option<i64>,
}

/// What becomes of a key's credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EditedCredits {
    /// It may be used without end.
    Unlimited,
    /// It has these.
    Set(WantedCredits),
}

/// What limits a key, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// How often it may be used; each of them holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateLimit>,
    /// What it may still spend; without end where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// From which networks it may be presented, in CIDR notation; from everywhere where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<String>,
}

impl Limits {
    /// Whether nothing limits it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Rate limits that can be taken.
///
/// # Errors
/// `Invalid` at `rate_limits`, or at a value of one of them such as `rate_limits[0].limit`.
pub fn rate_limits(wanted: &[RateLimit]) -> Result<(), Fault> {
    if wanted.len() > RATE_LIMITS_MAX {
        return Err(Fault::invalid("rate_limits", format!("Use at most {RATE_LIMITS_MAX} limits.")));
    }
    for (at, limit) in wanted.iter().enumerate() {
        let is_again = wanted[..at].iter().any(|other| other.name == limit.name);
        rate_limit(limit, is_again).map_err(|fault| fault.inside("rate_limits", at))?;
    }
    Ok(())
}

fn rate_limit(limit: &RateLimit, is_again: bool) -> Result<(), Fault> {
    let name_fits = (1..=LIMIT_NAME_MAX).contains(&limit.name.len())
        && limit.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    if !name_fits {
        return Err(Fault::invalid("name", format!("Use 1 to {LIMIT_NAME_MAX} letters, digits or the signs - _ . :")));
    }
    if is_again {
        return Err(Fault::invalid("name", "Two limits have this name."));
    }
    if !(1..=LIMIT_MAX).contains(&limit.limit) {
        return Err(Fault::invalid("limit", format!("Use 1 to {LIMIT_MAX}.")));
    }
    if !DURATION_RANGE_MS.contains(&limit.duration_ms) {
        let (shortest, longest) = (DURATION_RANGE_MS.start(), DURATION_RANGE_MS.end());
        return Err(Fault::invalid("duration_ms", format!("Use {shortest} to {longest} (31 days).")));
    }
    Ok(())
}

/// The credits that a key gets; `before` is what is left of those that it had.
///
/// # Errors
/// `Invalid` at `credits.remaining` or `credits.amount`.
pub fn credits(wanted: WantedCredits, before: Option<i64>) -> Result<Credits, Fault> {
    let in_range = |value: &i64| (0..=CREDITS_MAX).contains(value);
    let invalid = |field: &str, message: String| Err(Fault::invalid(field, message));
    let amount = wanted.amount.unwrap_or_default();
    if !in_range(&amount) || (wanted.refill != Refill::Never && amount == 0) {
        return invalid("credits.amount", format!("To what are they filled up? Use 1 to {CREDITS_MAX}."));
    }
    let usual = before.or_else(|| (wanted.refill != Refill::Never).then_some(amount));
    match wanted.remaining.or(usual).filter(in_range) {
        Some(remaining) => Ok(Credits { remaining, refill: wanted.refill, amount }),
        None => invalid("credits.remaining", format!("Use 0 to {CREDITS_MAX}.")),
    }
}

impl Refill {
    /// When the day or month of this moment began, in UTC; the beginning of time where there is no refill.
    pub fn period_start(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Never => Timestamp(0),
            Self::Daily => Timestamp(now.0.div_euclid(DAY_MS) * DAY_MS),
            Self::Monthly => Timestamp(super::billing::Month::of_day(now.0.div_euclid(DAY_MS)).first_day() * DAY_MS),
        }
    }

    /// When the next refill is due; `None` where there is none.
    pub fn next(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::Daily => Some(self.period_start(now).plus_days(1)),
            Self::Monthly => Some(Timestamp(super::billing::Month::of_day(now.0.div_euclid(DAY_MS)).next().first_day() * DAY_MS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str, limit: i64, duration_ms: i64) -> RateLimit {
        RateLimit { name: name.to_owned(), limit, duration_ms }
    }

    #[test]
    fn a_rate_limit_that_can_not_be_taken_is_named() {
        assert_eq!(rate_limits(&[limit("a", 1, 1000), limit("b", 1, 1000)]), Ok(()));
        let long = "x".repeat(LIMIT_NAME_MAX + 1);
        for (bad, field) in [
            (limit("", 1, 1000), "name"),
            (limit("a b", 1, 1000), "name"),
            (limit(&long, 1, 1000), "name"),
            (limit("a", 1, 1000), "name"),
            (limit("b", 0, 1000), "limit"),
            (limit("b", -1, 1000), "limit"),
            (limit("b", LIMIT_MAX + 1, 1000), "limit"),
            (limit("b", 1, 99), "duration_ms"),
            (limit("b", 1, i64::MAX), "duration_ms"),
        ] {
            let fault = rate_limits(&[limit("a", 1, 1000), bad.clone()]).unwrap_err();
            assert_eq!(fault.about_field().unwrap().0, format!("rate_limits[1].{field}"), "{bad:?}");
        }
        assert!(rate_limits(&vec![limit("a", 1, 1000); RATE_LIMITS_MAX + 1]).is_err());
    }

    #[test]
    fn credits_need_an_amount_where_they_are_filled_up() {
        let wanted = |remaining, refill, amount| WantedCredits { remaining, refill, amount };
        let got = |remaining, refill, amount| Ok(Credits { remaining, refill, amount });
        assert_eq!(credits(wanted(Some(5), Refill::Never, None), None), got(5, Refill::Never, 0));
        assert_eq!(credits(wanted(None, Refill::Daily, Some(9)), None), got(9, Refill::Daily, 9));
        assert_eq!(credits(wanted(None, Refill::Daily, Some(9)), Some(3)), got(3, Refill::Daily, 9));
        for bad in [
            wanted(None, Refill::Never, None),
            wanted(Some(-1), Refill::Never, None),
            wanted(Some(CREDITS_MAX + 1), Refill::Never, None),
            wanted(Some(1), Refill::Daily, None),
            wanted(Some(1), Refill::Monthly, Some(0)),
            wanted(Some(1), Refill::Daily, Some(-1)),
        ] {
            assert!(credits(bad, None).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn refills_are_due_at_midnight_utc() {
        // 2026-11-21T10:00:00Z
        let now = Timestamp(1_795_255_200_000);
        let (day, month) = (Timestamp(1_795_219_200_000), Timestamp(1_793_491_200_000));
        assert_eq!((Refill::Daily.period_start(now), Refill::Daily.next(now)), (day, Some(day.plus_days(1))));
        assert_eq!((Refill::Monthly.period_start(now), Refill::Monthly.next(now)), (month, Some(month.plus_days(30))));
        assert_eq!((Refill::Never.period_start(now), Refill::Never.next(now)), (Timestamp(0), None));
        assert_eq!(Refill::Daily.period_start(day), day, "midnight begins the new day");
    }
}
