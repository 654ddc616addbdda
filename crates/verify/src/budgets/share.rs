//! What this instance may spend of a budget in one period, and what it has spent.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::oneshot;

use super::{
    BudgetLimit, BudgetOwner, BudgetWarning, ModelRefusal, Warnings, lock,
    state::{Amounts, Fit, ShareState, Waiter},
};
use crate::limiter::ticks;
use latchkey_store::budgets::{self as store, NewShare, ShareKey};
use latchkey_types::{
    budget::{Budget, BudgetState, BudgetUnit},
    id::OrganizationId,
    time::Timestamp,
};

/// Whether a waiting caller is admitted.
pub(super) type Admission = Result<Hold, ModelRefusal>;

pub(super) struct Share {
    pub(super) key: ShareKey,
    owner: BudgetOwner,
    organization: OrganizationId,
    warnings: Warnings,
    state: Mutex<ShareState>,
}

pub(super) enum Take {
    Admitted(Hold),
    Refused(BudgetState),
    Waiting {
        admission: oneshot::Receiver<Admission>,
        /// Whether the share must be put into the queue.
        must_queue: bool,
    },
}

/// The share that a transaction stores.
pub(super) struct Plan {
    own: Amounts,
    others: Amounts,
    /// The values to write; `None` if they are stored already.
    pub(super) write: Option<NewShare>,
}

/// What is decided about the callers that waited.
pub(super) struct Answers {
    answers: Vec<(oneshot::Sender<Admission>, Admission)>,
    /// Whether callers still wait, so that the share must be put into the queue again.
    pub(super) must_queue: bool,
}

impl Answers {
    /// Not while the share is locked: what a caller that has left does not receive is given back.
    pub(super) fn send(self) {
        for (sender, answer) in self.answers {
            let _ = sender.send(answer);
        }
    }
}

impl Share {
    pub(super) fn new(limit: &BudgetLimit, organization: OrganizationId, now: Timestamp, warnings: Warnings) -> Self {
        let state = Mutex::new(ShareState::new(limit.budget));
        Self { key: limit.share_key(now), owner: limit.owner, organization, warnings, state }
    }

