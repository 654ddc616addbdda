//! Limits of a key: rate limits, credits, allowed addresses and origins, language models, and the size of its other attributes.

use std::{net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    budget::{Budget, BudgetUnit, MODEL_PATTERNS_MAX, ModelAccess, PARALLEL_MAX, TOKENS_MAX},
    dollars::DOLLARS_MAX,
    error::Error,
    permission::UnknownValue,
    time::{DAY_MS, Timestamp},
};

/// Maximum number of rate limits of a key, and of its rate limits per address.
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

// The bounds above, with thousands separators.
const LIMIT_TEXT: &str = "Enter a number from 1 to 1,000,000,000.";
const DURATION_TEXT: &str = "Enter 0.1 seconds to 31 days (100 to 2,678,400,000 milliseconds).";
const AMOUNT_TEXT: &str = "Enter the balance after a refill: 1 to 1,000,000,000,000.";
const CREDITS_TEXT: &str = "Enter a number from 0 to 1,000,000,000,000.";
const TOKENS_TEXT: &str = "Enter a number from 1 to 1,000,000,000,000.";
const TOKEN_BUDGET_TEXT: &str = "Enter a number from 0 to 1,000,000,000,000.";
const DOLLAR_BUDGET_TEXT: &str = "Enter an amount from 0 to 1,000,000,000, with at most nine decimal places.";
const PARALLEL_TEXT: &str = "Enter a number from 1 to 10,000.";

/// Maximum length of a name or pattern of models, in characters.
pub const MODEL_PATTERN_MAX: usize = 100;

/// Sliding window: at most `limit` requests in any `duration_ms`, of all instances together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Unique in the key.
    pub name: String,
    pub limit: i64,
    pub duration_ms: i64,
    /// Whether several instances together never exceed the limit; otherwise they may by 1 %.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
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
    /// Like `rate_limits`, counted separately for each client address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address_rate_limits: Vec<RateLimit>,
    /// `None` for unlimited use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// Networks in CIDR notation from which the key is accepted; empty accepts all addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<String>,
    /// Origins of web pages that may use the key, in the form of [`parse_origin`](super::origin::parse_origin); empty allows any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
}

