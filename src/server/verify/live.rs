//! What a key has taken of its limits on this server. It outlives every change of the key's record.

use std::{
    iter::zip,
    mem,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use smallvec::SmallVec;

use super::{
    credits::{Reserve, Spent},
    known::KnownLimits,
    plans::Plan,
    window::Window,
};
use crate::model::time::Timestamp;

/// Milliseconds since this process began: a clock that nobody sets.
pub(super) fn ticks() -> i64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// What is left of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many more requests would be taken now.
    pub remaining: i64,
    /// In how many milliseconds the oldest of those that were taken no longer count; 0 where none was.
    pub reset_ms: i64,
}

/// How taking went.
#[derive(Debug)]
pub(super) enum Taken {
    /// It was taken.
    Yes(Standing),
    /// A rate limit has no room: nothing was taken.
    RateLimited(Standing),
    /// Too few credits are left: nothing was taken.
    Exhausted(Standing),
    /// So many credits must be reserved first: nothing was taken.
    Short(i64),
    /// The record is older than the credits: it must be read anew.
    Outdated,
}

/// What is left of each rate limit of a key, in their order. One has its place here; few keys have more.
pub(super) type Rates = SmallVec<[Rate; 1]>;

/// What is left of a key's limits.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) rates: Rates,
    pub(super) credits: Option<i64>,
    /// When the credits are filled up again.
    pub(super) refills_at: Option<Timestamp>,
}

/// What a key has taken.
#[derive(Default)]
pub(super) struct Live(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    plan: Option<Plan>,
    /// One for each rate limit of the plan.
    windows: SmallVec<[Window; 1]>,
    /// Of its credits. Few keys have some.
    reserve: Option<Box<Reserve>>,
}

impl Live {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request from each rate limit and `cost` credits, or nothing at all.
    pub(super) fn take(&self, limits: &KnownLimits, cost: i64, now: Timestamp) -> Taken {
        let mut state = self.lock();
        let ticks = ticks();
        state.follow(&limits.rates);
        if zip(&*limits.rates, &mut state.windows).any(|(limit, window)| window.count(ticks, limit.duration_ms) >= limit.limit) {
            return Taken::RateLimited(state.standing(limits, ticks));
        }
        if let Some(version) = limits.credits {
            match state.reserve().spend(version, cost, now, ticks) {
                Spent::Yes => {}
                Spent::Short(missing) => return Taken::Short(missing),
                Spent::Exhausted => return Taken::Exhausted(state.standing(limits, ticks)),
                Spent::Outdated => return Taken::Outdated,
            }
        }
        for (limit, window) in zip(&*limits.rates, &mut state.windows) {
            window.add(ticks, limit.duration_ms);
        }
        Taken::Yes(state.standing(limits, ticks))
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_idle(&self) -> bool {
        let (mut state, ticks) = (self.lock(), ticks());
        let state = &mut *state;
        let limits = state.plan.as_deref().unwrap_or_default();
        zip(limits, &mut state.windows).all(|(limit, window)| window.is_empty(ticks, limit.duration_ms))
            && state.reserve.as_ref().is_none_or(|reserve| reserve.is_empty())
    }
}

impl State {
    /// What is reserved of its credits.
    pub(super) fn reserve(&mut self) -> &mut Reserve {
        self.reserve.get_or_insert_default()
    }

    /// Takes out all that is reserved, where anything ever was: the setting and the span that it is of, and how many.
    pub(super) fn give_back(&mut self) -> Option<(i64, Option<Timestamp>, i64)> {
        self.reserve.as_mut().map(|reserve| reserve.give_back())
    }

    /// Follows a change of the limits: those that keep their name keep what was taken.
    fn follow(&mut self, plan: &Plan) {
        if self.plan.as_ref().is_some_and(|own| Arc::ptr_eq(own, plan)) {
            return;
        }
        let before = self.plan.replace(Arc::clone(plan));
        let mut windows = mem::take(&mut self.windows);
        let held = |name: &str| before.iter().flat_map(|plan| &**plan).position(|old| old.name == name);
        self.windows = plan.iter().map(|limit| held(&limit.name).map(|at| mem::take(&mut windows[at])).unwrap_or_default()).collect();
    }

    fn standing(&mut self, limits: &KnownLimits, ticks: i64) -> Standing {
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
