//! The windows of several rate limits that apply together.

use std::{iter::zip, mem, sync::Arc};

use smallvec::SmallVec;

use super::{RateLimitState, RateLimitStates};
use crate::{rate_limit_interner::RateLimits, window::Window};
use latchkey_types::limits::RateLimit;

/// Rate limits and their windows.
#[derive(Debug, Default)]
pub(super) struct RateWindows {
    limits: Option<RateLimits>,
    /// One per rate limit, in the same order.
    windows: SmallVec<[Window; 1]>,
}

impl RateWindows {
    /// Adopts changed rate limits; those with an unchanged name keep their window.
    pub(super) fn adopt(&mut self, limits: &RateLimits) {
        if self.limits.as_ref().is_some_and(|current| Arc::ptr_eq(current, limits)) {
            return;
        }
        let previous = self.limits.replace(Arc::clone(limits));
        let mut windows = mem::take(&mut self.windows);
        let old_index = |name: &str| previous.iter().flat_map(|limits| &**limits).position(|old| old.name == name);
        self.windows = limits.iter().map(|limit| old_index(&limit.name).map(|index| mem::take(&mut windows[index])).unwrap_or_default()).collect();
    }

    fn each(&mut self) -> impl Iterator<Item = (&RateLimit, &mut Window)> {
        zip(self.limits.as_deref().unwrap_or_default(), &mut self.windows)
    }

    /// Whether one of the limits is reached.
    pub(super) fn is_full(&mut self, ticks: i64) -> bool {
        self.each().any(|(limit, window)| window.count(ticks, limit.duration_ms) >= limit.limit)
    }

    /// Milliseconds until requests of all limits that are reached expire.
    pub(super) fn full_for(&mut self, ticks: i64) -> i64 {
        let full = self.each().filter_map(|(limit, window)| {
            let is_full = window.count(ticks, limit.duration_ms) >= limit.limit;
            is_full.then(|| window.frees_in(ticks, limit.duration_ms))
        });
        full.max().unwrap_or(0)
    }

    /// Counts a request for each limit.
    pub(super) fn add(&mut self, ticks: i64) {
        self.each().for_each(|(limit, window)| window.add(ticks, limit.duration_ms));
    }

    pub(super) fn states(&mut self, ticks: i64) -> RateLimitStates {
        let state = |(limit, window): (&RateLimit, &mut Window)| RateLimitState {
            remaining: (limit.limit - window.count(ticks, limit.duration_ms)).max(0),
            reset_ms: window.frees_in(ticks, limit.duration_ms),
        };
        self.each().map(state).collect()
    }

    /// Whether no request is counted.
    pub(super) fn is_empty(&mut self, ticks: i64) -> bool {
        self.each().all(|(limit, window)| window.is_empty(ticks, limit.duration_ms))
    }
}