impl Limits {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All errors of rate limits: at their list `field`, or at one of their fields, such as `rate_limits[0].limit`.
pub fn rate_limit_errors(field: &str, limits: &[RateLimit]) -> Vec<Error> {
    if limits.len() > RATE_LIMITS_MAX {
        return vec![Error::invalid(field, format!("Use at most {RATE_LIMITS_MAX} limits."))];
    }
    let errors_at = |(index, limit): (usize, &RateLimit)| {
        let is_duplicate = limits[..index].iter().any(|other| other.name == limit.name);
        field_errors(limit, is_duplicate).map(|error| error.map(|error| error.with_index(field, index)))
    };
    limits.iter().enumerate().flat_map(errors_at).flatten().collect()
}

/// Validates rate limits.
///
/// # Errors
/// The first of [`rate_limit_errors`].
pub fn rate_limits(field: &str, limits: &[RateLimit]) -> Result<(), Error> {
    rate_limit_errors(field, limits).into_iter().next().map_or(Ok(()), Err)
}

/// The error of each field of a rate limit.
fn field_errors(limit: &RateLimit, is_duplicate: bool) -> [Option<Error>; 3] {
    let is_name_valid = (1..=LIMIT_NAME_MAX).contains(&limit.name.len())
        && limit.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    let name = if !is_name_valid {
        Some(Error::invalid("name", format!("Use 1 to {LIMIT_NAME_MAX} letters, digits or the characters - _ . :")))
    } else if is_duplicate {
        Some(Error::invalid("name", "Another limit has this name."))
    } else {
        None
    };
    let is_limit_valid = (1..=LIMIT_MAX).contains(&limit.limit);
    let is_duration_valid = DURATION_RANGE_MS.contains(&limit.duration_ms);
    [name, (!is_limit_valid).then(|| Error::invalid("limit", LIMIT_TEXT)), (!is_duration_valid).then(|| Error::invalid("duration_ms", DURATION_TEXT))]
}

/// Validates requested credits and fills in defaults; `current` is the current balance, if the key has credits.
///
/// # Errors
/// `Invalid` at `credits.remaining` or `credits.amount`.
pub fn credits(request: CreditsRequest, current: Option<i64>) -> Result<Credits, Error> {
    let amount = credit_amount(request)?;
    Ok(Credits { remaining: credit_balance(request, current)?, refill: request.refill, amount })
}

/// The balance after a refill; 0 without refills.
///
/// # Errors
/// `Invalid` at `credits.amount`.
pub fn credit_amount(request: CreditsRequest) -> Result<i64, Error> {
    let amount = request.amount.unwrap_or_default();
    let is_valid = (0..=CREDITS_MAX).contains(&amount) && (request.refill == Refill::Never || amount > 0);
    if is_valid { Ok(amount) } else { Err(Error::invalid("credits.amount", AMOUNT_TEXT)) }
}

/// The requested balance; by default the current one, or else the one after a refill.
///
/// # Errors
/// `Invalid` at `credits.remaining`.
pub fn credit_balance(request: CreditsRequest, current: Option<i64>) -> Result<i64, Error> {
    // An amount that is out of range has an error of its own.
    let amount = (request.refill != Refill::Never).then(|| request.amount.unwrap_or_default().clamp(0, CREDITS_MAX));
    let balance = request.remaining.or(current).or(amount).filter(|balance| (0..=CREDITS_MAX).contains(balance));
    balance.ok_or_else(|| Error::invalid("credits.remaining", CREDITS_TEXT))
}

/// Validates an allow-list of IP addresses and of networks in CIDR notation.
///
/// # Errors
/// `Invalid` at `allowed_ips`, or at the first invalid entry, such as `allowed_ips[0]`.
pub fn allowed_ips(networks: &[String]) -> Result<(), Error> {
    if networks.len() > ALLOWED_IPS_MAX {
        return Err(Error::invalid("allowed_ips", format!("Use at most {ALLOWED_IPS_MAX} networks.")));
    }
    networks.iter().position(|network| !is_network(network.trim())).map_or(Ok(()), |index| Err(invalid_network(index)))
}

/// The error of an entry of an allow-list.
pub fn invalid_network(index: usize) -> Error {
    Error::invalid(&format!("allowed_ips[{index}]"), "Must be a network, e.g. 192.0.2.0/24 or 2001:db8::/32, or an address.")
}

fn is_network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let length_max: u8 = if address.is_ipv4() { 32 } else { 128 };
    let is_length = |prefix: &str| prefix.bytes().all(|byte| byte.is_ascii_digit()) && prefix.parse::<u8>().is_ok_and(|length| length <= length_max);
    prefix.is_none_or(is_length)
}

/// Validates what a key may do with language models. Names and patterns are trimmed, and repetitions are dropped.
///
/// # Errors
/// The first of those of [`model_patterns`], [`budget`], [`tokens_per_minute`] and [`max_parallel`].
pub fn model_access(access: ModelAccess) -> Result<ModelAccess, Error> {
    Ok(ModelAccess {
        models: access.models.as_deref().map(model_patterns).transpose()?,
        budget: access.budget.map(budget).transpose()?,
        tokens_per_minute: access.tokens_per_minute.map(tokens_per_minute).transpose()?,
        max_parallel: access.max_parallel.map(max_parallel).transpose()?,
        log_bodies: access.log_bodies,
    })
}

