//! Budgets for language models, and which models a key may call.

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    billing::Month,
    dollars::Dollars,
    names::parse_by_name,
    time::{DAY_MS, Timestamp},
};

/// Maximum number of names and patterns of models of a key.
pub const MODEL_PATTERNS_MAX: usize = 100;
/// Maximum limit of a budget in tokens, and of tokens per minute.
pub const TOKENS_MAX: i64 = 1_000_000_000_000;
/// Maximum limit of calls at the same time.
pub const PARALLEL_MAX: i64 = 10_000;

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BudgetUnit {
    /// US dollars. Amounts are billionths of a dollar.
    #[default]
    Usd,
    /// Tokens: input and output together.
    Tokens,
}

impl BudgetUnit {
    /// All variants, with their labels on the page.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Usd, "US dollars"), (Self::Tokens, "Tokens")];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Tokens => "tokens",
        }
    }
}

parse_by_name!(BudgetUnit, [BudgetUnit::Usd, BudgetUnit::Tokens]);

/// When a budget starts again. Periods begin at midnight UTC: of each day, of Monday, or of the first of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BudgetPeriod {
    Day,
    Week,
    #[default]
    Month,
    /// Never: the limit is for all time.
    None,
}

impl BudgetPeriod {
    /// All variants, with their labels on the page.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Day, "Every day"), (Self::Week, "Every week"), (Self::Month, "Every month"), (Self::None, "Never")];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::None => "none",
        }
    }

    /// Start of the current period; timestamp 0 for all time.
    pub const fn start(self, now: Timestamp) -> Timestamp {
        let day = now.0.div_euclid(DAY_MS);
        let first_day = match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => day - (day + 3).rem_euclid(7),
            Self::Month => Month::of_day(day).first_day(),
            Self::None => 0,
        };
        Timestamp(first_day * DAY_MS)
    }

    /// Start of the next period; `None` for all time.
    pub const fn next(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Day => Some(self.start(now).plus_days(1)),
            Self::Week => Some(self.start(now).plus_days(7)),
            Self::Month => Some(Timestamp(Month::of_day(now.0.div_euclid(DAY_MS)).next().first_day() * DAY_MS)),
            Self::None => None,
        }
    }
}

parse_by_name!(BudgetPeriod, [BudgetPeriod::Day, BudgetPeriod::Week, BudgetPeriod::Month, BudgetPeriod::None]);

/// The limit of what a key, a member or the organization may spend on language models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Budget {
    /// In billionths of a dollar or in tokens; 0 or more.
    pub limit: i64,
    pub unit: BudgetUnit,
    pub period: BudgetPeriod,
}

/// An amount of a budget as text: dollars as a decimal number, or the number of tokens.
pub fn amount_text(unit: BudgetUnit, amount: i64) -> String {
    match unit {
        BudgetUnit::Usd => Dollars(amount).to_string(),
        BudgetUnit::Tokens => amount.to_string(),
    }
}

/// An amount of a budget with its unit: `$12.5` or `1000 tokens`.
pub fn amount_in_words(unit: BudgetUnit, amount: i64) -> String {
    match unit {
        BudgetUnit::Usd => format!("${}", amount_text(unit, amount)),
        BudgetUnit::Tokens => format!("{amount} tokens"),
    }
}

/// For example `$12.5 a month`.
impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let period = match self.period {
            BudgetPeriod::Day => "a day",
            BudgetPeriod::Week => "a week",
            BudgetPeriod::Month => "a month",
            BudgetPeriod::None => "in all",
        };
        write!(f, "{} {period}", amount_in_words(self.unit, self.limit))
    }
}

/// A budget and what is used of it in the current period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    pub budget: Budget,
    /// In the unit of the budget.
    pub spent: i64,
    /// Reserved for calls that have not ended; in the unit of the budget.
    pub reserved: i64,
    /// `None` if the budget is for all time.
    pub resets_at: Option<Timestamp>,
}

impl BudgetState {
    /// What is left, in the unit of the budget.
    pub const fn left(&self) -> i64 {
        let left = self.budget.limit.saturating_sub(self.spent).saturating_sub(self.reserved);
        if left < 0 { 0 } else { left }
    }
}

/// What a key may do with language models. Stored with the key as one JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelAccess {
    /// Names or globs of models and aliases. `None`: the default of the kind, which is all for agent keys and none for client keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Input and output tokens in any minute, estimated before the call and corrected after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<i64>,
    /// Calls at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<i64>,
    /// Whether the bodies of calls are logged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log_bodies: bool,
}

