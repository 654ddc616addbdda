//! Limits of the calls of language models with a key: parallel calls, and tokens per minute.

use std::sync::Arc;

use dashmap::DashMap;

use super::{
    CachedKey,
    budgets::ModelRefusal,
    identity_hasher::BuildIdentityHasher,
    limiter::ticks,
    shared_limits::{CallAdmission, CallLimits, LimitGroup, PendingExchange, Scope, SharedLimits, TakenCall},
    token_window::TokenWindow,
};
use latchkey_types::id::KeyId;

/// The calls of each key that has such a limit.
#[derive(Default)]
pub(super) struct CallLimiters {
    local: DashMap<KeyId, CallLimiter, BuildIdentityHasher>,
    /// `None` if there is only one instance.
    shared: Option<Arc<SharedLimits>>,
}

#[derive(Default)]
struct CallLimiter {
    /// Calls that have not ended.
    open: i64,
    tokens: TokenWindow,
}

/// Whether a call may begin.
pub(super) enum CallTake {
    /// The key has no such limit.
    Unlimited,
    Taken(CallSlot),
    /// Permits must be taken from the store first.
    Waits(PendingExchange),
}

impl CallLimiters {
    pub(super) fn new(shared: Option<Arc<SharedLimits>>) -> Self {
        Self { local: DashMap::default(), shared }
    }

    /// Takes a call's part of both limits, or of none. `tokens` is its worst case; a call with none, or with more than the limit, takes the whole
    /// limit.
    pub(super) fn take(self: &Arc<Self>, key: &CachedKey, tokens: Option<i64>) -> Result<CallTake, ModelRefusal> {
        let access = key.model_access.as_ref();
        let limits = CallLimits {
            tokens_per_minute: access.and_then(|access| access.tokens_per_minute),
            max_parallel: access.and_then(|access| access.max_parallel),
        };
        if limits.tokens_per_minute.is_none() && limits.max_parallel.is_none() {
            return Ok(CallTake::Unlimited);
        }
        let estimate = limits.tokens_per_minute.map_or(0, |limit| tokens.unwrap_or(limit).min(limit).max(0));
        match &self.shared {
            Some(shared) => take_shared(shared, key.id, limits, estimate),
            None => self.take_local(key.id, limits, estimate).map(CallTake::Taken),
        }
    }

    fn take_local(self: &Arc<Self>, key: KeyId, limits: CallLimits, estimate: i64) -> Result<CallSlot, ModelRefusal> {
        let now = ticks();
        let mut limiter = self.local.entry(key).or_default();
        if let Some(limit) = limits.max_parallel.filter(|limit| limiter.open >= *limit) {
            return Err(ModelRefusal::Parallel { limit });
        }
        if let Some(limit) = limits.tokens_per_minute {
            let left = limit.saturating_sub(limiter.tokens.count(now));
            if estimate > left {
                return Err(ModelRefusal::TokenRate { limit, left: left.max(0), retry_after_ms: limiter.tokens.frees_in(now, estimate - left) });
            }
        }
        limiter.open += 1;
        let second = limiter.tokens.add(now, estimate);
        let counted = Counted::Local { limiters: Arc::clone(self), key, second };
        Ok(CallSlot { counted, estimate, used: 0 })
    }

    /// Removes the limiters without open calls and recent tokens.
    pub(super) fn clean(&self) {
        let now = ticks();
        self.local.retain(|_, limiter| limiter.open > 0 || limiter.tokens.count(now) > 0);
    }
}

