//! The limits that apply together: those of a key, of one of its client addresses, or of its calls of language models.

use std::{
    collections::{HashMap, HashSet},
    iter::zip,
    mem,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, Shared};

use super::{
    share::{Admission, Exchange, Plan, Share, Terms, Uses},
    stored::StoredLimit,
};
use crate::{
    limiter::{RateLimitStates, ticks},
    rate_limit_interner::RateLimits,
    token_window::TokenWindow,
};
use latchkey_store::rate_windows::{WindowKey, WindowRow};
use latchkey_types::{
    id::KeyId,
    time::{MINUTE_MS, Timestamp},
};

/// The names of the limits of calls.
const TOKENS: &str = "tokens";
const PARALLEL: &str = "parallel";

/// An exchange in progress, shared by all waiting callers. Store errors are logged.
pub(crate) type PendingExchange = Shared<BoxFuture<'static, Result<(), ()>>>;

/// What the limits of a group apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// All requests of the key.
    Key,
    /// Those of a client address.
    Address(IpAddr),
    /// Calls of language models.
    Calls,
}

/// Limits that are checked together and exchanged together.
pub(crate) struct LimitGroup {
    pub(super) key: KeyId,
    pub(super) scope: Scope,
    state: Mutex<GroupState>,
}

#[derive(Default)]
pub(crate) struct GroupState {
    /// The rate limits from which the members were made.
    limits: Option<RateLimits>,
    /// The current limits in their order, and then those that were removed and whose permits are to be given back.
    members: Vec<Member>,
    current: usize,
    /// Calls that have not ended.
    open: i64,
    /// Changes whenever this instance gets another id.
    epoch: u64,
    pub(super) pending: Option<PendingExchange>,
    /// Whether the group is swept.
    pub(super) is_active: bool,
}

struct Member {
    name: Box<str>,
    terms: Terms,
    share: Share,
}

/// A row while it is exchanged.
pub(super) struct RowState {
    stored: StoredLimit,
    expires_at: Timestamp,
    is_changed: bool,
}

/// The plans of one group, by the names of its members, and the limits for which they were made.
pub(super) struct GroupPlan {
    epoch: u64,
    plans: Vec<(Box<str>, Terms, Plan)>,
}

/// The part of the limits that a call has taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakenCall {
    /// The second in which its estimate is counted.
    pub(crate) second: i64,
}

/// Whether a call is admitted.
pub(crate) enum CallAdmission {
    Taken(TakenCall),
    Waits,
    ParallelFull,
    TokensFull { left: i64, retry_after_ms: i64 },
}

/// The limits of calls with a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallLimits {
    pub(crate) tokens_per_minute: Option<i64>,
    pub(crate) max_parallel: Option<i64>,
}

impl LimitGroup {
    pub(super) fn new(key: KeyId, scope: Scope) -> Self {
        Self { key, scope, state: Mutex::default() }
    }

    /// Also gives up all permits if the id of the instance has changed.
    pub(super) fn lock(&self, epoch: impl FnOnce() -> u64) -> MutexGuard<'_, GroupState> {
        let mut state = self.lock_unchecked();
        // Read while the group is locked, so that what is used from now on is counted under that id.
        state.adopt_epoch(epoch());
        state
    }

    fn lock_unchecked(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row_key(&self, name: &str) -> WindowKey {
        let name = match self.scope {
            Scope::Key => format!("rate {name}"),
            Scope::Address(address) => format!("address {address} {name}"),
            Scope::Calls => name.to_owned(),
        };
        WindowKey { key: self.key, name }
    }

    /// The rows of its limits.
    pub(super) fn row_keys(&self) -> Vec<WindowKey> {
        self.lock_unchecked().members.iter().map(|member| self.row_key(&member.name)).collect()
    }

    /// Decides what this instance holds from now on, and changes the rows accordingly. `ended`: instances whose permits count as used.
    pub(super) fn plan(&self, epoch: u64, rows: &mut HashMap<WindowKey, RowState>, ended: &HashSet<String>, exchange: &Exchange<'_>) -> GroupPlan {
        let mut state = self.lock(|| epoch);
        let can_report = state.open == 0;
        let mut plans = Vec::with_capacity(state.members.len());
        for member in &mut state.members {
            // A limit that was added in the meantime has no row yet.
            let Some(row) = rows.get_mut(&self.row_key(&member.name)) else { continue };
            row.end_instances(ended, exchange, &member.terms);
            let before = row.stored.clone();
            let plan = member.share.plan(&member.terms, &mut row.stored, exchange, can_report);
            row.finish(&before, exchange.now, &member.terms);
            plans.push((member.name.clone(), member.terms, plan));
        }
        GroupPlan { epoch, plans }
    }

    /// Adopts the plan of an exchange that has ended; `None` if it failed before it was planned. Returns whether the group is to be swept from now
    /// on.
    pub(super) fn finish(&self, plan: Option<GroupPlan>, is_committed: bool, ticks: i64) -> bool {
        let mut state = self.lock_unchecked();
        state.pending = None;
        state.members.iter_mut().for_each(|member| member.share.end_waits());
        if let Some(plan) = plan.filter(|plan| plan.epoch == state.epoch) {
            for (name, terms, plan) in plan.plans {
                if let Some(member) = state.members.iter_mut().find(|member| member.name == name) {
                    // What was granted of another limit may be too much.
                    member.share.apply(plan, is_committed && member.terms == terms, ticks);
                }
            }
        }
        state.remove_retired(ticks);
        !mem::replace(&mut state.is_active, true)
    }
}