/// Validates names and patterns of models, in which `*` stands for any characters. Returns them trimmed and without repetitions, ignoring case.
///
/// # Errors
/// `Invalid` at `models`, or at the first invalid entry, such as `models[0]`.
pub fn model_patterns(patterns: &[String]) -> Result<Vec<String>, Error> {
    if patterns.len() > MODEL_PATTERNS_MAX {
        return Err(Error::invalid("models", format!("Use at most {MODEL_PATTERNS_MAX} names and patterns.")));
    }
    let mut distinct: Vec<String> = Vec::with_capacity(patterns.len());
    for (index, pattern) in patterns.iter().map(|pattern| pattern.trim()).enumerate() {
        if !(1..=MODEL_PATTERN_MAX).contains(&pattern.len()) || !pattern.bytes().all(is_in_model_pattern) {
            let message = format!("Use 1 to {MODEL_PATTERN_MAX} letters, digits and signs without spaces and quotes. * stands for any characters.");
            return Err(Error::invalid(&format!("models[{index}]"), message));
        }
        if !distinct.iter().any(|earlier| earlier.eq_ignore_ascii_case(pattern)) {
            distinct.push(pattern.to_owned());
        }
    }
    Ok(distinct)
}

const fn is_in_model_pattern(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'?' | b'"' | b'\'' | b'`')
}

/// Validates a budget.
///
/// # Errors
/// `Invalid` at `budget.limit`.
pub fn budget(budget: Budget) -> Result<Budget, Error> {
    let (max, message) = match budget.unit {
        BudgetUnit::Usd => (DOLLARS_MAX.0, DOLLAR_BUDGET_TEXT),
        BudgetUnit::Tokens => (TOKENS_MAX, TOKEN_BUDGET_TEXT),
    };
    if (0..=max).contains(&budget.limit) { Ok(budget) } else { Err(Error::invalid("budget.limit", message)) }
}

/// Validates a limit of tokens per minute.
///
/// # Errors
/// `Invalid` at `tokens_per_minute`.
pub fn tokens_per_minute(limit: i64) -> Result<i64, Error> {
    if (1..=TOKENS_MAX).contains(&limit) { Ok(limit) } else { Err(Error::invalid("tokens_per_minute", TOKENS_TEXT)) }
}

