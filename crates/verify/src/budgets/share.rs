//! What this instance may spend of a budget in one period, and what it has spent.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::oneshot;

use super::{BudgetLimit, BudgetOwner, BudgetWarning, ModelRefusal, Warnings, lock};
use crate::limiter::ticks;
use latchkey_store::budgets::{self as store, NewShare, ShareKey};
use latchkey_types::{
    budget::{Budget, BudgetState, BudgetUnit},
    id::OrganizationId,
    time::Timestamp,
};

/// For how long what the store has left is known, in milliseconds: another instance may give back what it does not use.
const FRESH_MS: i64 = 1000;
/// If a share must grow again within this time (milliseconds), its headroom doubles.
const FAST_MS: i64 = 1000;
/// A share that is not used for this long (milliseconds) gives back its headroom.
const IDLE_MS: i64 = 1000;
/// A share that is not used for this long (milliseconds) is dropped from memory.
const FORGET_MS: i64 = 10 * 60 * 1000;
/// The headroom is at most 1/16 of what is left: what a crash can lose, and what other instances can't use.
const HEADROOM_DIVISOR: i64 = 16;

/// Whether a waiting caller is admitted.
pub(super) type Admission = Result<Hold, ModelRefusal>;

pub(super) struct Share {
    pub(super) key: ShareKey,
    owner: BudgetOwner,
    organization: OrganizationId,
    warnings: Warnings,
    state: Mutex<ShareState>,
}