impl RowState {
    pub(super) fn new(row: &WindowRow) -> Self {
        Self { stored: StoredLimit::parse(&row.state), expires_at: row.expires_at, is_changed: false }
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = &str> {
        self.stored.instances()
    }

    fn end_instances(&mut self, ended: &HashSet<String>, exchange: &Exchange<'_>, terms: &Terms) {
        self.stored.expire(exchange.now, terms);
        let found: Vec<String> = self.stored.instances().filter(|instance| ended.contains(*instance)).map(ToOwned::to_owned).collect();
        self.is_changed |= !found.is_empty();
        for instance in found {
            // Not when the rows were read: this may have waited for their locks, and the instance has ended since.
            self.stored.end_instance(&instance, exchange.time_of(exchange.ticks), terms);
        }
    }

    fn finish(&mut self, before: &StoredLimit, now: i64, terms: &Terms) {
        let expires_at = self.stored.expires_at(now, terms);
        // Uses that have expired are removed with the next change.
        self.is_changed |= self.stored != *before || (expires_at > self.expires_at && self.stored.instances().next().is_some());
        self.expires_at = expires_at;
    }

    /// `None` if it need not be stored.
    pub(super) fn into_row(self, key: WindowKey) -> Option<WindowRow> {
        self.is_changed.then(|| WindowRow { key, state: self.stored.text(), expires_at: self.expires_at })
    }
}

impl GroupState {
    fn adopt_epoch(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            let ticks = ticks();
            self.members.iter_mut().for_each(|member| member.share.reset(&member.terms, ticks));
        }
    }

    /// Adopts changed rate limits; those with an unchanged name keep their count.
    pub(crate) fn adopt(&mut self, limits: &RateLimits) {
        if self.limits.as_ref().is_some_and(|current| Arc::ptr_eq(current, limits)) {
            return;
        }
        self.set_members(limits.iter().map(|limit| (limit.name.as_str(), Terms::of(limit), Uses::default as fn() -> Uses)));
        self.limits = Some(Arc::clone(limits));
    }

    fn adopt_calls(&mut self, limits: CallLimits) {
        let terms = |limit, duration_ms| Terms { limit, duration_ms, is_strict: true };
        let tokens =
            limits.tokens_per_minute.map(|limit| (TOKENS, terms(limit, Some(MINUTE_MS)), (|| Uses::Tokens(TokenWindow::default())) as fn() -> Uses));
        let parallel = limits.max_parallel.map(|limit| (PARALLEL, terms(limit, None), (|| Uses::Calls(0)) as fn() -> Uses));
        let members = || tokens.into_iter().chain(parallel);
        let current = self.members[..self.current].iter().map(|member| (&*member.name, member.terms));
        if !current.eq(members().map(|(name, terms, _)| (name, terms))) {
            self.set_members(members());
        }
    }

