//! Limits of the calls of language models with a key: parallel calls, and tokens per minute. As rate limits, they apply to each instance.

use std::{collections::VecDeque, sync::Arc};

use dashmap::DashMap;

use super::{CachedKey, budgets::ModelRefusal, identity_hasher::BuildIdentityHasher, limiter::ticks};
use latchkey_types::{id::KeyId, time::MINUTE_MS};

/// Tokens are counted by the second. A second expires a minute after its end, so never early.
const SECOND_MS: i64 = 1000;

/// The calls of each key that has such a limit.
#[derive(Default)]
pub(super) struct CallLimiters(DashMap<KeyId, CallLimiter, BuildIdentityHasher>);

#[derive(Default)]
struct CallLimiter {
    /// Calls that have not ended.
    open: i64,
    tokens: TokenWindow,
}

impl CallLimiters {
    /// Takes a call's part of both limits, or of none. `tokens` is its worst case; a call with none, or with more than the limit, takes the whole
    /// limit. `None` if the key has no such limit.
    pub(super) fn take(self: &Arc<Self>, key: &CachedKey, tokens: Option<i64>) -> Result<Option<CallSlot>, ModelRefusal> {
        let (rate, parallel) = key.model_access.as_ref().map_or((None, None), |access| (access.tokens_per_minute, access.max_parallel));
        if rate.is_none() && parallel.is_none() {
            return Ok(None);
        }
        let now = ticks();
        let mut limiter = self.0.entry(key.id).or_default();
        if let Some(limit) = parallel.filter(|limit| limiter.open >= *limit) {
            return Err(ModelRefusal::Parallel { limit });
        }
        let estimate = rate.map_or(0, |limit| tokens.unwrap_or(limit).min(limit).max(0));
        if let Some(limit) = rate {
            let left = limit.saturating_sub(limiter.tokens.count(now));
            if estimate > left {
                return Err(ModelRefusal::TokenRate { limit, left: left.max(0), retry_after_ms: limiter.tokens.frees_in(now, estimate - left) });
            }
        }
        limiter.open += 1;
        let second = limiter.tokens.add(now, estimate);
        Ok(Some(CallSlot { limiters: Arc::clone(self), key: key.id, second, estimate, used: 0 }))
    }

    /// Removes the limiters without open calls and recent tokens.
    pub(super) fn clean(&self) {
        let now = ticks();
        self.0.retain(|_, limiter| limiter.open > 0 || limiter.tokens.count(now) > 0);
    }
}

/// The part of the limits that an open call has taken. A call that is not settled has used no tokens.
pub(super) struct CallSlot {
    limiters: Arc<CallLimiters>,
    key: KeyId,
    /// In which the estimate is counted.
    second: i64,
    estimate: i64,
    used: i64,
}

impl CallSlot {
    /// Corrects the estimate to what the call has used.
    pub(super) fn settle(mut self, tokens: i64) {
        self.used = tokens.max(0);
    }

    /// The estimate remains.
    pub(super) fn settle_estimate(mut self) {
        self.used = self.estimate;
    }
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        if let Some(mut limiter) = self.limiters.0.get_mut(&self.key) {
            limiter.open -= 1;
            limiter.tokens.correct(self.second, self.used.saturating_sub(self.estimate));
        }
    }
}

/// The tokens of the last minute.
#[derive(Default)]
struct TokenWindow {
    /// Seconds since the process started, with their tokens; at most 61.
    seconds: VecDeque<(i64, i64)>,
    sum: i64,
}

impl TokenWindow {
    fn expires_at(second: i64) -> i64 {
        (second + 1) * SECOND_MS + MINUTE_MS
    }

    fn count(&mut self, now: i64) -> i64 {
        while let Some((_, tokens)) = self.seconds.pop_front_if(|(second, _)| Self::expires_at(*second) <= now) {
            self.sum = self.sum.saturating_sub(tokens);
        }
        self.sum
    }

    /// Returns the second in which the tokens are counted: a later one, if another thread was faster.
    fn add(&mut self, now: i64, tokens: i64) -> i64 {
        self.sum = self.sum.saturating_add(tokens);
        let second = now / SECOND_MS;
        match self.seconds.back_mut() {
            Some((last, sum)) if *last >= second => {
                *sum = sum.saturating_add(tokens);
                *last
            }
            _ => {
                self.seconds.push_back((second, tokens));
                second
            }
        }
    }

