//! Limiter: the state of a key's rate limits and credits on this instance. It outlives changes of the key's record.

use super::rate_limit_interner::RateLimitInterner;
use ipnet::IpNet;
use latchkey_store::keys::LimitColumns;
use std::{
    iter::zip,
    mem,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use smallvec::SmallVec;

use super::{
    credits::{Reserve, SpendResult},
    rate_limit_interner::RateLimits,
    window::Window,
};
use latchkey_types::time::Timestamp;

/// Milliseconds since the process started: a monotonic clock.
pub(super) fn ticks() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// The state of one rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitState {
    /// Requests left in the current window.
    pub remaining: i64,
    /// Milliseconds until the oldest counted requests expire; 0 if none is counted.
    pub reset_ms: i64,
}

/// Result of consuming limits. Only [`Self::Allowed`] consumes anything.
#[derive(Debug)]
pub(super) enum Decision {
    Allowed(Remaining),
    RateLimited(Remaining),
    /// Too few credits are left.
    CreditsExhausted(Remaining),
    /// This many credits must be reserved first.
    NeedsCredits(i64),
    /// The record is older than the balance and must be read again.
    Outdated,
}

/// The state of each rate limit of a key, in their order. One is stored inline; few keys have more.
pub(super) type RateLimitStates = SmallVec<[RateLimitState; 1]>;

/// What is left of a key's limits after an evaluation.
#[derive(Debug, Default)]
pub(super) struct Remaining {
    pub(super) rates: RateLimitStates,
    pub(super) credits: Option<i64>,
    /// Next refill of the credits.
    pub(super) refills_at: Option<Timestamp>,
}

/// The limiter of one key.
#[derive(Default)]
pub(super) struct Limiter(Mutex<LimiterState>);

#[derive(Default)]
pub(super) struct LimiterState {
    rate_limits: Option<RateLimits>,
    /// One per rate limit, in the same order.
    windows: SmallVec<[Window; 1]>,
    /// Boxed because few keys have credits.
    reserve: Option<Box<Reserve>>,
}

impl Limiter {
    pub(super) fn lock(&self) -> MutexGuard<'_, LimiterState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Consumes one request of each rate limit and `cost` credits, or nothing.
    pub(super) fn take(&self, limits: &CachedLimits, cost: i64, now: Timestamp) -> Decision {
        let mut state = self.lock();
        let ticks = ticks();
        state.set_rate_limits(&limits.rates);
        if zip(&*limits.rates, &mut state.windows).any(|(limit, window)| window.count(ticks, limit.duration_ms) >= limit.limit) {
            return Decision::RateLimited(state.remaining(limits, ticks));
        }
        if let Some(version) = limits.credits {
            match state.reserve().spend(version, cost, now, ticks) {
                SpendResult::Allowed => {}
                SpendResult::NeedsCredits(missing) => return Decision::NeedsCredits(missing),
                SpendResult::CreditsExhausted => return Decision::CreditsExhausted(state.remaining(limits, ticks)),
                SpendResult::Outdated => return Decision::Outdated,
            }
        }
        for (limit, window) in zip(&*limits.rates, &mut state.windows) {
            window.add(ticks, limit.duration_ms);
        }
        Decision::Allowed(state.remaining(limits, ticks))
    }

    /// Whether dropping the limiter loses nothing.
    pub(super) fn is_idle(&self) -> bool {
        let (mut state, ticks) = (self.lock(), ticks());
        let state = &mut *state;
        let limits = state.rate_limits.as_deref().unwrap_or_default();
        zip(limits, &mut state.windows).all(|(limit, window)| window.is_empty(ticks, limit.duration_ms))
            && state.reserve.as_ref().is_none_or(|reserve| reserve.is_empty())
    }
}

impl LimiterState {
    pub(super) fn reserve(&mut self) -> &mut Reserve {
        self.reserve.get_or_insert_default()
    }

    /// Adopts changed rate limits; those with an unchanged name keep their window.
    fn set_rate_limits(&mut self, rate_limits: &RateLimits) {
        if self.rate_limits.as_ref().is_some_and(|current| Arc::ptr_eq(current, rate_limits)) {
            return;
        }
        let previous = self.rate_limits.replace(Arc::clone(rate_limits));
        let mut windows = mem::take(&mut self.windows);
        let old_index = |name: &str| previous.iter().flat_map(|rate_limits| &**rate_limits).position(|old| old.name == name);
        self.windows =
            rate_limits.iter().map(|limit| old_index(&limit.name).map(|index| mem::take(&mut windows[index])).unwrap_or_default()).collect();
    }

    fn remaining(&mut self, limits: &CachedLimits, ticks: i64) -> Remaining {
        let rates = zip(&*limits.rates, &mut self.windows).map(|(limit, window)| RateLimitState {
            remaining: (limit.limit - window.count(ticks, limit.duration_ms)).max(0),
            reset_ms: window.frees_in(ticks, limit.duration_ms),
        });
        let rates = rates.collect();
        let reserve = limits.credits.map(|_| self.reserve());
        let (credits, refills_at) = reserve.map_or((None, None), |reserve| (reserve.left(), reserve.refills_at()));
        Remaining { rates, credits, refills_at }
    }
}

/// The limits of a key and the state of its limiter.
pub struct CachedLimits {
    pub rates: RateLimits,
    /// Version of the balance, if the key has credits; incremented whenever a user or a refill sets it.
    pub credits: Option<i64>,
    /// Networks from which the key may be used; empty allows all.
    pub networks: Box<[IpNet]>,
    pub(super) limiter: Arc<Limiter>,
}

impl CachedLimits {
    /// The outer `None` if the stored limits are invalid: a key with unknown limits must not be valid.
    #[expect(clippy::option_option, reason = "no limits and unreadable limits are different cases")]
    pub(super) fn from_columns(stored: &LimitColumns, interner: &RateLimitInterner, limiter: impl FnOnce() -> Arc<Limiter>) -> Option<Option<Self>> {
        let (rates, networks, credits) = (interner.intern(stored)?, stored.networks()?, stored.credit_balance().map(|account| account.version));
        let has_any = !rates.is_empty() || !networks.is_empty() || credits.is_some();
        Some(has_any.then(|| Self { rates, credits, networks: networks.into(), limiter: limiter() }))
    }
}