impl ModelAccess {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Changes to [`ModelAccess`]. The outer `None` keeps a value, the inner one removes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelAccessPatch {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub models: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub budget: Option<Option<Budget>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bodies: Option<bool>,
}

/// Distinguishes a null field, which removes the value, from a missing one.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl ModelAccessPatch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    #[must_use]
    pub fn apply(self, before: ModelAccess) -> ModelAccess {
        ModelAccess {
            models: self.models.unwrap_or(before.models),
            budget: self.budget.unwrap_or(before.budget),
            tokens_per_minute: self.tokens_per_minute.unwrap_or(before.tokens_per_minute),
            max_parallel: self.max_parallel.unwrap_or(before.max_parallel),
            log_bodies: self.log_bodies.unwrap_or(before.log_bodies),
        }
    }
}

/// How the tokens of a call are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UsageState {
    /// Reported by the provider, and priced.
    Reported,
    /// The provider did not report them, for example because the call was interrupted.
    Estimated,
    /// The model has no price, so that the cost is unknown.
    Unpriced,
}

impl UsageState {
    pub const ALL: [Self; 3] = [Self::Reported, Self::Estimated, Self::Unpriced];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Estimated => "estimated",
            Self::Unpriced => "unpriced",
        }
    }
}

parse_by_name!(UsageState, UsageState::ALL);

/// Tokens of one call or of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenCounts {
    /// All input tokens, those from the cache included.
    pub input: i64,
    /// Input tokens that the provider read from its cache.
    pub cached: i64,
    /// Input tokens that the provider wrote to its cache.
    pub cache_write: i64,
    /// All output tokens, reasoning included.
    pub output: i64,
    /// Output tokens that were spent on reasoning.
    pub reasoning: i64,
}

impl TokenCounts {
    pub const fn total(&self) -> i64 {
        self.input.saturating_add(self.output)
    }

    pub fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cached = self.cached.saturating_add(other.cached);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

/// Prices of a model, in billionths of a dollar for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelPrice {
    pub input: i64,
    /// `None`: as `input`.
    #[serde(default)]
    pub cached_input: Option<i64>,
    /// `None`: as `input`.
    #[serde(default)]
    pub cache_write: Option<i64>,
    pub output: i64,
    /// The prices of calls with a long input; `None` if they are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<LongInputPrice>,
}

/// Prices of calls with more than `above` input tokens. They apply to all tokens of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongInputPrice {
    pub above: i64,
    pub input: i64,
    pub cached_input: Option<i64>,
    pub cache_write: Option<i64>,
    pub output: i64,
}

impl ModelPrice {
    /// The cost of these tokens, rounded up to a billionth of a dollar. Saturates.
    pub fn cost(&self, tokens: &TokenCounts) -> Dollars {
        self.cost_with_hour_writes(tokens, 0)
    }

