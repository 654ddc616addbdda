//! What this instance may use of a limit, and what it has used.
//!
//! An instance holds permits. Within them it counts as an instance alone does: at most so many uses in any span of the duration. All permits and
//! all reported uses are at most the limit, so the uses of all instances are too. No clock is compared with another one except for uses that are
//! reported: when the instance is idle, and always for long durations, so that a crash does not change their times.

use std::mem;

use super::stored::StoredLimit;
use crate::{limiter::RateLimitState, token_window::TokenWindow, window::Window};
use latchkey_types::{limits::RateLimit, time::MINUTE_MS};

/// Permits of a limit that was not used for this long (milliseconds) are given back.
const IDLE_MS: i64 = 2000;
/// Uses of limits with a longer duration (milliseconds) are reported with every exchange.
const REPORT_MS: i64 = MINUTE_MS;
/// Smallest and largest number of permits that are requested in advance.
const BLOCK_RANGE: (i64, i64) = (4, 65_536);
/// If permits are requested again within this time (milliseconds), twice as many are requested in advance.
const FAST_MS: i64 = 1000;
/// What all instances together may use without permits: 1/100 of a limit that is not strict.
const TOLERANCE_DIVISOR: i64 = 100;
/// For how long what the store has left counts as current, in milliseconds, while other instances can give permits back.
const CURRENT_RANGE_MS: (i64, i64) = (100, 1000);
/// For how long it does if none of them holds permits, in milliseconds.
const ALONE_MS: i64 = 5000;
/// After this time, permits that are held are stored again, in milliseconds.
pub(super) const STORE_EVERY_MS: i64 = 60 * MINUTE_MS;
/// Clocks of different machines may differ by 1/1000 in the measurement of a time.
const DRIFT_DIVISOR: i64 = 1000;
/// Two times are rounded down to milliseconds before they are compared.
const ROUNDING_MS: i64 = 2;

/// A limit of what instances share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) limit: i64,
    /// For how long a use counts. `None`: until it ends.
    pub(super) duration_ms: Option<i64>,
    pub(super) is_strict: bool,
}

impl Terms {
    pub(super) fn of(limit: &RateLimit) -> Self {
        Self { limit: limit.limit, duration_ms: Some(limit.duration_ms), is_strict: limit.strict }
    }

    /// What this instance may use without permits.
    pub(super) fn tolerance(&self, instances: i64) -> i64 {
        // One more than there are, because another one may just have begun.
        if self.is_strict { 0 } else { self.limit / TOLERANCE_DIVISOR / instances.saturating_add(1) }
    }

    fn is_long(&self) -> bool {
        self.duration_ms.is_some_and(|ms| ms > REPORT_MS)
    }

    /// The most that is held in advance. If this process is killed, it counts as used for the whole duration.
    fn headroom_max(&self) -> i64 {
        (self.limit / if self.is_long() { 100 } else { 8 }).max(1)
    }

    fn current_ms(&self) -> i64 {
        (self.duration_ms.unwrap_or(0) / 60).clamp(CURRENT_RANGE_MS.0, CURRENT_RANGE_MS.1)
    }
}

/// Uses that are counted by this instance.
#[derive(Debug)]
pub(super) enum Uses {
    Requests(Window),
    Tokens(TokenWindow),
    /// Open calls.
    Calls(i64),
}

impl Default for Uses {
    fn default() -> Self {
        Self::Requests(Window::default())
    }
}

impl Uses {
    fn count(&mut self, terms: &Terms, ticks: i64) -> i64 {
        match self {
            Self::Requests(window) => window.count(ticks, terms.duration_ms.unwrap_or(0)),
            Self::Tokens(window) => window.count(ticks),
            Self::Calls(open) => *open,
        }
    }

