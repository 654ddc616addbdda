//! The built-in table of prices and context windows, converted to integers.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};
use moka::sync::Cache;
use url::{Host, Url};

use latchkey_types::{
    budget::{LongInputPrice, ModelPrice},
    dollars::Dollars,
    provider::ApiStyle,
    time::{DAY_MS, Timestamp},
};

/// When the prices of the crate `genai-prices` were last verified. It contains no date; that of a version is that of its release.
const DATE: &str = "2026-10-14";
/// Tokens of a call whose price is that of short inputs.
const SHORT: i64 = 1000;
/// Tokens of a call whose price is that of the longest inputs.
const LONGEST: i64 = 1_000_000;
const HOURS_PER_DAY: u32 = 24;

/// Maximum number of entries in memory: an entry takes up to a hundred calculations with the table.
const CAPACITY: u64 = 10_000;
/// For how long an entry is kept: prices can change at the beginning of a day.
const KEPT_FOR: Duration = Duration::from_mins(10);
static ENTRIES: LazyLock<Cache<(&'static str, String), TableEntry>> =
    LazyLock::new(|| Cache::builder().max_capacity(CAPACITY).time_to_live(KEPT_FOR).build());

/// What the table says about a model. Empty if it does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TableEntry {
    pub(crate) price: Option<ModelPrice>,
    /// Maximum number of tokens of a call, input and output together.
    pub(crate) context_tokens: Option<i64>,
}

/// Looks up a model by the base URL and the API style of its provider, and the provider's name for it.
pub(crate) fn find(style: ApiStyle, base_url: &str, upstream_name: &str) -> TableEntry {
    let id = table_id(style, base_url);
    let entry = || TableEntry { price: price(id, upstream_name), context_tokens: context_tokens(id, upstream_name) };
    ENTRIES.get_with((id, upstream_name.to_owned()), entry)
}

/// Date of the table, as `YYYY-MM-DD`.
pub(crate) fn date() -> String {
    DATE.to_owned()
}

/// The prices of a model. Those of long inputs are from the first length that is charged differently, at the price of the longest input: with
/// more than two steps, those between are charged too high. If they depend on the time of day, they are the highest ones: a budget must not be
/// overspent because a price was read while it was low.
fn price(provider: &str, model: &str) -> Option<ModelPrice> {
    let at = dearest_time(provider, model).unwrap_or_else(SystemTime::now);
    let rates = |input| Rates::of(provider, model, input, at);
    let (short, longest) = (rates(SHORT)?, rates(LONGEST)?);
    let long = (short != longest).then(|| {
        let (mut below, mut above) = (SHORT, LONGEST);
        while above - below > 1 {
            let middle = below.midpoint(above);
            if rates(middle).as_ref() == Some(&short) { below = middle } else { above = middle }
        }
        LongInputPrice {
            above: below,
            input: longest.input,
            cached_input: longest.cached_input,
            cache_write: longest.cache_write,
            output: longest.output,
        }
    });
    Some(ModelPrice { input: short.input, cached_input: short.cached_input, cache_write: short.cache_write, output: short.output, long })
}

/// The hour of this day, in UTC, in which a call costs most; prices by time of day apply for at least an hour. `None` if the table has no such
/// model, or no price for its output.
fn dearest_time(provider: &str, model: &str) -> Option<SystemTime> {
    let usage = Usage::from([(UsageKey::INPUT_TOKENS, float(SHORT)), (UsageKey::OUTPUT_TOKENS, float(SHORT))]);
    let cost_at = |time: SystemTime| {
        let request = PriceRequest::new(model, &usage).with_provider_id(provider).with_timestamp(time);
        Calculator::bundled().calculate(&request).ok().map(|calculated| calculated.total_price)
    };
    let today = Timestamp::now().0.div_euclid(DAY_MS) * DAY_MS;
    let midnight = UNIX_EPOCH + Duration::from_millis(u64::try_from(today).unwrap_or_default());
    let (mut dearest, mut highest) = (midnight, cost_at(midnight)?);
    for hour in 1..HOURS_PER_DAY {
        let time = midnight + Duration::from_hours(1) * hour;
        if let Some(cost) = cost_at(time)
            && cost > highest
        {
            (dearest, highest) = (time, cost);
        }
    }
    Some(dearest)
}