    fn lock(&self) -> MutexGuard<'_, ShareState> {
        lock(&self.state)
    }

    pub(super) fn is_of(&self, unit: BudgetUnit, period_start: Timestamp) -> bool {
        self.key.unit == unit && self.key.period_start == period_start
    }

    /// Spent and reserved by this instance; `None` until the earlier values are read from the store.
    pub(super) fn used(&self) -> Option<(i64, i64)> {
        let state = self.lock();
        state.is_loaded.then_some((state.spent, state.open))
    }

    pub(super) fn observe(&self, budget: Option<Budget>, now: Timestamp) {
        let mut state = self.lock();
        let current = budget.filter(|budget| self.is_of(budget.unit, budget.period.start(now)));
        let unlimited = Budget { limit: i64::MAX, ..state.budget };
        state.set_budget(current.unwrap_or(unlimited));
    }

    /// Reserves an amount, or joins the callers that wait for the store.
    pub(super) fn take(self: &Arc<Self>, budget: &Budget, amount: i64, now: Timestamp) -> Take {
        let ticks = ticks();
        let mut state = self.lock();
        state.set_budget(*budget);
        if state.waiting.is_empty() {
            match state.fit(budget.limit, amount, ticks) {
                Fit::Covered => return Take::Admitted(self.admit(&mut state, budget.limit, amount, ticks)),
                Fit::Exceeded => return Take::Refused(self.refuse(&mut state, *budget, now)),
                Fit::Unknown => {}
            }
        }
        let (sender, admission) = oneshot::channel();
        state.waiting.push_back(Waiter { budget: *budget, amount, sender });
        Take::Waiting { admission, must_queue: !mem::replace(&mut state.is_queued, true) }
    }

    fn admit(self: &Arc<Self>, state: &mut ShareState, limit: i64, amount: i64, ticks: i64) -> Hold {
        state.open = state.open.saturating_add(amount);
        state.used_at = ticks;
        Hold { share: Arc::clone(self), amount, limit }
    }

    /// A budget is used up if a call is refused that needs more than the rest; but not if most of the budget is left and a single call needs
    /// more than that.
    fn refuse(&self, state: &mut ShareState, budget: Budget, now: Timestamp) -> BudgetState {
        if state.percent_spent() >= 80 {
            self.warn(state, 100, now);
        }
        state.shown(budget, now)
    }

    fn warn(&self, state: &mut ShareState, percent: u8, now: Timestamp) {
        if percent > state.warned {
            state.warned = percent;
            let warning = BudgetWarning { owner: self.owner, organization: self.organization, percent, state: state.shown(state.budget, now) };
            lock(&self.warnings).push(warning);
        }
    }

    /// The share with which as many waiting callers as possible are admitted, in their order. `stored`: the shares of all instances. Nothing else
    /// may be written between this and [`Self::apply`].
    pub(super) fn plan(&self, stored: &[&store::Share], writer: &Arc<str>) -> Plan {
        let ticks = ticks();
        let mut state = self.lock();
        state.adopt_writer(writer);
        let mut others = Amounts::default();
        for share in stored {
            if *share.writer != **writer {
                others.granted = others.granted.saturating_add(share.granted);
                others.spent = others.spent.saturating_add(share.spent);
            } else if !state.is_loaded {
                // It was dropped from memory, after everything that was granted had been spent.
                state.spent = state.spent.saturating_add(share.granted);
                state.granted = share.granted;
                state.stored = Some(Amounts { granted: share.granted, spent: share.spent });
            }
        }
        if !state.is_loaded {
            state.is_loaded = true;
            state.others = others;
            state.stored = state.stored.or(Some(Amounts::default()));
            // Reported in the past, by this or another process.
            state.warned = state.percent_spent();
        }
        state.drop_closed();
        let own = Amounts { granted: state.next_grant(others, ticks), spent: state.spent };
        let is_stored = state.stored.is_some_and(|stored| stored.granted == own.granted);
        Plan { own, others, write: (!is_stored).then(|| self.new_share(own)) }
    }

    fn new_share(&self, own: Amounts) -> NewShare {
        NewShare { key: self.key.clone(), organization: self.organization, granted: own.granted, spent: own.spent }
    }

    /// Adopts a plan that was committed, and decides about the callers that wait. Callers that came after the plan may have to wait on.
    pub(super) fn apply(self: &Arc<Self>, plan: &Plan) -> Answers {
        let (ticks, now) = (ticks(), Timestamp::now());
        let mut state = self.lock();
        if plan.own.granted > state.granted {
            state.grown_at = Some(ticks);
        }
        state.granted = plan.own.granted;
        if plan.write.is_some() {
            state.stored = Some(plan.own);
        }
        (state.others, state.checked_at) = (plan.others, Some(ticks));
        state.drop_closed();
        let mut answers = Vec::with_capacity(state.waiting.len());
        for waiter in mem::take(&mut state.waiting) {
            match state.fit(waiter.budget.limit, waiter.amount, ticks) {
                Fit::Covered => answers.push((waiter.sender, Ok(self.admit(&mut state, waiter.budget.limit, waiter.amount, ticks)))),
                Fit::Exceeded => {
                    let refused = self.refuse(&mut state, waiter.budget, now);
                    answers.push((waiter.sender, Err(ModelRefusal::Budget { owner: self.owner, state: refused })));
                }
                Fit::Unknown => state.waiting.push_back(waiter),
            }
        }
        state.is_queued = !state.waiting.is_empty();
        Answers { answers, must_queue: state.is_queued }
    }

    /// Refuses all callers that wait, because the store did not answer. A write may have been committed nevertheless.
    pub(super) fn fail(&self) {
        let waiting = {
            let mut state = self.lock();
            state.is_queued = false;
            state.stored = None;
            mem::take(&mut state.waiting)
        };
        for waiter in waiting {
            let _ = waiter.sender.send(Err(ModelRefusal::Unavailable));
        }
    }

    /// Ends a reservation: `actual` of it was spent.
    fn settle(&self, amount: i64, actual: i64) {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(amount);
        state.spent = state.spent.saturating_add(actual);
        state.used_at = ticks();
        let percent = state.percent_spent();
        if percent > state.warned {
            self.warn(&mut state, percent, Timestamp::now());
        }
    }

    /// See [`Self::give_back`].
    pub(super) fn can_give_back(&self, any: bool) -> bool {
        self.lock().can_give_back(any)
    }

    /// Reduces what is granted to what is used, if the share is idle, or in any case. Returns the share to be stored; `None` if there is nothing
    /// to do.
    pub(super) fn give_back(&self, any: bool, writer: &Arc<str>) -> Option<NewShare> {
        let mut state = self.lock();
        state.adopt_writer(writer);
        if !state.can_give_back(any) {
            return None;
        }
        state.granted = state.used();
        Some(self.new_share(state.own()))
    }

    /// Remembers that the share was stored.
    pub(super) fn confirm(&self, share: &NewShare) {
        self.lock().stored = Some(Amounts { granted: share.granted, spent: share.spent });
    }

    /// See [`ShareState::is_forgettable`].
    pub(super) fn is_forgettable(&self) -> bool {
        self.lock().is_forgettable()
    }

    #[cfg(test)]
    pub(super) fn make_idle(&self) {
        self.lock().make_idle();
    }
}

/// An amount that is reserved for a call. Given back if it is dropped.
pub(super) struct Hold {
    share: Arc<Share>,
    amount: i64,
    /// The limit when the call began.
    limit: i64,
}

impl Hold {
    pub(super) fn unit(&self) -> BudgetUnit {
        self.share.key.unit
    }

    /// Charges what was used, but no more than was reserved, and gives the rest back.
    pub(super) fn charge(mut self, used: i64) {
        let amount = mem::take(&mut self.amount);
        self.share.settle(amount, used.clamp(0, amount));
    }

    pub(super) fn charge_all(self) {
        let amount = self.amount;
        self.charge(amount);
    }

    /// Whether the limit was lowered so that nothing is left of it.
    pub(super) fn is_exhausted(&self) -> bool {
        let state = self.share.lock();
        state.budget.limit < self.limit && state.budget.limit <= state.spent.saturating_add(state.others.granted)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.share.settle(self.amount, 0);
        }
    }
}
