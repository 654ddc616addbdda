//! The amounts of a share: what fits, what is missing, and what is stored.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::oneshot;

use super::share::Admission;
use crate::limiter::ticks;
use latchkey_types::{
    budget::{Budget, BudgetState},
    time::Timestamp,
};

/// For how long what the store has left counts as current, in milliseconds: another instance may give back what it does not use.
const FRESH_MS: i64 = 1000;
/// If a share must grow again within this time (milliseconds), its headroom doubles.
const FAST_MS: i64 = 1000;
/// A share that is not used for this long (milliseconds) gives back its headroom.
const IDLE_MS: i64 = 1000;
/// A share that is not used for this long (milliseconds) is dropped from memory.
const FORGET_MS: i64 = 10 * 60 * 1000;
/// The headroom is at most 1/16 of what is left: what a crash can lose, and what other instances can't use.
const HEADROOM_DIVISOR: i64 = 16;

pub(super) struct ShareState {
    /// The current budget. Its limit is the maximum if the owner no longer has a budget in this unit and period.
    pub(super) budget: Budget,
    /// What the store has granted to this instance, or less: never below what is spent and open.
    pub(super) granted: i64,
    pub(super) spent: i64,
    /// The worst cases of the open calls.
    pub(super) open: i64,
    /// Whether the earlier values of this instance were read from the store.
    pub(super) is_loaded: bool,
    /// What the store has granted to other instances, and when it was read, in ticks.
    pub(super) others: Amounts,
    pub(super) checked_at: Option<i64>,
    /// Under which this share was stored last.
    writer: Option<Arc<str>>,
    /// What is stored of this instance; `None` if it is not certain.
    pub(super) stored: Option<Amounts>,
    pub(super) waiting: VecDeque<Waiter>,
    /// Whether a write to the store is due for the callers that wait.
    pub(super) is_queued: bool,
    /// What was requested in advance by the last growth, and its time, in ticks.
    headroom: i64,
    pub(super) grown_at: Option<i64>,
    /// Time at which the share was last used, in ticks.
    pub(super) used_at: i64,
    /// The highest percentage that was reported.
    pub(super) warned: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) granted: i64,
    pub(super) spent: i64,
}

pub(super) struct Waiter {
    pub(super) budget: Budget,
    pub(super) amount: i64,
    pub(super) sender: oneshot::Sender<Admission>,
}

/// Whether an amount can be reserved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Covered,
    Exceeded,
    /// Depends on values in the store.
    Unknown,
}

impl ShareState {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            granted: 0,
            spent: 0,
            open: 0,
            is_loaded: false,
            others: Amounts::default(),
            checked_at: None,
            writer: None,
            stored: None,
            waiting: VecDeque::new(),
            is_queued: false,
            headroom: 0,
            grown_at: None,
            used_at: ticks(),
            warned: 0,
        }
    }

    /// Whether `amount` can be reserved under this limit.
    pub(super) fn fit(&self, limit: i64, amount: i64, ticks: i64) -> Fit {
        let used = self.used().saturating_add(amount);
        let room = limit.saturating_sub(self.others.granted);
        if used <= self.granted.min(room) {
            Fit::Covered
        } else if used > room && self.checked_at.is_some_and(|at| ticks - at < FRESH_MS) {
            Fit::Exceeded
        } else {
            Fit::Unknown
        }
    }

    /// Changes the name under which the share is stored: everything that was granted under the earlier one counts as spent. Only what is open is
    /// taken over: it counts twice until its calls end.
    pub(super) fn adopt_writer(&mut self, writer: &Arc<str>) {
        let previous = self.writer.replace(Arc::clone(writer));
        if previous.is_some_and(|previous| previous != *writer) {
            (self.granted, self.spent) = (self.open, 0);
            (self.others, self.checked_at, self.stored) = (Amounts::default(), None, Some(Amounts::default()));
        }
    }

    /// Spent and reserved for open calls.
    pub(super) const fn used(&self) -> i64 {
        self.spent.saturating_add(self.open)
    }

    pub(super) const fn own(&self) -> Amounts {
        Amounts { granted: self.granted, spent: self.spent }
    }

    pub(super) fn set_budget(&mut self, budget: Budget) {
        if self.budget != budget {
            self.budget = budget;
            self.warned = self.percent_spent();
        }
    }

    /// 100, 80 or 0.
    pub(super) fn percent_spent(&self) -> u8 {
        let (spent, limit) = (i128::from(self.spent) + i128::from(self.others.spent), i128::from(self.budget.limit));
        match spent {
            _ if limit == 0 => 0,
            spent if spent >= limit => 100,
            spent if spent * 100 >= limit * 80 => 80,
            _ => 0,
        }
    }

    /// As it is shown, with what other instances use.
    pub(super) fn shown(&self, budget: Budget, now: Timestamp) -> BudgetState {
        BudgetState {
            budget,
            spent: self.spent.saturating_add(self.others.spent),
            reserved: self.open.saturating_add(self.others.granted - self.others.spent),
            resets_at: budget.period.next(now),
        }
    }

    /// What must be granted so that as many waiting callers as possible are admitted, in their order. Never less than what is granted.
    pub(super) fn next_grant(&mut self, others: Amounts, ticks: i64) -> i64 {
        let mut used = self.used();
        for waiter in &self.waiting {
            let after = used.saturating_add(waiter.amount);
            if after <= waiter.budget.limit.saturating_sub(others.granted) {
                used = after;
            }
        }
        let missing = used.saturating_sub(self.granted);
        if missing <= 0 {
            return self.granted;
        }
        let left = self.budget.limit.saturating_sub(others.granted).saturating_sub(used).max(0);
        used.saturating_add(self.next_headroom(missing, ticks).min(left / HEADROOM_DIVISOR))
    }

    /// What to request beyond `missing`: twice as much as before if the last growth lasted less than [`FAST_MS`], else half of it.
    fn next_headroom(&mut self, missing: i64, ticks: i64) -> i64 {
        let is_fast = self.grown_at.is_some_and(|at| ticks - at < FAST_MS);
        self.headroom = if is_fast { self.headroom.saturating_mul(2).max(missing) } else { self.headroom / 2 };
        self.headroom
    }

    /// Whether less can be granted to this instance, or what it has spent is not stored: if it is idle, or in any case.
    pub(super) fn can_give_back(&self, any: bool) -> bool {
        let is_settled = self.granted == self.used() && self.is_stored();
        self.is_loaded && !self.is_queued && !is_settled && (any || ticks() - self.used_at >= IDLE_MS)
    }

    /// Whether it can be dropped from memory: it is read from the store again if it is needed.
    pub(super) fn is_forgettable(&self) -> bool {
        let is_settled = self.open == 0 && !self.is_queued && self.granted == self.spent && (!self.is_loaded || self.is_stored());
        is_settled && ticks() - self.used_at >= FORGET_MS
    }

    fn is_stored(&self) -> bool {
        self.stored == Some(self.own())
    }

    /// Drops the callers that have left.
    pub(super) fn drop_closed(&mut self) {
        self.waiting.retain(|waiter| !waiter.sender.is_closed());
    }

    #[cfg(test)]
    pub(super) fn make_idle(&mut self) {
        self.used_at -= FORGET_MS;
    }
}
