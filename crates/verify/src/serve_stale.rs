//! Serve-stale: evaluating cached keys for a bounded time while the store is unreachable. Off by default, since changes by other instances
//! are not seen during that time.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use super::limiter::ticks;

/// The serve-stale window.
pub(super) struct ServeStale {
    limit_ms: AtomicI64,
    /// In ticks; [`NOT_LOST`] while the store is reachable.
    lost_at: AtomicI64,
}

const NOT_LOST: i64 = i64::MIN;

impl Default for ServeStale {
    fn default() -> Self {
        Self { limit_ms: AtomicI64::new(0), lost_at: AtomicI64::new(NOT_LOST) }
    }
}

impl ServeStale {
    pub(super) fn set_limit(&self, limit: Duration) {
        self.limit_ms.store(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// The window begins when the loss is first reported.
    pub(super) fn set_unavailable(&self, lost: bool) {
        if lost {
            // Fails, on purpose, if the loss was reported before.
            let _ = self.lost_at.compare_exchange(NOT_LOST, ticks(), Ordering::AcqRel, Ordering::Relaxed);
        } else {
            self.lost_at.store(NOT_LOST, Ordering::Release);
        }
    }

    fn left_ms(&self) -> Option<i64> {
        let lost_at = self.lost_at.load(Ordering::Acquire);
        let left = self.limit_ms.load(Ordering::Relaxed).saturating_sub(ticks().saturating_sub(lost_at));
        (lost_at != NOT_LOST && left > 0).then_some(left)
    }

    pub(super) fn is_active(&self) -> bool {
        self.left_ms().is_some()
    }

    /// Remaining time, rounded up.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        self.left_ms().and_then(|left| u64::try_from(left).ok()).map(|left| left.div_ceil(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serves_only_within_the_configured_window() {
        let off = ServeStale::default();
        off.set_unavailable(true);
        assert!(!off.is_active());

        let stale = ServeStale::default();
        stale.set_limit(Duration::from_mins(1));
        assert!(!stale.is_active(), "the store is not lost");
        stale.set_unavailable(true);
        assert!(stale.is_active() && stale.seconds_left() == Some(60));
        // As if the loss was reported a minute earlier.
        stale.lost_at.fetch_sub(60_000, Ordering::Relaxed);
        // Reporting the loss again does not restart the window.
        stale.set_unavailable(true);
        assert!(!stale.is_active() && stale.seconds_left().is_none());
        stale.set_unavailable(false);
        stale.set_unavailable(true);
        assert!(stale.is_active());
    }
}