fn take_shared(shared: &Arc<SharedLimits>, key: KeyId, limits: CallLimits, estimate: i64) -> Result<CallTake, ModelRefusal> {
    let group = shared.group(key, Scope::Calls);
    let mut state = shared.lock(&group);
    match state.take_call(limits, estimate, shared.instances(), ticks()) {
        CallAdmission::Taken(call) => {
            drop(state);
            let counted = Counted::Shared { limits: Arc::clone(shared), group, call };
            Ok(CallTake::Taken(CallSlot { counted, estimate, used: 0 }))
        }
        CallAdmission::Waits => Ok(CallTake::Waits(shared.exchange(&group, &mut state))),
        CallAdmission::ParallelFull => Err(ModelRefusal::Parallel { limit: limits.max_parallel.unwrap_or(0) }),
        CallAdmission::TokensFull { left, retry_after_ms } => {
            Err(ModelRefusal::TokenRate { limit: limits.tokens_per_minute.unwrap_or(0), left, retry_after_ms })
        }
    }
}

/// The part of the limits that an open call has taken. A call that is not settled has used no tokens.
pub(super) struct CallSlot {
    counted: Counted,
    estimate: i64,
    used: i64,
}

/// Where a call is counted, and its estimate with the second.
enum Counted {
    Local { limiters: Arc<CallLimiters>, key: KeyId, second: i64 },
    Shared { limits: Arc<SharedLimits>, group: Arc<LimitGroup>, call: TakenCall },
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
        let difference = self.used.saturating_sub(self.estimate);
        match &self.counted {
            Counted::Local { limiters, key, second } => {
                if let Some(mut limiter) = limiters.local.get_mut(key) {
                    limiter.open -= 1;
                    limiter.tokens.correct(*second, difference);
                }
            }
            Counted::Shared { limits, group, call } => {
                let mut state = limits.lock(group);
                if state.end_call(*call, difference, ticks()) {
                    drop(limits.exchange(group, &mut state));
                }
            }
        }
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

    /// `None` if the key has no such limit.
    fn take(limiters: &Arc<CallLimiters>, key: &CachedKey, tokens: Option<i64>) -> Result<Option<CallSlot>, ModelRefusal> {
        Ok(match limiters.take(key, tokens)? {
            CallTake::Taken(slot) => Some(slot),
            CallTake::Unlimited => None,
            CallTake::Waits(_) => unreachable!("nothing is shared"),
        })
    }

    #[test]
    fn parallel_calls_are_limited_until_they_end() {
        let limiters = Arc::<CallLimiters>::default();
        let key = key(None, Some(2));
        let slots = [take(&limiters, &key, None), take(&limiters, &key, Some(1))].map(|slot| slot.ok().flatten().unwrap());
        assert_eq!(take(&limiters, &key, None).err(), Some(ModelRefusal::Parallel { limit: 2 }));
        for slot in slots {
            slot.settle(0);
        }
        assert!(take(&limiters, &key, None).is_ok());
        assert!(take(&limiters, &client_key("a"), None).is_ok_and(|slot| slot.is_none()));
        limiters.clean();
        assert!(limiters.local.is_empty());
    }

    #[test]
    fn tokens_are_estimated_and_corrected() {
        let limiters = Arc::<CallLimiters>::default();
        let key = key(Some(100), None);
        let slot = take(&limiters, &key, Some(60)).ok().flatten().unwrap();
        let refused = take(&limiters, &key, Some(41)).err();
        assert!(matches!(refused, Some(ModelRefusal::TokenRate { limit: 100, left: 40, retry_after_ms: 60_000..=61_000 })), "{refused:?}");
        slot.settle(10);
        let slot = take(&limiters, &key, Some(90)).ok().flatten().unwrap();
        drop(slot);
        take(&limiters, &key, Some(90)).ok().flatten().unwrap().settle_estimate();
        assert!(matches!(take(&limiters, &key, Some(1)).err(), Some(ModelRefusal::TokenRate { left: 0, .. })));
    }

    #[test]
    fn a_call_without_a_bound_takes_the_whole_minute() {
        for tokens in [None, Some(101)] {
            let limiters = Arc::<CallLimiters>::default();
            let key = key(Some(100), None);
            let slot = take(&limiters, &key, tokens).ok().flatten().unwrap();
            assert!(take(&limiters, &key, Some(1)).is_err());
            slot.settle(99);
            assert!(take(&limiters, &key, Some(1)).is_ok());
        }
    }
}
