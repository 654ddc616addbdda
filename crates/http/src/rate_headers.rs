//! Response headers with a key's remaining limits.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use latchkey_types::{limits::RateLimit, time::Timestamp};
use latchkey_verify::{RateLimitState, Verdict, VerdictCode};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const CREDITS: HeaderName = HeaderName::from_static("x-latchkey-credits-remaining");

/// Writes `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) with each rate limit of the key, and
/// `X-Latchkey-Credits-Remaining` if it has credits. Durations are whole seconds, rounded up. A key without limits has no headers.
pub fn write(headers: &mut HeaderMap, verdict: &Verdict) {
    let mut text = if verdict.rates().next().is_some() { String::with_capacity(64) } else { String::new() };
    for (name, parameters) in [(POLICY, policy as Parameters), (LIMIT, remaining)] {
        text.clear();
        list(&mut text, verdict.rates(), parameters);
        if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
            headers.insert(name, value);
        }
    }
    if let Some(credits) = verdict.credits {
        headers.insert(CREDITS, HeaderValue::from(credits));
    }
}

/// Whole seconds until the key can be used again, if a limit is exhausted and the time is known.
pub fn retry_after(verdict: &Verdict) -> Option<i64> {
    let ms = match verdict.code {
        VerdictCode::RateLimited => {
            let exhausted = verdict.rates().filter(|(_, rate)| rate.remaining == 0).map(|(_, rate)| rate.reset_ms);
            exhausted.chain(verdict.address_retry_after()).max()
        }
        VerdictCode::UsageExceeded => verdict.refills_at.map(|at| at.0 - Timestamp::now().0),
        _ => None,
    };
    ms.map(|ms| seconds(ms).max(1))
}

/// The two parameters of a rate limit in a header.
type Parameters = fn(&RateLimit, &RateLimitState) -> [(&'static str, i64); 2];

const fn policy(limit: &RateLimit, _: &RateLimitState) -> [(&'static str, i64); 2] {
    [(";q=", limit.limit), (";w=", seconds(limit.duration_ms))]
}

const fn remaining(_: &RateLimit, rate: &RateLimitState) -> [(&'static str, i64); 2] {
    [(";r=", rate.remaining), (";t=", seconds(rate.reset_ms))]
}

/// Appends `"name";…, "name";…`. Names contain no character that needs escaping.
fn list<'a>(text: &mut String, rates: impl Iterator<Item = (&'a RateLimit, &'a RateLimitState)>, parameters: Parameters) {
    for (limit, rate) in rates {
        text.push_str(if text.is_empty() { "\"" } else { ", \"" });
        text.push_str(&limit.name);
        text.push('"');
        for (name, value) in parameters(limit, rate) {
            text.push_str(name);
            text.push_str(itoa::Buffer::new().format(value));
        }
    }
}

const fn seconds(ms: i64) -> i64 {
    (ms + 999) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_in_whole_seconds() {
        let limit = |name: &str| RateLimit { name: name.to_owned(), limit: 100, duration_ms: 60_500, strict: false };
        let rates = [(limit("burst"), RateLimitState { remaining: 3, reset_ms: 1 }), (limit("day"), RateLimitState { remaining: 0, reset_ms: 0 })];
        for (parameters, header) in
            [(policy as Parameters, r#""burst";q=100;w=61, "day";q=100;w=61"#), (remaining, r#""burst";r=3;t=1, "day";r=0;t=0"#)]
        {
            let mut text = String::new();
            list(&mut text, rates.iter().map(|(limit, rate)| (limit, rate)), parameters);
            assert_eq!(text, header);
        }
        assert_eq!(seconds(60_500), 61);
    }
}
