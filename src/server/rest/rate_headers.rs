//! What is left of a key's limits, as headers.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::server::verify::{Judgement, Rate};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const CREDITS: HeaderName = HeaderName::from_static("x-latchkey-credits-remaining");

/// Writes `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) for each rate limit of the key, and
/// `X-Latchkey-Credits-Remaining` where it has credits. Spans are whole seconds, rounded up. Nothing for a key without limits.
pub fn write(headers: &mut HeaderMap, judgement: &Judgement) {
    if !judgement.rates.is_empty() {
        let policy = listed(&judgement.rates, |text, rate| write!(text, ";q={};w={}", rate.limit.limit, seconds(rate.limit.duration_ms)));
        let left = listed(&judgement.rates, |text, rate| write!(text, ";r={};t={}", rate.remaining, seconds(rate.reset_ms)));
        headers.extend([(POLICY, policy), (LIMIT, left)].into_iter().filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?))));
    }
    if let Some(credits) = judgement.credits {
        headers.insert(CREDITS, HeaderValue::from(credits));
    }
}

/// In how many whole seconds a request may be taken again, where a rate limit has no room.
pub fn retry_after(judgement: &Judgement) -> Option<i64> {
    judgement.rates.iter().filter(|rate| rate.remaining == 0).map(|rate| seconds(rate.reset_ms).max(1)).max()
}

/// `"name";…, "name";…`: names have no sign that would have to be escaped.
fn listed(rates: &[Rate], parameters: impl Fn(&mut String, &Rate) -> std::fmt::Result) -> String {
    let mut text = String::with_capacity(rates.len() * 32);
    for rate in rates {
        let separator = if text.is_empty() { "" } else { ", " };
        let named = write!(text, "{separator}\"{}\"", rate.limit.name);
        // Writing to a text does not fail.
        let _ = named.and_then(|()| parameters(&mut text, rate));
    }
    text
}

const fn seconds(ms: i64) -> i64 {
    (ms + 999) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::RateLimit;

    #[test]
    fn each_limit_is_told_in_whole_seconds() {
        let rate = |name: &str, remaining, reset_ms| Rate {
            limit: RateLimit { name: name.to_owned(), limit: 100, duration_ms: 60_500 }.into(),
            remaining,
            reset_ms,
        };
        let rates = [rate("burst", 3, 1), rate("day", 0, 0)];
        assert_eq!(
            listed(&rates, |text, rate| write!(text, ";r={};t={}", rate.remaining, seconds(rate.reset_ms))),
            r#""burst";r=3;t=1, "day";r=0;t=0"#
        );
        assert_eq!(seconds(60_500), 61);
    }
}