    /// Milliseconds until `missing` uses expire, or the oldest ones; 0 if they end at an unknown time.
    fn frees_in(&self, terms: &Terms, missing: i64, ticks: i64) -> i64 {
        match self {
            Self::Requests(window) => window.frees_in(ticks, terms.duration_ms.unwrap_or(0)),
            Self::Tokens(window) => window.frees_in(ticks, missing),
            Self::Calls(_) => 0,
        }
    }

    /// Uses of the same kind: so many at this time, or all open calls.
    fn restart(&self, count: i64, ticks: i64) -> Self {
        match self {
            Self::Requests(_) => Self::Requests(Window::of(count, ticks)),
            Self::Tokens(_) => {
                let mut window = TokenWindow::default();
                if count > 0 {
                    window.add(ticks, count);
                }
                Self::Tokens(window)
            }
            Self::Calls(open) => Self::Calls(*open),
        }
    }

    /// Removes all uses that expire by time.
    fn take(&mut self) -> Self {
        match self {
            Self::Requests(window) => Self::Requests(mem::take(window)),
            Self::Tokens(window) => Self::Tokens(mem::take(window)),
            Self::Calls(_) => Self::Calls(0),
        }
    }

    /// Reverses [`Self::take`].
    fn put_back(&mut self, taken: Self) {
        match (self, taken) {
            (Self::Requests(window), Self::Requests(earlier)) => window.prepend(earlier),
            (Self::Tokens(window), Self::Tokens(earlier)) => window.prepend(earlier),
            _ => {}
        }
    }

    /// Time in ticks and number.
    fn entries(&self) -> Vec<(i64, i64)> {
        match self {
            Self::Requests(window) => window.entries().collect(),
            Self::Tokens(window) => window.entries().collect(),
            Self::Calls(_) => Vec::new(),
        }
    }
}

/// Whether a use is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Free,
    /// More permits are needed first.
    Waits,
    Full,
}

/// Permits and uses of one limit.
#[derive(Debug, Default)]
pub(super) struct Share {
    pub(super) uses: Uses,
    /// Permits, of which some are in use.
    permits: i64,
    /// Uses that are being reported. Until the result is known, they need their permits.
    in_flight: i64,
    /// The most that this instance may use until other instances have got their part.
    cap: Option<i64>,
    /// What the store had left after the last exchange.
    room: Option<i64>,
    /// Until when `room` counts as current, in ticks.
    current_until: i64,
    /// When the oldest reported uses expire, in ticks.
    frees_at: i64,
    /// What callers wait for since the last plan: together, and the largest.
    waiting: i64,
    largest: i64,
    /// What was last requested in advance, and its time, in ticks.
    block: i64,
    grown_at: Option<i64>,
    /// What was last granted in advance.
    headroom: i64,
    /// Time of the last use, in ticks.
    used_at: i64,
    /// Uses and waits since the last sweep, and between the two last ones.
    recent: [i64; 2],
    /// Time of the last exchange, in ticks.
    exchanged_at: i64,
    /// Whether the store may have permits of this instance, or that it needs some.
    is_stored: bool,
}

/// The circumstances of an exchange.
pub(super) struct Exchange<'a> {
    /// The id of this instance.
    pub(super) own: &'a str,
    /// The database's time. It was read after `read_began`, in ticks.
    pub(super) now: i64,
    pub(super) read_began: i64,
    pub(super) ticks: i64,
    pub(super) instances: i64,
    /// Whether this instance ends.
    pub(super) is_last: bool,
}

impl Exchange<'_> {
    /// The database's time at `tick` or later, but not earlier.
    pub(super) fn time_of(&self, tick: i64) -> i64 {
        let age = self.read_began - tick;
        self.now - age + age.max(0) / DRIFT_DIVISOR + ROUNDING_MS
    }

    /// The tick at which the database's time is `at`, approximately.
    fn tick_of(&self, at: i64) -> i64 {
        self.ticks.saturating_add(at - self.now).max(self.ticks)
    }
}

