//! The lease of an instance: for how long it may evaluate keys without reading changes.
//!
//! An instance reads the changes at a time `t`, applies them, and then has a lease until `t` + [`LEASE_US`]. If it has a valid lease at a time of
//! at least `c` + [`LEASE_US`], where `c` is when a commit was acknowledged, then `t` is after `c`: the read saw the commit, and it was applied
//! before the lease was extended. So a call that waits until `c` + [`LEASE_US`] + [`MARGIN_US`] is effective on every instance, whatever the
//! database and the others do meanwhile; confirmations only let it return earlier. Only lengths of time are compared, each measured with one
//! clock. A verdict checks the lease after its call began, so that no call that begins after the wait finds a key valid that was revoked.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// For how long a lease is valid after the beginning of the read that extends it, in microseconds.
pub(crate) const LEASE_US: i64 = 1_000_000;
/// By how much the clocks of two machines may differ in the measurement of that time.
pub(crate) const MARGIN_US: i64 = 50_000;

/// `Instant` stops while the machine is suspended.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Microseconds since the machine started, including suspends.
pub fn boottime_us() -> i64 {
    let now = clock_gettime(CLOCK);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000)
}

#[derive(Debug)]
pub struct Lease {
    /// When it ends, by `clock`.
    until: AtomicI64,
    is_required: AtomicBool,
    clock: fn() -> i64,
}

impl Default for Lease {
    fn default() -> Self {
        Self { until: AtomicI64::new(0), is_required: AtomicBool::new(false), clock: boottime_us }
    }
}

impl Lease {
    /// From now on, nothing is served without a valid lease. Not called on SQLite and by admin commands.
    pub fn require(&self) {
        self.is_required.store(true, Ordering::Release);
    }

    pub fn is_required(&self) -> bool {
        self.is_required.load(Ordering::Acquire)
    }

    /// Extends the lease after the changes of a read that began at `read_began` were applied.
    pub fn extend(&self, read_began: i64) {
        // `AcqRel`: a thread that finds the lease valid also sees what was applied.
        self.until.fetch_max(read_began.saturating_add(LEASE_US), Ordering::AcqRel);
    }

    /// Ends the lease until it is extended again.
    pub fn end(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether keys may be evaluated: the lease is valid, or none is required.
    pub fn is_valid(&self) -> bool {
        self.left_ms().is_none_or(|left| left > 0)
    }

    /// Milliseconds until the lease ends, rounded up; zero or less if it has ended. `None` if none is required.
    pub fn left_ms(&self) -> Option<i64> {
        self.is_required().then(|| (self.until.load(Ordering::Acquire) - (self.clock)() + 999).div_euclid(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_while_the_machine_sleeps() {
        static NOW: AtomicI64 = AtomicI64::new(5_000_000);
        let lease = Lease { clock: || NOW.load(Ordering::Relaxed), ..Lease::default() };
        assert!(lease.is_valid() && lease.left_ms().is_none(), "none is required");
        lease.require();
        assert!(!lease.is_valid());
        lease.extend(4_900_000);
        assert_eq!((lease.is_valid(), lease.left_ms()), (true, Some(900)));
        lease.extend(4_000_000);
        assert_eq!(lease.left_ms(), Some(900), "an earlier read does not shorten it");
        NOW.store(5_899_999, Ordering::Relaxed);
        assert!(lease.is_valid());
        // The clock went on, whether or not the process ran.
        NOW.store(5_900_000, Ordering::Relaxed);
        assert!(!lease.is_valid());
        lease.extend(5_900_000);
        assert!(lease.is_valid());
        lease.end();
        assert!(!lease.is_valid());
    }

    #[test]
    fn the_clock_advances() {
        let before = boottime_us();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(boottime_us() - before >= 2000);
    }
}