    /// As [`Self::cost`], if this many of the tokens that were written to the cache are kept there for an hour.
    pub fn cost_with_hour_writes(&self, tokens: &TokenCounts, hour_writes: i64) -> Dollars {
        let price = self.for_input(tokens.input);
        let cached = tokens.cached.clamp(0, tokens.input.max(0));
        let written = tokens.cache_write.clamp(0, tokens.input.max(0) - cached);
        let plain = tokens.input.max(0) - cached - written;
        let for_hour = hour_writes.clamp(0, written);
        let part = |tokens: i64, price: i64| i128::from(tokens) * i128::from(price);
        let sum = part(plain, price.input)
            + part(cached, price.cached_input.unwrap_or(price.input))
            + part(written - for_hour, price.cache_write.unwrap_or(price.input))
            + part(for_hour, price.hour_write())
            + part(tokens.output.max(0), price.output);
        let nanos = (sum + 999_999).div_euclid(1_000_000);
        Dollars(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// The price of input tokens that are kept in the cache for an hour: twice that of input.
    /// <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#pricing>
    fn hour_write(&self) -> i64 {
        // Without a price for writing, it costs no more than other input.
        self.cache_write.map_or(self.input, |cache_write| cache_write.max(self.input.saturating_mul(2)))
    }

    /// The highest cost of at most this many input tokens, whether they are cached or not, and output tokens.
    pub fn worst_case(&self, input: i64, output: i64, may_write_for_hour: bool) -> Dollars {
        let long = self.for_input(input);
        let tokens = TokenCounts { input, output, ..TokenCounts::default() };
        let write = |price: &Self| if may_write_for_hour { price.hour_write() } else { price.cache_write.unwrap_or(0) };
        let highest = |price: Self| Self {
            input: price.input.max(price.cached_input.unwrap_or(0)).max(write(&price)),
            output: price.output,
            ..Self::default()
        };
        // The long input could turn out to be a short one, which need not be cheaper.
        highest(Self { long: None, ..*self }).cost(&tokens).max(highest(long).cost(&tokens))
    }

    /// The prices of calls with this many input tokens.
    fn for_input(&self, input: i64) -> Self {
        match self.long.filter(|long| input > long.above) {
            Some(LongInputPrice { input, cached_input, cache_write, output, .. }) => Self { input, cached_input, cache_write, output, long: None },
            None => Self { long: None, ..*self },
        }
    }
}

/// Whether a name matches a pattern, ignoring the case of ASCII letters. In the pattern, `*` stands for any characters, also for none.
pub fn model_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut in_pattern, mut in_name) = (0, 0);
    // Where to continue after a mismatch: behind the last `*`, which then stands for one more character.
    let mut retry = None;
    while in_name < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                in_pattern += 1;
                retry = Some((in_pattern, in_name));
            }
            Some(byte) if byte.eq_ignore_ascii_case(&name[in_name]) => {
                in_pattern += 1;
                in_name += 1;
            }
            _ => {
                let Some((behind_star, start)) = retry else { return false };
                retry = Some((behind_star, start + 1));
                (in_pattern, in_name) = (behind_star, start + 1);
            }
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_characters() {
        for (pattern, name) in [
            ("gpt-4o", "gpt-4o"),
            ("GPT-4o", "gpt-4O"),
            ("*", ""),
            ("*", "anything/at:all"),
            ("gpt-*", "gpt-"),
            ("gpt-*", "gpt-4o-mini"),
            ("*-mini", "gpt-mini-4o-mini"),
            ("a*b*c", "a-b-b-c"),
            ("**a", "a"),
            ("", ""),
        ] {
            assert!(model_matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("gpt-4o", "gpt-4o-mini"), ("gpt-4o", "gpt-4"), ("", "a"), ("*-mini", "gpt-4o-mini-x"), ("a*b*c", "a-c-b"), ("a?", "ab")]
        {
            assert!(!model_matches(pattern, name), "{pattern} {name}");
        }
        assert!(!model_matches(&"*a".repeat(50), &"b".repeat(10_000)), "in linear steps for each star");
    }

    const PRICE: ModelPrice =
        ModelPrice { input: 2_500_000_000, cached_input: Some(1_250_000_000), cache_write: None, output: 10_000_000_000, long: None };
    const LONG: LongInputPrice = LongInputPrice { above: 1000, input: 5_000_000_000, cached_input: None, cache_write: None, output: 20_000_000_000 };

    #[test]
    fn a_patch_keeps_the_difference_between_nothing_and_null() {
        let patch = ModelAccessPatch { budget: Some(None), max_parallel: Some(Some(2)), ..ModelAccessPatch::default() };
        let json = serde_json::to_string(&patch).unwrap();
        assert_eq!(json, r#"{"budget":null,"max_parallel":2}"#);
        assert_eq!(serde_json::from_str::<ModelAccessPatch>(&json).unwrap(), patch);
    }

    #[test]
    fn bodies_are_logged_only_when_switched_on() {
        assert!(!serde_json::from_str::<ModelAccess>("{}").unwrap().log_bodies);
        let on = ModelAccessPatch { log_bodies: Some(true), ..ModelAccessPatch::default() }.apply(ModelAccess::default());
        assert_eq!(serde_json::to_string(&on).unwrap(), r#"{"log_bodies":true}"#);
        assert_eq!(ModelAccessPatch::default().apply(on.clone()), on);
        let off = ModelAccessPatch { log_bodies: Some(false), ..ModelAccessPatch::default() };
        assert!(!off.is_empty() && off.apply(on).is_empty());
    }

    #[test]
    fn a_cost_is_the_sum_of_its_parts_rounded_up() {
        let tokens = TokenCounts { input: 1000, cached: 400, output: 10, ..TokenCounts::default() };
        assert_eq!(PRICE.cost(&tokens), Dollars(600 * 2500 + 400 * 1250 + 10 * 10_000));
        let cheap = ModelPrice { input: 1, output: 1, ..ModelPrice::default() };
        assert_eq!(cheap.cost(&TokenCounts { input: 1, ..TokenCounts::default() }), Dollars(1));
        assert_eq!(cheap.cost(&TokenCounts::default()), Dollars(0));
    }

    #[test]
    fn a_long_input_has_its_own_prices_for_all_tokens() {
        let price = ModelPrice { long: Some(LONG), ..PRICE };
        let tokens = |input| TokenCounts { input, output: 10, ..TokenCounts::default() };
        assert_eq!(price.cost(&tokens(1000)), PRICE.cost(&tokens(1000)));
        assert_eq!(price.cost(&tokens(1001)), Dollars(1001 * 5000 + 10 * 20_000));
        assert!(price.worst_case(1001, 10, false) >= price.cost(&tokens(1001)));
    }

    #[test]
    fn absurd_counts_neither_overflow_nor_pay_back() {
        let tokens = TokenCounts { input: i64::MAX, cached: i64::MAX, cache_write: i64::MAX, output: i64::MAX, reasoning: 0 };
        assert_eq!(PRICE.cost(&tokens), Dollars(i64::MAX));
        let negative = TokenCounts { input: -5, cached: 9, cache_write: -1, output: -7, reasoning: 0 };
        assert_eq!(PRICE.cost(&negative), Dollars(0));
    }

    #[test]
    fn the_worst_case_is_no_less_than_any_cost_of_the_same_tokens() {
        let price = ModelPrice { cache_write: Some(3_125_000_000), ..PRICE };
        for (cached, cache_write) in [(0, 0), (1000, 0), (0, 1000), (300, 700)] {
            let tokens = TokenCounts { input: 1000, cached, cache_write, output: 50, reasoning: 20 };
            assert!(price.cost(&tokens) <= price.worst_case(1000, 50, false));
            assert!(price.cost_with_hour_writes(&tokens, cache_write) <= price.worst_case(1000, 50, true));
        }
    }

    #[test]
    fn writes_for_an_hour_cost_twice_the_input() {
        let price = ModelPrice { cache_write: Some(3_125_000_000), ..PRICE };
        let tokens = TokenCounts { input: 100, cached: 10, cache_write: 50, ..TokenCounts::default() };
        assert_eq!(price.cost_with_hour_writes(&tokens, 20), Dollars(40 * 2500 + 10 * 1250 + 30 * 3125 + 20 * 5000));
        assert_eq!(price.cost_with_hour_writes(&tokens, 0), price.cost(&tokens));
        assert_eq!(price.cost_with_hour_writes(&tokens, 99), price.cost_with_hour_writes(&tokens, 50), "at most all that were written");
        assert_eq!(PRICE.cost_with_hour_writes(&tokens, 20), PRICE.cost(&tokens), "without a price for writing");
        assert_eq!(price.worst_case(100, 0, true), Dollars(100 * 5000));
    }

    #[test]
    fn periods_begin_at_midnight_utc() {
        // 2026-11-21T10:00:00Z, a Saturday.
        let now = Timestamp(1_795_255_200_000);
        let day = Timestamp(1_795_219_200_000);
        for (period, start, next) in [
            (BudgetPeriod::Day, day, Some(day.plus_days(1))),
            (BudgetPeriod::Week, day.plus_days(-5), Some(day.plus_days(2))),
            (BudgetPeriod::Month, day.plus_days(-20), Some(day.plus_days(10))),
            (BudgetPeriod::None, Timestamp(0), None),
        ] {
            assert_eq!((period.start(now), period.next(now)), (start, next), "{}", period.as_str());
            assert_eq!(period.start(start), start, "midnight belongs to the new period");
            assert_eq!(period.as_str().parse(), Ok(period));
        }
        assert_eq!(BudgetPeriod::Week.start(day.plus_days(-5).plus_ms(-1)), day.plus_days(-12));
        assert!(BudgetUnit::ALL.into_iter().all(|(unit, _)| unit.as_str().parse() == Ok(unit)));
    }

    #[test]
    fn a_budget_has_a_unit_and_a_period() {
        let text = |limit, unit, period| Budget { limit, unit, period }.to_string();
        assert_eq!(text(12_500_000_000, BudgetUnit::Usd, BudgetPeriod::Month), "$12.5 a month");
        assert_eq!(text(1000, BudgetUnit::Tokens, BudgetPeriod::None), "1000 tokens in all");
    }
}