/// What an exchange changes, once it is committed.
pub(super) struct Plan {
    permits: i64,
    headroom: i64,
    room: i64,
    cap: Option<i64>,
    current_until: i64,
    frees_at: i64,
    reported: Option<Uses>,
    is_stored: bool,
}

/// What is needed and what there is.
struct Demand {
    waiting: i64,
    largest: i64,
    /// Permits that are not in use; less than none if uses are not covered.
    unused: i64,
    /// What the store has left without the permits that this instance does not use.
    room: i64,
}

impl Share {
    pub(super) fn of(uses: Uses) -> Self {
        Self { uses, ..Self::default() }
    }

    pub(super) fn used(&mut self, terms: &Terms, ticks: i64) -> i64 {
        self.uses.count(terms, ticks).saturating_add(self.in_flight)
    }

    fn bound(&self) -> i64 {
        self.reachable(0)
    }

    /// The most that this instance may use if it gets `room` permits more.
    fn reachable(&self, room: i64) -> i64 {
        self.permits.saturating_add(room.max(0)).min(self.cap.unwrap_or(i64::MAX))
    }

    /// Whether `amount` can be used. Consumes nothing.
    pub(super) fn admit(&mut self, terms: &Terms, amount: i64, instances: i64, ticks: i64) -> Admission {
        let used = self.used(terms, ticks).saturating_add(amount);
        if used <= self.bound() {
            return Admission::Free;
        }
        let has_room = self.cap.is_none() && self.room.is_some_and(|room| room > 0);
        if has_room && used <= self.permits.saturating_add(terms.tolerance(instances)) {
            return Admission::Free;
        }
        if ticks < self.current_until && used > self.reachable(self.room.unwrap_or(0)) { Admission::Full } else { Admission::Waits }
    }

    /// Notes that a caller waits for `amount`.
    pub(super) fn wait_for(&mut self, amount: i64, ticks: i64) {
        self.waiting = self.waiting.saturating_add(amount);
        self.largest = self.largest.max(amount);
        // So that what is granted is kept until the caller has used it.
        self.recent[0] = self.recent[0].saturating_add(amount);
        self.used_at = ticks;
    }

    /// Notes that an exchange has ended: callers that still need permits wait again.
    pub(super) fn end_waits(&mut self) {
        (self.waiting, self.largest) = (0, 0);
    }

    /// Counts a use. Returns the second in which tokens are counted.
    pub(super) fn add(&mut self, terms: &Terms, amount: i64, ticks: i64) -> i64 {
        self.used_at = ticks;
        self.recent[0] = self.recent[0].saturating_add(amount);
        match &mut self.uses {
            Uses::Requests(window) => window.add(ticks, terms.duration_ms.unwrap_or(0)),
            Uses::Tokens(window) => return window.add(ticks, amount),
            Uses::Calls(open) => *open += amount,
        }
        0
    }

    /// Corrects the uses of a call that has ended. `second` is that of its estimate.
    pub(super) fn settle(&mut self, second: i64, difference: i64, ticks: i64) {
        match &mut self.uses {
            Uses::Requests(_) => {}
            Uses::Tokens(window) => window.correct(second, difference),
            Uses::Calls(open) => *open = (*open - 1).max(0),
        }
        self.used_at = ticks;
    }

    /// Whether permits should be requested or uses be covered although no caller waits.
    pub(super) fn must_exchange(&mut self, terms: &Terms, ticks: i64) -> bool {
        let unused = self.permits - self.used(terms, ticks);
        let is_full = ticks < self.current_until && self.room.is_some_and(|room| room <= 0);
        unused < 0 || (self.headroom >= BLOCK_RANGE.0 && unused <= self.headroom / 2 && !is_full)
    }

