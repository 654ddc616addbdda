//! Rate limits, tokens a minute and parallel calls that the instances on one PostgreSQL database share. An instance takes permits from the store
//! in blocks, so that most requests need no read of the store, and gives them back when it does not use them. SQLite has one instance, which
//! counts in memory.

mod group;
mod share;
mod stored;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    mem,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use futures_util::{FutureExt, future::join_all};
use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    limiter::{RateLimitStates, ticks},
    rate_limit_interner::RateLimits,
};
pub(crate) use group::{CallAdmission, CallLimits, LimitGroup, PendingExchange, Scope, TakenCall};
use group::{GroupPlan, GroupState, RowState};
use latchkey_crypto::random;
use latchkey_store::{
    Store, Tx, WriteLock,
    rate_windows::{self, LockedWindows, WindowKey},
};
use latchkey_types::{error::Error, id::KeyId};
pub(crate) use share::Admission;
use share::Exchange;

/// Number of groups in one transaction.
const BATCH: usize = 500;
/// The beginning of the ids of registered instances.
const INSTANCE_PREFIX: &str = "ins_";

/// The shared limits of this instance.
pub(crate) struct SharedLimits {
    store: Store,
    /// Under which this instance holds permits.
    own: Mutex<String>,
    /// Counted up with each change of `own`.
    epoch: AtomicU64,
    instances: AtomicI64,
    /// There is one group of each key and scope as long as it holds something or is used: two would overwrite each other's rows.
    groups: DashMap<(KeyId, Scope), Arc<LimitGroup>>,
    /// Those that may hold something.
    active: Mutex<Vec<Arc<LimitGroup>>>,
    queue: Mutex<Queue>,
    is_ending: AtomicBool,
}

#[derive(Default)]
struct Queue {
    requests: Vec<Request>,
    /// Whether a task takes them from the queue.
    is_running: bool,
}