struct ShareState {
    /// The current budget. Its limit is the maximum if the owner no longer has a budget in this unit and period.
    budget: Budget,
    /// What the store has granted to this instance, or less: never below what is spent and open.
    granted: i64,
    spent: i64,
    /// The worst cases of the open calls.
    open: i64,
    /// Whether the store was asked what this instance had been granted before.
    is_loaded: bool,
    /// What the store has granted to other instances, and when it was read, in ticks.
    others: Amounts,
    checked_at: Option<i64>,
    /// What is stored of this instance.
    stored: Option<Amounts>,
    waiting: VecDeque<Waiter>,
    /// Whether a write to the store is due for the callers that wait.
    is_queued: bool,
    /// What was requested in advance by the last growth, and its time, in ticks.
    headroom: i64,
    grown_at: Option<i64>,
    /// Time at which the share was last used, in ticks.
    used_at: i64,
    /// The highest percentage that was reported.
    warned: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amounts {
    granted: i64,
    spent: i64,
}

struct Waiter {
    budget: Budget,
    amount: i64,
    sender: oneshot::Sender<Admission>,
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

/// Whether an amount can be reserved.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    Covered,
    Exceeded,
    /// The store must be asked.
    Unknown,
}

/// A share as it is to be stored.
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

impl ShareState {
    /// Whether `amount` can be reserved under this limit.
    fn fit(&self, limit: i64, amount: i64, ticks: i64) -> Fit {
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

    /// Spent and reserved for open calls.
    const fn used(&self) -> i64 {
        self.spent.saturating_add(self.open)
    }

    fn set_budget(&mut self, budget: Budget) {
        if self.budget != budget {
            self.budget = budget;
            self.warned = self.percent_spent();
        }
    }

    /// 100, 80 or 0.
    fn percent_spent(&self) -> u8 {
        let (spent, limit) = (i128::from(self.spent) + i128::from(self.others.spent), i128::from(self.budget.limit));
        match spent {
            _ if limit == 0 => 0,
            spent if spent >= limit => 100,
            spent if spent * 100 >= limit * 80 => 80,
            _ => 0,
        }
    }

    fn state(&self, budget: Budget, now: Timestamp) -> BudgetState {
        BudgetState {
            budget,
            spent: self.spent.saturating_add(self.others.spent),
            reserved: self.open.saturating_add(self.others.granted - self.others.spent),
            resets_at: budget.period.next(now),
        }
    }

    /// What to request beyond `missing`: twice as much as before if the last growth lasted less than [`FAST_MS`], else half of it.
    fn next_headroom(&mut self, missing: i64, ticks: i64) -> i64 {
        let is_fast = self.grown_at.is_some_and(|at| ticks - at < FAST_MS);
        self.headroom = if is_fast { self.headroom.saturating_mul(2).max(missing) } else { self.headroom / 2 };
        self.headroom
    }

    /// Whether less can be granted to this instance, or what it has spent is not stored: if it is idle, or in any case.
    fn can_give_back(&self, any: bool) -> bool {
        let is_settled = self.granted == self.used() && self.stored.unwrap_or_default() == self.own();
        self.is_loaded && !self.is_queued && !is_settled && (any || ticks() - self.used_at >= IDLE_MS)
    }

    /// Forgets the callers that have left.
    fn drop_closed(&mut self) {
        self.waiting.retain(|waiter| !waiter.sender.is_closed());
    }

    const fn own(&self) -> Amounts {
        Amounts { granted: self.granted, spent: self.spent }
    }
}

impl Share {
    pub(super) fn new(limit: &BudgetLimit, organization: OrganizationId, now: Timestamp, warnings: Warnings) -> Self {
        let state = ShareState {
            budget: limit.budget,
            granted: 0,
            spent: 0,
            open: 0,
            is_loaded: false,
            others: Amounts::default(),
            checked_at: None,
            stored: None,
            waiting: VecDeque::new(),
            is_queued: false,
            headroom: 0,
            grown_at: None,
            used_at: ticks(),
            warned: 0,
        };
        Self { key: limit.share_key(now), owner: limit.owner, organization, warnings, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, ShareState> {
        lock(&self.state)
    }

    pub(super) fn is_of(&self, unit: BudgetUnit, period_start: Timestamp) -> bool {
        self.key.unit == unit && self.key.period_start == period_start
    }

    /// Spent and reserved by this instance; `None` until the store was asked for what it had spent before.
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

    /// A budget is used up if a call is refused that wants more than the rest; but not if most of the budget is left and a single call wants
    /// more than that.
    fn refuse(&self, state: &mut ShareState, budget: Budget, now: Timestamp) -> BudgetState {
        if state.percent_spent() >= 80 {
            self.warn(state, 100, now);
        }
        state.state(budget, now)
    }

    fn warn(&self, state: &mut ShareState, percent: u8, now: Timestamp) {
        if percent > state.warned {
            state.warned = percent;
            let warning = BudgetWarning { owner: self.owner, organization: self.organization, percent, state: state.state(state.budget, now) };
            lock(&self.warnings).push(warning);
        }
    }

    /// The share with which as many waiting callers as possible are admitted, in their order. `stored`: the shares of all instances. Nothing else
    /// may be written between this and [`Self::apply`].
    pub(super) fn plan(&self, stored: &[&store::Share], writer: &str) -> Plan {
        let ticks = ticks();
        let mut state = self.lock();
        let mut others = Amounts::default();
        for share in stored {
            if share.writer != writer {
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
            // Reported in the past, by this or another process.
            state.warned = state.percent_spent();
        }
        state.drop_closed();
        let mut used = state.used();
        for waiter in &state.waiting {
            let after = used.saturating_add(waiter.amount);
            if after <= waiter.budget.limit.saturating_sub(others.granted) {
                used = after;
            }
        }
        let missing = used.saturating_sub(state.granted);
        let mut own = state.own();
        if missing > 0 {
            let left = state.budget.limit.saturating_sub(others.granted).saturating_sub(used).max(0);
            own.granted = used.saturating_add(state.next_headroom(missing, ticks).min(left / HEADROOM_DIVISOR));
        }
        let is_stored = state.stored.map_or(0, |stored| stored.granted) == own.granted;
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

    /// Refuses all callers that wait, because the store did not answer.
    pub(super) fn fail(&self) {
        let waiting = {
            let mut state = self.lock();
            state.is_queued = false;
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
    pub(super) fn give_back(&self, any: bool) -> Option<NewShare> {
        let mut state = self.lock();
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

    /// Whether it can be dropped from memory: it is read from the store again if it is needed.
    pub(super) fn is_forgettable(&self) -> bool {
        let state = self.lock();
        let is_settled = state.open == 0 && !state.is_queued && state.granted == state.spent && state.stored.unwrap_or_default() == state.own();
        is_settled && ticks() - state.used_at >= FORGET_MS
    }

    #[cfg(test)]
    pub(super) fn make_idle(&self) {
        self.lock().used_at -= FORGET_MS;
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