    /// Whether permits should be given back or stored again. Called at regular intervals.
    pub(super) fn is_due(&mut self, terms: &Terms, can_report: bool, ticks: i64) -> bool {
        let used = self.used(terms, ticks);
        let (unused, kept) = (self.permits - used, self.kept());
        self.recent = [0, self.recent[0]];
        let is_idle = ticks - self.used_at >= IDLE_MS && (unused > 0 || used == 0 || (can_report && terms.duration_ms.is_some()));
        let is_old = ticks - self.exchanged_at >= STORE_EVERY_MS;
        self.may_hold(used) && (is_idle || unused < 0 || unused > kept.saturating_mul(2) || is_old)
    }

    fn may_hold(&self, used: i64) -> bool {
        self.is_stored || self.permits > 0 || used > 0
    }

    /// Whether nothing is held and nothing is counted, so that it can be dropped.
    pub(super) fn is_empty(&mut self, terms: &Terms, ticks: i64) -> bool {
        let used = self.used(terms, ticks);
        !self.may_hold(used)
    }

    /// Permits that are kept for the next seconds.
    fn kept(&self) -> i64 {
        self.recent[0].max(self.recent[1]).saturating_mul(2).saturating_add(1)
    }

    /// Makes the next use ask the store, because the limit was changed.
    pub(super) fn confirm_again(&mut self) {
        (self.permits, self.headroom, self.cap, self.room, self.current_until) = (0, 0, None, Some(0), 0);
    }

    /// Gives up all permits, because this instance has another id: the others count them as used. Uses without permits still count.
    pub(super) fn reset(&mut self, terms: &Terms, ticks: i64) {
        let uncovered = self.uncovered(terms, ticks);
        *self = Self::of(self.uses.restart(uncovered, ticks));
    }

    /// Uses without permits.
    fn uncovered(&mut self, terms: &Terms, ticks: i64) -> i64 {
        // Uses that are being reported are covered first: the store has counted them, or else keeps the permits.
        (self.uses.count(terms, ticks) - (self.permits - self.in_flight).max(0)).max(0)
    }

    /// Decides what this instance holds from now on. Less than before applies at once, more with [`Self::apply`].
    pub(super) fn plan(&mut self, terms: &Terms, stored: &mut StoredLimit, exchange: &Exchange<'_>, can_report: bool) -> Plan {
        let Exchange { own, ticks, .. } = *exchange;
        let used = self.uses.count(terms, ticks);
        let is_idle = exchange.is_last || ticks - self.used_at >= IDLE_MS;
        let unused = self.permits - used;
        let reported = if can_report && used > 0 && (is_idle || terms.is_long()) { self.report(terms, stored, exchange) } else { None };
        let used = if reported.is_some() { 0 } else { used };
        let room = terms.limit.saturating_sub(stored.taken_from(own)).saturating_sub(used);
        let demand = Demand { waiting: mem::take(&mut self.waiting), largest: mem::take(&mut self.largest), unused, room };
        let headroom = if is_idle { 0 } else { self.next_headroom(terms, &demand, exchange).clamp(0, room.max(0)) };
        // Not before this instance lacks permits: it would give back what its callers are about to use.
        let is_lacking = demand.waiting > 0 || unused < 0;
        // For long durations, only unused permits are held.
        let can_share = !is_idle && !terms.is_long() && matches!(self.uses, Uses::Requests(_));
        let can_cap = can_share && room <= headroom && (is_lacking || self.cap.is_some());
        let cap = if can_cap { stored.fair_share(own, terms.limit) } else { None };
        let headroom = cap.map_or(headroom, |cap| headroom.min((cap - used).max(0)));
        let permits = used.saturating_add(headroom);
        let is_short = !is_idle && demand.waiting > headroom;
        stored.hold(own, permits, is_short);
        let held = self.in_flight.saturating_add(permits);
        if held < self.permits {
            self.permits = held;
            // What is given back counts as room only after the commit. Until then, callers wait instead of being refused.
            self.current_until = 0;
        }
        let frees_at = stored.first_end(terms).map_or(0, |end| exchange.tick_of(end));
        let current_until = match frees_at {
            _ if stored.has_others(own) => ticks + terms.current_ms(),
            0 => ticks + ALONE_MS,
            frees_at => frees_at.min(ticks + ALONE_MS),
        };
        Plan { permits, headroom, room: room - headroom, cap, current_until, frees_at, reported, is_stored: permits > 0 || is_short }
    }