/// Prices for a million tokens, in billionths of a dollar, in calls with a certain number of input tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rates {
    input: i64,
    cached_input: Option<i64>,
    cache_write: Option<i64>,
    output: i64,
}

impl Rates {
    /// `None` if the table has no such model, or no price for its input.
    fn of(provider: &str, model: &str, input: i64, at: SystemTime) -> Option<Self> {
        let tokens = float(input);
        // The price of a million of these tokens, in a call with this many input tokens.
        let rate = |part: Option<UsageKey>| {
            let mut usage = Usage::from([(UsageKey::INPUT_TOKENS, tokens)]);
            if let Some(part) = part {
                usage.insert(part, tokens);
            }
            let request = PriceRequest::new(model, &usage).with_provider_id(provider).with_timestamp(at);
            let calculated = Calculator::bundled().calculate(&request).ok().filter(|calculated| calculated.warnings.is_empty())?;
            Some((calculated.input_price * 1e6 / tokens, calculated.output_price * 1e6 / tokens))
        };
        let (plain, _) = rate(None)?;
        let part = |key| rate(Some(key)).and_then(|(price, _)| nanos(price));
        // Without a price for output, the model has no output, as those for embeddings.
        let output = rate(Some(UsageKey::OUTPUT_TOKENS)).and_then(|(_, price)| nanos(price)).unwrap_or_default();
        Some(Self { input: nanos(plain)?, cached_input: part(UsageKey::CACHE_READ_TOKENS), cache_write: part(UsageKey::CACHE_WRITE_TOKENS), output })
    }
}

fn float(tokens: i64) -> f64 {
    f64::from(i32::try_from(tokens).unwrap_or(i32::MAX))
}

/// The context window of a model, in tokens.
fn context_tokens(provider: &str, model: &str) -> Option<i64> {
    let table = Calculator::bundled();
    // The price determines the entry of the table: names have many spellings.
    let usage = Usage::new();
    let entry = table.calculate(&PriceRequest::new(model, &usage).with_provider_id(provider)).ok()?;
    let provider = table.find_provider(Some(&entry.provider_id), None).ok()??;
    let window = provider.models().find(|model| model.id() == entry.model_id)?.context_window()?;
    i64::try_from(window).ok().filter(|tokens| *tokens > 0)
}

/// The table's id of a provider. Unknown hosts speak the API of `OpenAI` or Anthropic, and can pass calls on to them: their prices are assumed.
fn table_id(style: ApiStyle, base_url: &str) -> &'static str {
    let url = Url::parse(base_url).ok();
    let host = match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name,
        _ => "",
    };
    let is_of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let known = HOSTS.iter().find(|(domain, _)| is_of(domain)).map(|(_, id)| *id);
    known.unwrap_or(match style {
        ApiStyle::Openai => "openai",
        ApiStyle::Anthropic => "anthropic",
    })
}

