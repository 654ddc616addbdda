//! The result of a verification.

use std::{iter::zip, sync::Arc};

use super::{
    CachedKey, VerdictCode,
    limiter::{RateLimitState, RateLimitStates, Remaining},
};
use latchkey_types::{id::RequestId, limits::RateLimit, time::Timestamp};

/// The result of evaluating a key.
pub struct Verdict {
    pub code: VerdictCode,
    pub request_id: RequestId,
    /// Credits left; `None` if unknown or the key has no credit limit.
    pub credits: Option<i64>,
    /// Next refill of the credits, if there is one and it is known.
    pub refills_at: Option<Timestamp>,
    rates: RateLimitStates,
    address_retry_after: Option<i64>,
    key: Option<Arc<CachedKey>>,
}

impl Verdict {
    /// Drops the key if the code is [`VerdictCode::NotFound`], so that nothing about it is exposed.
    pub(super) fn new(code: VerdictCode, key: Option<Arc<CachedKey>>, remaining: Remaining) -> Self {
        let Remaining { rates, credits, refills_at, address_retry_after } = remaining;
        let key = key.filter(|_| code != VerdictCode::NotFound);
        Self { code, request_id: RequestId::unordered(), rates, credits, refills_at, address_retry_after, key }
    }

    /// `None` if the code is [`VerdictCode::NotFound`].
    pub fn key(&self) -> Option<&CachedKey> {
        self.key.as_deref()
    }

    /// The key's rate limits with their state; empty if the limits were not evaluated.
    pub fn rates(&self) -> impl Iterator<Item = (&RateLimit, &RateLimitState)> {
        let limits = self.key().and_then(|key| key.limits.as_ref());
        zip(limits.map(|limits| &*limits.rates).unwrap_or_default(), &self.rates)
    }

    /// Milliseconds until the client's address can use the key again, if the code is [`VerdictCode::RateLimited`] because the address has reached
    /// one of its limits.
    pub const fn address_retry_after(&self) -> Option<i64> {
        self.address_retry_after
    }

    pub fn is_valid(&self) -> bool {
        self.code == VerdictCode::Valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::tests::client_key;

    #[test]
    fn not_found_hides_the_key() {
        let key = Arc::new(client_key("a"));
        for code in VerdictCode::ALL {
            let verdict = Verdict::new(code, Some(Arc::clone(&key)), Remaining::default());
            assert_eq!(verdict.key().is_none(), code == VerdictCode::NotFound, "{}", code.as_str());
        }
    }
}