/// Validates a limit of calls at the same time.
///
/// # Errors
/// `Invalid` at `max_parallel`.
pub fn max_parallel(limit: i64) -> Result<i64, Error> {
    if (1..=PARALLEL_MAX).contains(&limit) { Ok(limit) } else { Err(Error::invalid("max_parallel", PARALLEL_TEXT)) }
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
    use crate::budget::BudgetPeriod;

    fn limit(name: &str, limit: i64, duration_ms: i64) -> RateLimit {
        RateLimit { name: name.to_owned(), limit, duration_ms, strict: false }
    }

    #[test]
    fn an_invalid_rate_limit_names_its_field() {
        let rate_limits = |limits: &[RateLimit]| super::rate_limits("rate_limits", limits);
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
    fn a_limit_that_is_not_strict_is_stored_as_before() {
        let text = r#"{"name":"a","limit":1,"duration_ms":1000}"#;
        let parsed: RateLimit = serde_json::from_str(text).unwrap();
        assert_eq!((parsed.clone(), serde_json::to_string(&parsed).unwrap().as_str()), (limit("a", 1, 1000), text));
        let strict = RateLimit { strict: true, ..parsed };
        let text = r#"{"name":"a","limit":1,"duration_ms":1000,"strict":true}"#;
        assert_eq!((serde_json::from_str::<RateLimit>(text).unwrap(), serde_json::to_string(&strict).unwrap().as_str()), (strict, text));
    }

    #[test]
    fn all_errors_of_rate_limits_are_found() {
        let found = rate_limit_errors("rate_limits", &[limit("", 0, 0), limit("a", 1, 1000), limit("a", 0, 1000)]);
        let fields: Vec<_> = found.iter().map(|error| error.field_error().unwrap().0).collect();
        let expected = ["rate_limits[0].name", "rate_limits[0].limit", "rate_limits[0].duration_ms", "rate_limits[2].name", "rate_limits[2].limit"];
        assert_eq!(fields, expected);
    }

    #[test]
    fn messages_state_the_bounds() {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        assert_eq!(digits(LIMIT_TEXT), format!("1{LIMIT_MAX}"));
        assert_eq!(digits(AMOUNT_TEXT), format!("1{CREDITS_MAX}"));
        assert_eq!(digits(CREDITS_TEXT), format!("0{CREDITS_MAX}"));
        assert_eq!((digits(TOKENS_TEXT), digits(TOKEN_BUDGET_TEXT)), (format!("1{TOKENS_MAX}"), format!("0{TOKENS_MAX}")));
        assert_eq!((digits(DOLLAR_BUDGET_TEXT), digits(PARALLEL_TEXT)), (format!("0{DOLLARS_MAX}"), format!("1{PARALLEL_MAX}")));
        assert_eq!(digits(DURATION_TEXT), format!("0131{}{}", DURATION_RANGE_MS.start(), DURATION_RANGE_MS.end()));
        assert_eq!((DURATION_RANGE_MS.start(), DURATION_RANGE_MS.end()), (&100, &(31 * DAY_MS)));
    }

    #[test]
    fn an_allow_list_has_networks_and_addresses() {
        let check = |texts: &[&str]| allowed_ips(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(check(&["192.0.2.7/24", " 192.0.2.1 ", "2001:DB8::/32", "::1", "0.0.0.0/0"]), Ok(()));
        for bad in ["", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "192.0.2", "::/129", "example.com", "192.0.2.0/24,10.0.0.0/8"] {
            let error = check(&["10.0.0.0/8", bad]).unwrap_err();
            assert_eq!(error.field_error().unwrap().0, "allowed_ips[1]", "{bad}");
        }
        assert!(check(&vec!["10.0.0.0/8"; ALLOWED_IPS_MAX + 1]).is_err());
    }

    #[test]
    fn patterns_of_models_are_trimmed_and_distinct() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(model_patterns(&texts(&[" gpt-* ", "GPT-*", "acme/llama:70b@v1"])), Ok(texts(&["gpt-*", "acme/llama:70b@v1"])));
        assert_eq!(model_patterns(&[]), Ok(Vec::new()));
        for bad in ["", " ", "a b", "a?", "a\"", "a'", "é", &"x".repeat(MODEL_PATTERN_MAX + 1)] {
            assert_eq!(model_patterns(&texts(&["a", bad])).unwrap_err().field_error().unwrap().0, "models[1]", "{bad}");
        }
        assert_eq!(model_patterns(&vec!["a".to_owned(); MODEL_PATTERNS_MAX + 1]).unwrap_err().field_error().unwrap().0, "models");
    }

    #[test]
    fn limits_of_model_calls_have_bounds() {
        let access = |limit, unit, tokens_per_minute, max_parallel| {
            let budget = Some(Budget { limit, unit, period: BudgetPeriod::Day });
            let access =
                ModelAccess { budget, tokens_per_minute: Some(tokens_per_minute), max_parallel: Some(max_parallel), ..ModelAccess::default() };
            model_access(access).map(drop).map_err(|error| error.field_error().unwrap().0.to_owned())
        };
        let (usd, tokens) = (BudgetUnit::Usd, BudgetUnit::Tokens);
        assert_eq!(access(0, tokens, 1, 1), Ok(()));
        assert_eq!(access(DOLLARS_MAX.0, usd, TOKENS_MAX, PARALLEL_MAX), Ok(()));
        for (result, field) in [
            (access(-1, usd, 1, 1), "budget.limit"),
            (access(DOLLARS_MAX.0 + 1, usd, 1, 1), "budget.limit"),
            (access(TOKENS_MAX + 1, tokens, 1, 1), "budget.limit"),
            (access(0, usd, 0, 1), "tokens_per_minute"),
            (access(0, usd, TOKENS_MAX + 1, 1), "tokens_per_minute"),
            (access(0, usd, 1, 0), "max_parallel"),
            (access(0, usd, 1, PARALLEL_MAX + 1), "max_parallel"),
        ] {
            assert_eq!(result, Err(field.to_owned()));
        }
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
