//! Interned rate limits: thousands of keys share the same ones, so each distinct set is kept in memory once.

use std::sync::Arc;

use moka::sync::Cache;

use latchkey_store::keys::parse_rate_limits;
use latchkey_types::limits::RateLimit;

/// Largest number of interned sets; they are keyed by the stored text.
const PLANS_MAX: u64 = 10_000;

/// The rate limits of a key, shared by all keys with the same ones.
pub(super) type RateLimits = Arc<[RateLimit]>;

pub(super) struct RateLimitInterner(Cache<String, RateLimits>);

impl RateLimitInterner {
    pub(super) fn new() -> Self {
        Self(Cache::new(PLANS_MAX))
    }

    /// `None` if the stored text is invalid.
    pub(super) fn intern(&self, stored: Option<&str>) -> Option<RateLimits> {
        let text = stored.unwrap_or_default();
        if let Some(rate_limits) = self.0.get(text) {
            return Some(rate_limits);
        }
        let rate_limits: RateLimits = parse_rate_limits(stored)?.into();
        self.0.insert(text.to_owned(), Arc::clone(&rate_limits));
        Some(rate_limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_limits_are_stored_once() {
        let interner = RateLimitInterner::new();
        let text = r#"[{"name":"a","limit":2,"duration_ms":60000}]"#;
        let (one, other) = (interner.intern(Some(text)).unwrap(), interner.intern(Some(text)).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(*one, [RateLimit { name: "a".to_owned(), limit: 2, duration_ms: 60_000, strict: false }]);
        assert!(interner.intern(Some("[")).is_none());
    }
}