struct Request {
    group: Arc<LimitGroup>,
    done: oneshot::Sender<Result<(), ()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedLimits {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            own: Mutex::new(format!("{:032x}", u128::from_be_bytes(random::bytes()))),
            epoch: AtomicU64::new(0),
            instances: AtomicI64::new(1),
            groups: DashMap::new(),
            active: Mutex::default(),
            queue: Mutex::default(),
            is_ending: AtomicBool::new(false),
        }
    }

    /// Adopts the id of this instance. After a change it holds no permits, because the others count what was held under the earlier id as used. Call
    /// it before the lease of the new id begins.
    pub(crate) fn adopt_instance(&self, id: &str) {
        let mut own = lock(&self.own);
        if *own != id {
            id.clone_into(&mut own);
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn identity(&self) -> (u64, String) {
        let own = lock(&self.own);
        (self.epoch.load(Ordering::Acquire), own.clone())
    }

    pub(crate) fn instances(&self) -> i64 {
        self.instances.load(Ordering::Relaxed)
    }

    pub(crate) fn group(&self, key: KeyId, scope: Scope) -> Arc<LimitGroup> {
        Arc::clone(&self.groups.entry((key, scope)).or_insert_with(|| Arc::new(LimitGroup::new(key, scope))))
    }

    pub(crate) fn lock<'a>(&self, group: &'a LimitGroup) -> MutexGuard<'a, GroupState> {
        group.lock(|| self.epoch.load(Ordering::Acquire))
    }

    /// Begins an exchange of a group that is locked, or joins the one in progress.
    pub(crate) fn exchange(self: &Arc<Self>, group: &Arc<LimitGroup>, state: &mut GroupState) -> PendingExchange {
        if let Some(pending) = &state.pending {
            return pending.clone();
        }
        let (done, answer) = oneshot::channel();
        let pending = async move { answer.await.unwrap_or(Err(())) }.boxed().shared();
        // Without a runtime, the program is ending.
        if let Ok(runtime) = Handle::try_current() {
            state.pending = Some(pending.clone());
            self.enqueue(&runtime, Request { group: Arc::clone(group), done });
        }
        pending
    }

    fn enqueue(self: &Arc<Self>, runtime: &Handle, request: Request) {
        let is_running = {
            let mut queue = lock(&self.queue);
            queue.requests.push(request);
            mem::replace(&mut queue.is_running, true)
        };
        if !is_running {
            let limits = Arc::clone(self);
            runtime.spawn(async move {
                while let Some(batch) = limits.next_batch() {
                    limits.exchange_batch(batch).await;
                }
            });
        }
    }

    /// `None`, and no longer running, if the queue is empty.
    fn next_batch(&self) -> Option<Vec<Request>> {
        let mut queue = lock(&self.queue);
        let count = queue.requests.len().min(BATCH);
        queue.is_running = count > 0;
        queue.is_running.then(|| queue.requests.drain(..count).collect())
    }

    async fn exchange_batch(&self, batch: Vec<Request>) {
        let mut plans = Vec::with_capacity(batch.len());
        let committed = self.commit(&batch, &mut plans).await;
        let answer = committed.map_err(|error| tracing::warn!(%error, "cannot exchange rate limits"));
        let ticks = ticks();
        let mut plans = plans.into_iter();
        for Request { group, done } in batch {
            if group.finish(plans.next(), answer.is_ok(), ticks) {
                lock(&self.active).push(group);
            }
            // Fails if all callers have left.
            let _ = done.send(answer);
        }
    }

    /// Exchanges a batch in one transaction. Adds the plan of each group, in the same order, as soon as it has an effect.
    async fn commit(&self, batch: &[Request], plans: &mut Vec<GroupPlan>) -> Result<(), Error> {
        let keys: Vec<WindowKey> = batch.iter().flat_map(|request| request.group.row_keys()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let (epoch, own) = self.identity();
        // The locks of the rows suffice.
        let mut tx = self.store.begin_locked(WriteLock::Nothing).await?;
        let read_began = ticks();
        let LockedWindows { now, rows } = rate_windows::lock(&self.store, &mut tx, &keys).await?;
        let mut rows: HashMap<WindowKey, RowState> = rows.into_iter().map(|row| (row.key.clone(), RowState::new(&row))).collect();
        let ended = self.ended_instances(&mut tx, &rows, &own).await?;
        let exchange = Exchange {
            own: &own,
            now: now.0,
            read_began,
            ticks: ticks(),
            instances: self.instances(),
            is_last: self.is_ending.load(Ordering::Acquire),
        };
        plans.extend(batch.iter().map(|request| request.group.plan(epoch, &mut rows, &ended, &exchange)));
        let changed: Vec<_> = rows.into_iter().filter_map(|(key, row)| row.into_row(key)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        rate_windows::set(&self.store, &mut tx, &changed).await?;
        tx.commit().await
    }

    /// The instances in these rows that have ended. The store is read only if there are some that the last read of the changes has not found.
    async fn ended_instances(&self, tx: &mut Tx, rows: &HashMap<WindowKey, RowState>, own: &str) -> Result<HashSet<String>, Error> {
        let live: HashSet<String> = self.store.known_instances().instances.iter().map(|instance| instance.id.to_string()).collect();
        let holders = rows.values().flat_map(RowState::instances).filter(|id| *id != own && id.starts_with(INSTANCE_PREFIX));
        let mut ended: HashSet<String> = holders.filter(|id| !live.contains(*id)).map(ToOwned::to_owned).collect();
        if !ended.is_empty() {
            let live = rate_windows::live_instances(tx).await?;
            ended.retain(|id| !live.contains(id));
        }
        Ok(ended)
    }

    /// Gives back what was not used for a while. Called every second.
    pub(crate) fn sweep(self: &Arc<Self>) {
        self.instances.store(self.store.instance_count(), Ordering::Relaxed);
        if !self.store.is_unavailable() {
            drop(self.sweep_where(GroupState::is_due));
        }
    }

    /// Gives everything back; called at shutdown.
    pub(crate) async fn give_back_all(self: &Arc<Self>) {
        self.is_ending.store(true, Ordering::Release);
        // A group whose exchange began before is swept again.
        for _ in 0..2 {
            join_all(self.sweep_where(|state, ticks| !state.is_empty(ticks))).await;
        }
    }

    /// Begins an exchange of each active group that fulfils the condition.
    fn sweep_where(self: &Arc<Self>, condition: impl Fn(&mut GroupState, i64) -> bool) -> Vec<PendingExchange> {
        let ticks = ticks();
        let mut active = mem::take(&mut *lock(&self.active));
        let mut pending = Vec::new();
        active.retain(|group| {
            let mut state = self.lock(group);
            if condition(&mut state, ticks) {
                pending.push(self.exchange(group, &mut state));
            }
            state.is_active = !state.is_empty(ticks);
            state.is_active
        });
        lock(&self.active).append(&mut active);
        pending
    }

    /// As if nothing had been used for a while. Returns when everything is given back.
    #[cfg(test)]
    pub(crate) async fn give_back_idle(self: &Arc<Self>) {
        // An exchange that began before is waited for first.
        for _ in 0..2 {
            for group in &self.groups {
                self.lock(&group).make_idle();
            }
            join_all(self.sweep_where(GroupState::is_due)).await;
        }
    }

    /// Drops groups that hold nothing and are not used.
    pub(crate) fn drop_idle(&self) {
        self.groups.retain(|_, group| Arc::strong_count(group) > 1);
    }

    /// Deletes rows of which nothing counts any more.
    pub(crate) async fn delete_expired(&self) {
        if let Err(error) = rate_windows::delete_expired(&self.store).await {
            tracing::warn!(%error, "cannot delete old rate limits");
        }
    }
}

/// The rate limits of a key, or of one of its client addresses. Its group is created on first use.
pub(crate) struct SharedRates {
    limits: Arc<SharedLimits>,
    key: KeyId,
    scope: Scope,
    group: Option<Arc<LimitGroup>>,
}

impl SharedRates {
    pub(crate) fn of_key(limits: Arc<SharedLimits>, key: KeyId) -> Self {
        Self { limits, key, scope: Scope::Key, group: None }
    }

    pub(crate) fn of_address(limits: Arc<SharedLimits>, key: KeyId, address: IpAddr) -> Self {
        Self { limits, key, scope: Scope::Address(address), group: None }
    }

    /// Whether nothing is held and nothing is counted.
    pub(crate) fn is_idle(&self) -> bool {
        self.group.as_ref().is_none_or(|group| !self.limits.lock(group).is_active)
    }

    /// Locks the limits, and adopts them if they have changed. `None` without limits.
    pub(crate) fn lock(&mut self, rates: &RateLimits) -> Option<LockedRates<'_>> {
        if self.group.is_none() && rates.is_empty() {
            return None;
        }
        let group = &*self.group.get_or_insert_with(|| self.limits.group(self.key, self.scope));
        let mut state = self.limits.lock(group);
        state.adopt(rates);
        Some(LockedRates { limits: &self.limits, group, state })
    }
}

/// The limits of a group while they are locked: nothing is given back meanwhile.
pub(crate) struct LockedRates<'a> {
    limits: &'a Arc<SharedLimits>,
    group: &'a Arc<LimitGroup>,
    state: MutexGuard<'a, GroupState>,
}

impl LockedRates<'_> {
    /// Whether a request is admitted. Consumes nothing.
    pub(crate) fn admit(&mut self, ticks: i64) -> Admission {
        self.state.admit(self.limits.instances(), ticks)
    }

    /// The exchange for which a request must wait.
    pub(crate) fn exchange(&mut self) -> PendingExchange {
        self.limits.exchange(self.group, &mut self.state)
    }

    /// Milliseconds until requests of all limits that are reached expire.
    pub(crate) fn full_for(&mut self, ticks: i64) -> i64 {
        self.state.full_for(self.limits.instances(), ticks)
    }

    /// Counts a request for each limit.
    pub(crate) fn add(&mut self, ticks: i64) {
        if self.state.add(ticks) {
            drop(self.exchange());
        }
    }

    pub(crate) fn states(&mut self, ticks: i64) -> RateLimitStates {
        self.state.states(ticks)
    }
}