    fn set_members<'a>(&mut self, members: impl Iterator<Item = (&'a str, Terms, fn() -> Uses)>) {
        let mut previous = mem::take(&mut self.members);
        for (name, terms, uses) in members {
            let member = match previous.iter().position(|member| *member.name == *name) {
                Some(index) => previous.swap_remove(index).with_terms(terms),
                None => Member { name: name.into(), terms, share: Share::of(uses()) },
            };
            self.members.push(member);
        }
        self.current = self.members.len();
        self.members.append(&mut previous);
        // A member whose first exchange has not ended may hold something soon.
        if self.pending.is_none() {
            self.remove_retired(ticks());
        }
    }

    /// Removes limits that no longer apply and of which nothing is held.
    fn remove_retired(&mut self, ticks: i64) {
        for index in (self.current..self.members.len()).rev() {
            let Member { share, terms, .. } = &mut self.members[index];
            if share.is_empty(terms, ticks) {
                self.members.remove(index);
            }
        }
    }

    fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members[..self.current].iter_mut()
    }

    /// Whether a request is admitted. Consumes nothing.
    pub(crate) fn admit(&mut self, instances: i64, ticks: i64) -> Admission {
        let mut admission = Admission::Free;
        for member in self.members() {
            match member.share.admit(&member.terms, 1, instances, ticks) {
                Admission::Full => return Admission::Full,
                Admission::Waits => admission = Admission::Waits,
                Admission::Free => {}
            }
        }
        if admission == Admission::Waits {
            for member in self.members() {
                if member.share.admit(&member.terms, 1, instances, ticks) == Admission::Waits {
                    member.share.wait_for(1, ticks);
                }
            }
        }
        admission
    }

    /// Milliseconds until requests of all limits that are reached expire.
    pub(crate) fn full_for(&mut self, instances: i64, ticks: i64) -> i64 {
        let full = self.members().filter_map(|member| {
            let is_full = member.share.admit(&member.terms, 1, instances, ticks) == Admission::Full;
            is_full.then(|| member.share.frees_in(&member.terms, 1, ticks))
        });
        full.max().unwrap_or(0)
    }

    /// Counts a request for each limit. Returns whether an exchange should begin although no caller waits.
    pub(crate) fn add(&mut self, ticks: i64) -> bool {
        let mut must_exchange = false;
        for member in self.members() {
            member.share.add(&member.terms, 1, ticks);
            must_exchange |= member.share.must_exchange(&member.terms, ticks);
        }
        must_exchange && self.pending.is_none()
    }

    pub(crate) fn states(&mut self, ticks: i64) -> RateLimitStates {
        self.members().map(|member| member.share.state(&member.terms, ticks)).collect()
    }

    /// Takes a call's part of the limits, or nothing. `estimate`: its tokens.
    pub(crate) fn take_call(&mut self, limits: CallLimits, estimate: i64, instances: i64, ticks: i64) -> CallAdmission {
        self.adopt_calls(limits);
        let amount = |member: &Member| if *member.name == *TOKENS { estimate } else { 1 };
        let admit = |member: &mut Member| {
            let amount = amount(member);
            member.share.admit(&member.terms, amount, instances, ticks)
        };
        let admissions: Vec<Admission> = self.members().map(admit).collect();
        // The last one: parallel calls are checked first.
        if let Some((member, _)) = zip(self.members(), &admissions).filter(|(_, admission)| **admission == Admission::Full).last() {
            if *member.name == *PARALLEL {
                return CallAdmission::ParallelFull;
            }
            let left = member.share.state(&member.terms, ticks).remaining;
            let retry_after_ms = member.share.frees_in(&member.terms, estimate.saturating_sub(left), ticks);
            return CallAdmission::TokensFull { left, retry_after_ms };
        }
        if admissions.contains(&Admission::Waits) {
            for (member, admission) in zip(self.members(), &admissions) {
                if *admission == Admission::Waits {
                    let amount = amount(member);
                    member.share.wait_for(amount, ticks);
                }
            }
            return CallAdmission::Waits;
        }
        let mut second = 0;
        for member in self.members() {
            let amount = amount(member);
            second = second.max(member.share.add(&member.terms, amount, ticks));
        }
        self.open += 1;
        CallAdmission::Taken(TakenCall { second })
    }

    /// Ends a call. `difference`: what it has used more than its estimate. Returns whether permits should be given back at once.
    pub(crate) fn end_call(&mut self, call: TakenCall, difference: i64, ticks: i64) -> bool {
        self.open -= 1;
        for member in &mut self.members {
            member.share.settle(call.second, difference, ticks);
        }
        self.members.iter().any(|member| *member.name == *PARALLEL) && self.pending.is_none()
    }

    /// Whether something should be given back or stored again.
    pub(super) fn is_due(&mut self, ticks: i64) -> bool {
        let (can_report, current) = (self.open == 0, self.current);
        let mut is_due = self.members.len() > current;
        for member in &mut self.members {
            is_due |= member.share.is_due(&member.terms, can_report, ticks);
        }
        is_due
    }

    #[cfg(test)]
    pub(super) fn make_idle(&mut self) {
        self.members.iter_mut().for_each(|member| member.share.make_idle());
    }

    /// Whether nothing is held and nothing is counted.
    pub(super) fn is_empty(&mut self, ticks: i64) -> bool {
        self.pending.is_none() && self.open == 0 && self.members.iter_mut().all(|member| member.share.is_empty(&member.terms, ticks))
    }
}

impl Member {
    fn with_terms(mut self, terms: Terms) -> Self {
        if self.terms != terms {
            self.terms = terms;
            self.share.confirm_again();
        }
        self
    }
}