/// Domains of providers, and their ids in the table.
const HOSTS: [(&str, &str); 14] = [
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("openai.azure.com", "azure"),
    ("cognitiveservices.azure.com", "azure"),
    ("services.ai.azure.com", "azure"),
    ("api.mistral.ai", "mistral"),
    ("api.groq.com", "groq"),
    ("api.together.xyz", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x-ai"),
    ("openrouter.ai", "openrouter"),
    ("generativelanguage.googleapis.com", "google"),
    ("aiplatform.googleapis.com", "google"),
];

/// Dollars in billionths. `None` if it is negative or not finite.
fn nanos(dollars: f64) -> Option<i64> {
    // The decimal digits are exact: a price has fewer of them than a floating-point number can hold.
    format!("{dollars:.9}").parse::<Dollars>().ok().map(|amount| amount.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_locked_version() {
        const LOCK: &str = include_str!("../../../../Cargo.lock");
        let (_, after) = LOCK.split_once("name = \"genai-prices\"\nversion = \"").unwrap();
        let version = after.split('"').next().unwrap();
        assert_eq!((version, DATE), ("0.2.1", "2026-10-14"), "the version has changed: change the date too, and both here");
    }

    #[test]
    fn a_provider_is_known_by_its_host() {
        for (style, base_url, id) in [
            (ApiStyle::Openai, "https://api.openai.com/v1", "openai"),
            (ApiStyle::Openai, "https://acme.openai.azure.com/openai/v1", "azure"),
            (ApiStyle::Openai, "https://openrouter.ai/api/v1", "openrouter"),
            (ApiStyle::Anthropic, "https://openrouter.ai/api", "openrouter"),
            (ApiStyle::Openai, "https://notopenrouter.ai/api/v1", "openai"),
            (ApiStyle::Anthropic, "http://127.0.0.1:4000", "anthropic"),
        ] {
            assert_eq!(table_id(style, base_url), id, "{base_url}");
        }
    }

    #[test]
    fn prices_are_those_of_the_table() {
        let found = |style, base_url, model| find(style, base_url, model);
        let openai = found(ApiStyle::Openai, "https://api.openai.com/v1", "gpt-4o");
        let expected = ModelPrice { input: 2_500_000_000, cached_input: Some(1_250_000_000), cache_write: None, output: 10_000_000_000, long: None };
        let price = openai.price.unwrap();
        assert_eq!((price.input, price.cached_input, price.output, price.long), (expected.input, expected.cached_input, expected.output, None));
        assert_eq!(openai.context_tokens, Some(128_000));
        let anthropic = found(ApiStyle::Anthropic, "https://api.anthropic.com", "claude-sonnet-5").price.unwrap();
        assert_eq!((anthropic.input, anthropic.cached_input), (2_000_000_000, Some(200_000_000)));
        assert_eq!((anthropic.cache_write, anthropic.output), (Some(2_500_000_000), 10_000_000_000));
        let embedding = found(ApiStyle::Openai, "https://api.openai.com/v1", "text-embedding-3-small").price.unwrap();
        assert_eq!((embedding.input, embedding.output), (20_000_000, 0));
        assert_eq!(found(ApiStyle::Openai, "https://api.openai.com/v1", "no-such-model"), TableEntry::default());
    }

    #[test]
    fn long_inputs_have_their_own_prices() {
        let price = find(ApiStyle::Openai, "https://api.openai.com/v1", "gpt-5.4").price.unwrap();
        let long = price.long.unwrap();
        assert_eq!((price.input, price.output), (2_500_000_000, 15_000_000_000));
        assert_eq!((long.input, long.output), (5_000_000_000, 22_500_000_000));
        assert!((271_999..=272_000).contains(&long.above), "{}", long.above);
    }

    #[test]
    fn the_highest_price_of_the_day_applies() {
        let price = find(ApiStyle::Openai, "https://api.deepseek.com/v1", "deepseek-v4-pro").price.unwrap();
        assert_eq!((price.input, price.cached_input, price.output), (1_320_000_000, Some(44_000_000), 3_960_000_000));
    }

    #[test]
    fn prices_are_converted_exactly() {
        for (dollars, expected) in
            [(0.15, Some(150_000_000)), (0.1 + 0.2, Some(300_000_000)), (0.0, Some(0)), (-1.0, None), (f64::NAN, None), (f64::INFINITY, None)]
        {
            assert_eq!(nanos(dollars), expected, "{dollars}");
        }
    }
}
