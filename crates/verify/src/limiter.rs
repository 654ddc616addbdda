//! Limiter: the state of a key's rate limits and credits on this instance. It outlives changes of the key's record.

use std::{
    iter::zip,
    mem,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use smallvec::SmallVec;

use super::{
    cached_key::KnownLimits,
    credits::{Reserve, Spent},
    rate_limit_interner::Plan,
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
pub struct Rate {
    /// Requests left in the current window.
    pub remaining: i64,
    /// Milliseconds until the oldest counted requests expire; 0 if none is counted.
    pub reset_ms: i64,
}

/// Result of consuming limits. Only [`Self::Yes`] consumes anything.
#[derive(Debug)]
pub(super) enum Taken {
    Yes(Standing),
    RateLimited(Standing),
    /// Too few credits are left.
    Exhausted(Standing),
    /// This many credits must be reserved first.
    Short(i64),
    /// The record is older than the credit setting and must be read again.
    Outdated,
}

/// The state of each rate limit of a key, in their order. One is stored inline; few keys have more.
pub(super) type Rates = SmallVec<[Rate; 1]>;

/// What is left of a key's limits after an evaluation.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) rates: Rates,
    pub(super) credits: Option<i64>,
    /// Next refill of the credits.
    pub(super) refills_at: Option<Timestamp>,
}

/// The limiter of one key.
#[derive(Default)]
pub(super) struct Live(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    plan: Option<Plan>,
    /// One per rate limit, in the same order.
    windows: SmallVec<[Window; 1]>,
    /// Boxed because few keys have credits.
    reserve: Option<Box<Reserve>>,
}

impl Live {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Consumes one request of each rate limit and `cost` credits, or nothing.
    pub(super) fn take(&self, limits: &KnownLimits, cost: i64, now: Timestamp) -> Taken {
        let mut state = self.lock();
        let ticks = ticks();
        state.set_rate_limits(&limits.rates);
        if zip(&*limits.rates, &mut state.windows).any(|(limit, window)| window.count(ticks, limit.duration_ms) >= limit.limit) {
            return Taken::RateLimited(state.remaining(limits, ticks));
        }
        if let Some(version) = limits.credits {
            match state.reserve().spend(version, cost, now, ticks) {
                Spent::Yes => {}
                Spent::Short(missing) => return Taken::Short(missing),
                Spent::Exhausted => return Taken::Exhausted(state.remaining(limits, ticks)),
                Spent::Outdated => return Taken::Outdated,
            }
        }
        for (limit, window) in zip(&*limits.rates, &mut state.windows) {
            window.add(ticks, limit.duration_ms);
        }
        Taken::Yes(state.remaining(limits, ticks))
    }

    /// Whether dropping the limiter loses nothing.
    pub(super) fn is_idle(&self) -> bool {
        let (mut state, ticks) = (self.lock(), ticks());
        let state = &mut *state;
        let limits = state.plan.as_deref().unwrap_or_default();
        zip(limits, &mut state.windows).all(|(limit, window)| window.is_empty(ticks, limit.duration_ms))
            && state.reserve.as_ref().is_none_or(|reserve| reserve.is_empty())
    }
}

impl State {
    pub(super) fn reserve(&mut self) -> &mut Reserve {
        self.reserve.get_or_insert_default()
    }

    /// Removes all reserved credits; see [`Reserve::give_back`]. `None` if the key never had credits.
    pub(super) fn give_back(&mut self) -> Option<(i64, Option<Timestamp>, i64)> {
        self.reserve.as_mut().map(|reserve| reserve.give_back())
    }

    /// Adopts changed rate limits; those with an unchanged name keep their window.
    fn set_rate_limits(&mut self, plan: &Plan) {
        if self.plan.as_ref().is_some_and(|current| Arc::ptr_eq(current, plan)) {
            return;
        }
        let previous = self.plan.replace(Arc::clone(plan));
        let mut windows = mem::take(&mut self.windows);
        let old_index = |name: &str| previous.iter().flat_map(|plan| &**plan).position(|old| old.name == name);
        self.windows = plan.iter().map(|limit| old_index(&limit.name).map(|index| mem::take(&mut windows[index])).unwrap_or_default()).collect();
    }

    fn remaining(&mut self, limits: &KnownLimits, ticks: i64) -> Standing {
        let rates = zip(&*limits.rates, &mut self.windows).map(|(limit, window)| Rate {
            remaining: (limit.limit - window.count(ticks, limit.duration_ms)).max(0),
            reset_ms: window.frees_in(ticks, limit.duration_ms),
        });
        let rates = rates.collect();
        let reserve = limits.credits.map(|_| self.reserve());
        let (credits, refills_at) = reserve.map_or((None, None), |reserve| (reserve.left(), reserve.refills_at()));
        Standing { rates, credits, refills_at }
    }
}
