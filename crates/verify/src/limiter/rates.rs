//! How the rate limits of a key or of a client address are counted.

use super::{RateLimitStates, rate_windows::RateWindows};
use crate::{
    rate_limit_interner::RateLimits,
    shared_limits::{Admission, LockedRates as LockedSharedRates, PendingExchange, SharedRates},
};

pub(super) enum Rates {
    /// By this instance alone.
    Local(RateWindows),
    /// Together with the other instances on the database.
    Shared(SharedRates),
}

impl Default for Rates {
    fn default() -> Self {
        Self::Local(RateWindows::default())
    }
}

/// Rate limits while they are locked.
pub(super) enum LockedRates<'a> {
    Unlimited,
    Local(&'a mut RateWindows),
    Shared(LockedSharedRates<'a>),
}

/// Whether a request is admitted.
pub(super) enum RateAdmission {
    Free,
    /// Permits must be taken from the store first.
    Waits(PendingExchange),
    Full,
}

impl Rates {
    /// Locks the limits, and adopts them if they have changed.
    pub(super) fn lock(&mut self, limits: &RateLimits) -> LockedRates<'_> {
        match self {
            Self::Local(windows) => {
                windows.adopt(limits);
                LockedRates::Local(windows)
            }
            Self::Shared(rates) => rates.lock(limits).map_or(LockedRates::Unlimited, LockedRates::Shared),
        }
    }

    /// Whether dropping them loses nothing.
    pub(super) fn is_idle(&mut self, ticks: i64) -> bool {
        match self {
            Self::Local(windows) => windows.is_empty(ticks),
            Self::Shared(rates) => rates.is_idle(),
        }
    }
}

impl LockedRates<'_> {
    /// Whether a request is admitted. Consumes nothing.
    pub(super) fn admit(&mut self, ticks: i64) -> RateAdmission {
        match self {
            Self::Unlimited => RateAdmission::Free,
            Self::Local(windows) => {
                if windows.is_full(ticks) {
                    RateAdmission::Full
                } else {
                    RateAdmission::Free
                }
            }
            Self::Shared(rates) => match rates.admit(ticks) {
                Admission::Free => RateAdmission::Free,
                Admission::Waits => RateAdmission::Waits(rates.exchange()),
                Admission::Full => RateAdmission::Full,
            },
        }
    }

    /// Milliseconds until requests of all limits that are reached expire.
    pub(super) fn full_for(&mut self, ticks: i64) -> i64 {
        match self {
            Self::Unlimited => 0,
            Self::Local(windows) => windows.full_for(ticks),
            Self::Shared(rates) => rates.full_for(ticks),
        }
    }

    /// Counts a request for each limit.
    pub(super) fn add(&mut self, ticks: i64) {
        match self {
            Self::Unlimited => {}
            Self::Local(windows) => windows.add(ticks),
            Self::Shared(rates) => rates.add(ticks),
        }
    }

    pub(super) fn states(&mut self, ticks: i64) -> RateLimitStates {
        match self {
            Self::Unlimited => RateLimitStates::new(),
            Self::Local(windows) => windows.states(ticks),
            Self::Shared(rates) => rates.states(ticks),
        }
    }
}
