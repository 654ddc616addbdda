//! Whether known keys are judged while the store is lost: for a bounded time, where the operator wants that. What is changed meanwhile by
//! somebody else is not seen, which is why it is off unless asked for.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use super::live::ticks;

/// The time for which it is done.
pub(super) struct Stale {
    limit_ms: AtomicI64,
    /// In ticks; [`NOT_LOST`] while it is not.
    lost_at: AtomicI64,
}

const NOT_LOST: i64 = i64::MIN;

impl Default for Stale {
    fn default() -> Self {
        Self { limit_ms: AtomicI64::new(0), lost_at: AtomicI64::new(NOT_LOST) }
    }
}

impl Stale {
    /// Sets the time.
    pub(super) fn set_limit(&self, limit: Duration) {
        self.limit_ms.store(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Notes whether the store is lost. The time counts from when that was noticed first.
    pub(super) fn set_lost(&self, lost: bool) {
        if !lost {
            self.lost_at.store(NOT_LOST, Ordering::Release);
        } else {
            let _ = self.lost_at.compare_exchange(NOT_LOST, ticks(), Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    fn left_ms(&self) -> Option<i64> {
        let lost_at = self.lost_at.load(Ordering::Acquire);
        let left = self.limit_ms.load(Ordering::Relaxed).saturating_sub(ticks().saturating_sub(lost_at));
        (lost_at != NOT_LOST && left > 0).then_some(left)
    }

    /// Whether known keys are judged though the store is lost.
    pub(super) fn is_served(&self) -> bool {
        self.left_ms().is_some()
    }

    /// For how many seconds yet.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        self.left_ms().and_then(|left| u64::try_from(left).ok()).map(|left| left.div_ceil(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_served_but_for_the_time_that_was_asked_for() {
        let off = Stale::default();
        off.set_lost(true);
        assert!(!off.is_served());

        let stale = Stale::default();
        stale.set_limit(Duration::from_millis(60));
        assert!(!stale.is_served(), "it is not lost");
        stale.set_lost(true);
        assert!(stale.is_served() && stale.seconds_left() == Some(1));
        std::thread::sleep(Duration::from_millis(70));
        // Noticing it again does not begin the time anew.
        stale.set_lost(true);
        assert!(!stale.is_served() && stale.seconds_left().is_none());
        stale.set_lost(false);
        stale.set_lost(true);
        assert!(stale.is_served());
    }
}