    /// Adds to the tokens of a second, unless it has expired.
    fn correct(&mut self, second: i64, difference: i64) {
        if let Some((_, tokens)) = self.seconds.iter_mut().find(|(other, _)| *other == second) {
            let corrected = tokens.saturating_add(difference).max(0);
            self.sum = self.sum.saturating_add(corrected - *tokens);
            *tokens = corrected;
        }
    }

    /// Milliseconds until this many tokens have expired.
    fn frees_in(&self, now: i64, missing: i64) -> i64 {
        let mut freed = 0_i64;
        let enough = self.seconds.iter().find(|(_, tokens)| {
            freed = freed.saturating_add(*tokens);
            freed >= missing
        });
        enough.or(self.seconds.back()).map_or(0, |(second, _)| (Self::expires_at(*second) - now).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::tests::client_key;
    use latchkey_types::budget::ModelAccess;

    fn key(tokens_per_minute: Option<i64>, max_parallel: Option<i64>) -> CachedKey {
        let access = ModelAccess { tokens_per_minute, max_parallel, ..ModelAccess::default() };
        CachedKey { model_access: Some(Box::new(access)), ..client_key("a") }
    }

    #[test]
    fn tokens_expire_a_minute_after_their_second() {
        let mut window = TokenWindow::default();
        assert_eq!(window.frees_in(0, 1), 0);
        assert_eq!([(500, 10), (999, 5), (2000, 7), (1999, 0)].map(|(now, tokens)| window.add(now, tokens)), [0, 0, 2, 2]);
        assert_eq!((window.count(60_999), window.seconds.len()), (22, 2));
        assert_eq!([15, 16, 99].map(|missing| window.frees_in(1000, missing)), [60_000, 62_000, 62_000]);
        assert_eq!((window.count(61_000), window.count(62_999), window.count(63_000)), (7, 7, 0));
    }

    #[test]
    fn a_correction_applies_to_the_second_of_the_call() {
        let mut window = TokenWindow::default();
        let (first, second) = (window.add(0, 100), window.add(5000, 50));
        window.correct(first, -90);
        assert_eq!(window.count(5000), 60);
        window.correct(second, 20);
        assert_eq!((window.count(5000), window.count(61_000)), (80, 70));
        window.correct(first, -90);
        assert_eq!(window.count(61_000), 70, "an estimate that has expired is not corrected");
        window.correct(second, -71);
        assert_eq!(window.count(61_000), 0, "no second has less than no tokens");
    }

    #[test]
    fn parallel_calls_are_limited_until_they_end() {
        let limiters = Arc::<CallLimiters>::default();
        let key = key(None, Some(2));
        let slots = [limiters.take(&key, None), limiters.take(&key, Some(1))].map(|slot| slot.ok().flatten().unwrap());
        assert_eq!(limiters.take(&key, None).err(), Some(ModelRefusal::Parallel { limit: 2 }));
        for slot in slots {
            slot.settle(0);
        }
        assert!(limiters.take(&key, None).is_ok());
        assert!(limiters.take(&client_key("a"), None).is_ok_and(|slot| slot.is_none()));
        limiters.clean();
        assert!(limiters.0.is_empty());
    }

    #[test]
    fn tokens_are_estimated_and_corrected() {
        let limiters = Arc::<CallLimiters>::default();
        let key = key(Some(100), None);
        let slot = limiters.take(&key, Some(60)).ok().flatten().unwrap();
        let refused = limiters.take(&key, Some(41)).err();
        assert!(matches!(refused, Some(ModelRefusal::TokenRate { limit: 100, left: 40, retry_after_ms: 60_000..=61_000 })), "{refused:?}");
        slot.settle(10);
        let slot = limiters.take(&key, Some(90)).ok().flatten().unwrap();
        drop(slot);
        limiters.take(&key, Some(90)).ok().flatten().unwrap().settle_estimate();
        assert!(matches!(limiters.take(&key, Some(1)).err(), Some(ModelRefusal::TokenRate { left: 0, .. })));
    }

    #[test]
    fn a_call_without_a_bound_takes_the_whole_minute() {
        for tokens in [None, Some(101)] {
            let limiters = Arc::<CallLimiters>::default();
            let key = key(Some(100), None);
            let slot = limiters.take(&key, tokens).ok().flatten().unwrap();
            assert!(limiters.take(&key, Some(1)).is_err());
            slot.settle(99);
            assert!(limiters.take(&key, Some(1)).is_ok());
        }
    }
}
