//! Limits of a key: rate limits, credits, allowed addresses, and the size of its other attributes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    error::Error,
    permission::UnknownValue,
    time::{DAY_MS, Timestamp},
};

/// Maximum number of rate limits per key.
pub const RATE_LIMITS_MAX: usize = 10;
/// Maximum number of networks in an allow-list.
pub const ALLOWED_IPS_MAX: usize = 100;
/// Maximum length of a rate limit's name, in characters.
pub const LIMIT_NAME_MAX: usize = 50;
/// Maximum limit, in requests.
pub const LIMIT_MAX: i64 = 1_000_000_000;
/// Window of a rate limit, in milliseconds: 0.1 s to 31 days.
pub const DURATION_RANGE_MS: std::ops::RangeInclusive<i64> = 100..=31 * DAY_MS;
/// Maximum size of metadata, in bytes of JSON.
pub const METADATA_MAX: usize = 4096;
/// Maximum number of scopes of a key.
pub const SCOPES_MAX: usize = 100;
/// Maximum number of corpora of a key.
pub const CORPORA_MAX: usize = 100;
/// Maximum duration of a key or credential, in days (ten years).
pub const DURATION_MAX_DAYS: i64 = 3650;
/// Maximum number of credits.
pub const CREDITS_MAX: i64 = 1_000_000_000_000;

/// Sliding window: at most `limit` requests in any `duration_ms`, enforced per instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Unique in the key.
    pub name: String,
    pub limit: i64,
    pub duration_ms: i64,
}

/// When credits are refilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Refill {
    #[default]
    Never,
    /// At midnight UTC.
    Daily,
    /// At midnight UTC on the first of the month.
    Monthly,
}

impl Refill {
    /// All variants, with their labels on the page.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Never, "Never"), (Self::Daily, "Every day"), (Self::Monthly, "Every month")];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

impl FromStr for Refill {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        Self::ALL.into_iter().map(|(refill, _)| refill).find(|refill| refill.as_str() == text).ok_or(UnknownValue)
    }
}

/// Remaining credits of a key and their refill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Credits {
    pub remaining: i64,
    pub refill: Refill,
    /// Balance after a refill; 0 without refills.
    pub amount: i64,
}

/// Requested credits of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsRequest {
    /// `None` keeps the current balance, or uses `amount` for a key without credits.
    #[serde(default)]
    pub remaining: Option<i64>,
    #[serde(default)]
    pub refill: Refill,
    /// Balance after a refill.
    #[serde(default)]
    pub amount: Option<i64>,
}

/// Change to a key's credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CreditsPatch {
    /// Removes the limit.
    Unlimited,
    Set(CreditsRequest),
}

/// Current limits of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// A request must satisfy all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateLimit>,
    /// `None` for unlimited use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// Networks in CIDR notation from which the key is accepted; empty accepts all addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<String>,
}

impl Limits {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Validates rate limits.
///
/// # Errors
/// `Invalid` at `rate_limits`, or at one of their fields, such as `rate_limits[0].limit`.
pub fn rate_limits(limits: &[RateLimit]) -> Result<(), Error> {
    if limits.len() > RATE_LIMITS_MAX {
        return Err(Error::invalid("rate_limits", format!("Use at most {RATE_LIMITS_MAX} limits.")));
    }
    for (index, limit) in limits.iter().enumerate() {
        let is_duplicate = limits[..index].iter().any(|other| other.name == limit.name);
        rate_limit(limit, is_duplicate).map_err(|error| error.with_index("rate_limits", index))?;
    }
    Ok(())
}

fn rate_limit(limit: &RateLimit, is_duplicate: bool) -> Result<(), Error> {
    let is_name_valid = (1..=LIMIT_NAME_MAX).contains(&limit.name.len())
        && limit.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    if !is_name_valid {
        return Err(Error::invalid("name", format!("Use 1 to {LIMIT_NAME_MAX} letters, digits or the characters - _ . :")));
    }
    if is_duplicate {
        return Err(Error::invalid("name", "Another limit has this name."));
    }
    if !(1..=LIMIT_MAX).contains(&limit.limit) {
        return Err(Error::invalid("limit", format!("Use 1 to {LIMIT_MAX}.")));
    }
    if !DURATION_RANGE_MS.contains(&limit.duration_ms) {
        let (shortest, longest) = (DURATION_RANGE_MS.start(), DURATION_RANGE_MS.end());
        return Err(Error::invalid("duration_ms", format!("Use {shortest} to {longest} milliseconds (31 days).")));
    }
    Ok(())
}

/// Validates requested credits and fills in defaults; `current` is the current balance, if the key has credits.
///
/// # Errors
/// `Invalid` at `credits.remaining` or `credits.amount`.
pub fn credits(request: CreditsRequest, current: Option<i64>) -> Result<Credits, Error> {
    let in_range = |value: &i64| (0..=CREDITS_MAX).contains(value);
    let invalid = |field: &str, message: String| Err(Error::invalid(field, message));
    let amount = request.amount.unwrap_or_default();
    if !in_range(&amount) || (request.refill != Refill::Never && amount == 0) {
        return invalid("credits.amount", format!("Enter the balance after a refill: 1 to {CREDITS_MAX}."));
    }
    let default = current.or_else(|| (request.refill != Refill::Never).then_some(amount));
    match request.remaining.or(default).filter(in_range) {
        Some(remaining) => Ok(Credits { remaining, refill: request.refill, amount }),
        None => invalid("credits.remaining", format!("Use 0 to {CREDITS_MAX}.")),
    }
}

impl Refill {
    /// Start of the current refill period (day or month in UTC); timestamp 0 without refills.
    pub fn period_start(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Never => Timestamp(0),
            Self::Daily => Timestamp(now.0.div_euclid(DAY_MS) * DAY_MS),
            Self::Monthly => Timestamp(super::billing::Month::of_day(now.0.div_euclid(DAY_MS)).first_day() * DAY_MS),
        }
    }

    /// Time of the next refill; `None` without refills.
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
    fn an_invalid_rate_limit_names_its_field() {
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
            let error = rate_limits(&[limit("a", 1, 1000), bad.clone()]).unwrap_err();
            assert_eq!(error.field_error().unwrap().0, format!("rate_limits[1].{field}"), "{bad:?}");
        }
        assert!(rate_limits(&vec![limit("a", 1, 1000); RATE_LIMITS_MAX + 1]).is_err());
    }

    #[test]
    fn credits_with_a_refill_need_an_amount() {
        let request = |remaining, refill, amount| CreditsRequest { remaining, refill, amount };
        let result = |remaining, refill, amount| Ok(Credits { remaining, refill, amount });
        assert_eq!(credits(request(Some(5), Refill::Never, None), None), result(5, Refill::Never, 0));
        assert_eq!(credits(request(None, Refill::Daily, Some(9)), None), result(9, Refill::Daily, 9));
        assert_eq!(credits(request(None, Refill::Daily, Some(9)), Some(3)), result(3, Refill::Daily, 9));
        for bad in [
            request(None, Refill::Never, None),
            request(Some(-1), Refill::Never, None),
            request(Some(CREDITS_MAX + 1), Refill::Never, None),
            request(Some(1), Refill::Daily, None),
            request(Some(1), Refill::Monthly, Some(0)),
            request(Some(1), Refill::Daily, Some(-1)),
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
        assert_eq!(Refill::Daily.period_start(day), day, "midnight belongs to the new day");
    }
}