    /// Reports all uses; `None` if they do not expire by time.
    fn report(&mut self, terms: &Terms, stored: &mut StoredLimit, exchange: &Exchange<'_>) -> Option<Uses> {
        let duration_ms = terms.duration_ms?;
        self.in_flight = self.uses.count(terms, exchange.ticks);
        let reported = self.uses.take();
        for (tick, count) in reported.entries() {
            stored.add(exchange.time_of(tick), count, duration_ms);
        }
        Some(reported)
    }

    /// Permits to hold besides those in use.
    fn next_headroom(&mut self, terms: &Terms, demand: &Demand, exchange: &Exchange<'_>) -> i64 {
        let room = demand.room.max(0);
        let instances = exchange.instances;
        let part = room / instances + i64::from(room % instances > 0);
        let for_callers = demand.waiting.min(part).max(if demand.largest <= room { demand.largest } else { 0 });
        if matches!(self.uses, Uses::Calls(_)) {
            return for_callers;
        }
        let is_used_up = self.headroom >= BLOCK_RANGE.0 && demand.unused <= self.headroom / 2;
        let is_growing = demand.waiting > demand.unused || demand.unused < 0 || is_used_up;
        let in_advance =
            if is_growing { self.next_block(exchange.ticks).min(room / instances.saturating_mul(2)).min(terms.headroom_max()) } else { 0 };
        for_callers.max(in_advance).max(demand.unused.min(self.kept()).max(0))
    }

    /// Twice as many as before if the last ones lasted less than [`FAST_MS`], else half of them.
    fn next_block(&mut self, ticks: i64) -> i64 {
        let is_fast = self.grown_at.is_some_and(|at| ticks - at < FAST_MS);
        let size = if is_fast { self.block.saturating_mul(2) } else { self.block / 2 };
        self.block = size.clamp(BLOCK_RANGE.0, BLOCK_RANGE.1);
        self.grown_at = Some(ticks);
        self.block
    }

    /// Adopts a plan that was committed. If it may not have been, what is certain is the smaller number of permits.
    pub(super) fn apply(&mut self, plan: Plan, is_committed: bool, ticks: i64) {
        self.in_flight = 0;
        if !is_committed {
            if let Some(reported) = plan.reported {
                self.uses.put_back(reported);
            }
            self.permits = self.permits.min(plan.permits);
            self.is_stored = true;
            return;
        }
        (self.permits, self.headroom, self.cap) = (plan.permits, plan.headroom, plan.cap);
        (self.room, self.current_until, self.frees_at) = (Some(plan.room), plan.current_until, plan.frees_at);
        (self.exchanged_at, self.is_stored) = (ticks, plan.is_stored);
    }

    #[cfg(test)]
    pub(super) fn make_idle(&mut self) {
        self.used_at -= IDLE_MS;
    }

    /// What is left of the limit, according to the last exchange.
    pub(super) fn state(&mut self, terms: &Terms, ticks: i64) -> RateLimitState {
        let used = self.used(terms, ticks);
        let available = self.room.map_or(terms.limit, |room| self.reachable(room));
        RateLimitState { remaining: (available - used).clamp(0, terms.limit), reset_ms: self.frees_in(terms, 1, ticks) }
    }

    /// Milliseconds until `missing` uses expire, according to the last exchange; 0 if none is counted.
    pub(super) fn frees_in(&self, terms: &Terms, missing: i64, ticks: i64) -> i64 {
        let (own, reported) = (self.uses.frees_in(terms, missing, ticks), (self.frees_at - ticks).max(0));
        if own > 0 && reported > 0 { own.min(reported) } else { own.max(reported) }
    }
}
