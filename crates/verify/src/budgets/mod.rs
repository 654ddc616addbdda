//! Budgets of language models. The worst case of a call is reserved before it begins and settled when it ends, so that no budget is overspent,
//! whatever happens to this process. As for credits, an instance reserves parts of a budget from the store: its share.

mod charge;
mod share;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dashmap::DashMap;
use smallvec::SmallVec;

use super::{
    CachedKey, Verifier,
    call_limiters::{CallSlot, CallTake},
};
use latchkey_crypto::random;
use latchkey_store::{
    Store, StoreError,
    budgets::{self as store, ShareKey},
};
use latchkey_types::{
    budget::{Budget, BudgetState, BudgetUnit},
    dollars::Dollars,
    id::{KeyId, OrganizationId, UserId},
    time::Timestamp,
};

pub use charge::ModelCharge;
use share::{Hold, Share, Take};
use writer::Queue;

/// For how long a call waits for the store to grant what it needs.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// What has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BudgetOwner {
    Key(KeyId),
    /// A member: the calls of all of their keys, and those from the page.
    Member(UserId),
    /// The organization: all calls.
    Organization(OrganizationId),
}

/// The id.
impl fmt::Display for BudgetOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Member(id) => id.fmt(f),
            Self::Organization(id) => id.fmt(f),
        }
    }
}

/// A budget and what has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimit {
    pub owner: BudgetOwner,
    pub budget: Budget,
}

impl BudgetLimit {
    /// The share of the period that contains `now`.
    fn share_key(&self, now: Timestamp) -> ShareKey {
        ShareKey { owner: self.owner.to_string(), unit: self.budget.unit, period_start: self.budget.period.start(now) }
    }
}

/// The most that a call can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstCase {
    /// `None` if the model has no price, or if the tokens are unbounded.
    pub cost: Option<Dollars>,
    /// Input and output; `None` if unbounded.
    pub tokens: Option<i64>,
}

impl WorstCase {
    /// The amount that counts against a budget in this unit.
    fn amount(&self, unit: BudgetUnit) -> Result<i64, ModelRefusal> {
        let amount = match (unit, self.cost, self.tokens) {
            (BudgetUnit::Usd, Some(cost), _) => cost.0,
            (BudgetUnit::Usd, None, Some(_)) => return Err(ModelRefusal::Unpriced),
            (BudgetUnit::Tokens, _, Some(tokens)) => tokens,
            (_, _, None) => return Err(ModelRefusal::Unbounded),
        };
        Ok(amount.max(0))
    }
}

/// A call of a language model that is about to begin.
#[derive(Clone, Copy)]
pub struct ModelCall<'a> {
    /// The caller's key, with its own budget and limits; `None` for a call from the page.
    pub key: Option<&'a Arc<CachedKey>>,
    pub organization: OrganizationId,
    /// The budgets of the member and the organization.
    pub budgets: &'a [BudgetLimit],
    pub worst_case: WorstCase,
}

/// Why a call must not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelRefusal {
    /// What is left of a budget does not cover the worst case.
    Budget { owner: BudgetOwner, state: BudgetState },
    /// The key's tokens per minute are used up.
    TokenRate { limit: i64, left: i64, retry_after_ms: i64 },
    /// The key has as many open calls as it may.
    Parallel { limit: i64 },
    /// A budget applies, and the call has no worst case.
    Unbounded,
    /// A budget in dollars applies, and the model has no price.
    Unpriced,
    /// The store did not answer.
    Unavailable,
}

/// A budget of which 80 % or 100 % are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetWarning {
    pub owner: BudgetOwner,
    pub organization: OrganizationId,
    /// 80 or 100. 100 also if a call was refused although less is spent.
    pub percent: u8,
    pub state: BudgetState,
}

type Warnings = Arc<Mutex<Vec<BudgetWarning>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shares of this instance.
pub(super) struct Budgets {
    store: Store,
    /// Those of the current period, and earlier ones that have open calls.
    shares: DashMap<BudgetOwner, Vec<Arc<Share>>>,
    /// Shares that must grow before a waiting caller can be admitted.
    queue: Mutex<Queue>,
    /// Held while shares are stored: the values that are written last are the current ones.
    writing: tokio::sync::Mutex<()>,
    /// Identifies this process in the store: on a shared database the id of the instance, which may change.
    writer: Mutex<Arc<str>>,
    warnings: Warnings,
}

impl Budgets {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            shares: DashMap::new(),
            queue: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            writer: Mutex::new(format!("{:032x}", u128::from_be_bytes(random::bytes())).into()),
            warnings: Warnings::default(),
        }
    }

    /// Adopts the id of this instance, under which shares are stored from then on: the others count what was granted under the earlier id as spent.
    pub(super) fn adopt_instance(&self, id: &str) {
        *lock(&self.writer) = id.into();
    }

    fn writer(&self) -> Arc<str> {
        Arc::clone(&lock(&self.writer))
    }

    /// Adopts the current budget of an owner, as it was just read: calls that are open may have to end.
    pub(super) fn observe(&self, owner: BudgetOwner, budget: Option<Budget>) {
        if let Some(shares) = self.shares.get(&owner) {
            let now = Timestamp::now();
            shares.iter().for_each(|share| share.observe(budget, now));
        }
    }

    /// Reserves an amount of a budget. Concurrent callers share one write to the store.
    async fn reserve(self: &Arc<Self>, organization: OrganizationId, limit: &BudgetLimit, amount: i64) -> Result<Hold, ModelRefusal> {
        let now = Timestamp::now();
        let share = self.share(organization, limit, now);
        match share.take(&limit.budget, amount, now) {
            Take::Admitted(hold) => Ok(hold),
            Take::Refused(state) => Err(ModelRefusal::Budget { owner: limit.owner, state }),
            Take::Waiting { admission, must_queue } => {
                if must_queue {
                    self.enqueue(share);
                }
                let answered = tokio::time::timeout(WAIT_LIMIT, admission).await;
                answered.ok().and_then(Result::ok).unwrap_or(Err(ModelRefusal::Unavailable))
            }
        }
    }

    fn share(&self, organization: OrganizationId, limit: &BudgetLimit, now: Timestamp) -> Arc<Share> {
        let (unit, period_start) = (limit.budget.unit, limit.budget.period.start(now));
        if let Some(share) = self.shares.get(&limit.owner).and_then(|shares| find(&shares, unit, period_start)) {
            return share;
        }
        let mut shares = self.shares.entry(limit.owner).or_default();
        if let Some(share) = find(&shares, unit, period_start) {
            return share;
        }
        let share = Arc::new(Share::new(limit, organization, now, Arc::clone(&self.warnings)));
        shares.push(Arc::clone(&share));
        share
    }

    /// The states of budgets, in the same order, with what all instances have spent and reserved.
    async fn states(&self, limits: &[BudgetLimit]) -> Result<Vec<BudgetState>, StoreError> {
        if limits.is_empty() {
            return Ok(Vec::new());
        }
        let now = Timestamp::now();
        let keys: Vec<ShareKey> = limits.iter().map(|limit| limit.share_key(now)).collect();
        let stored = store::shares(&self.store, &mut *self.store.connection().await?, &keys).await?;
        let by_key = writer::by_key(&stored);
        let of_key = |key: &ShareKey| by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        Ok(limits.iter().zip(&keys).map(|(limit, key)| self.state(limit, of_key(key), now)).collect())
    }

    fn state(&self, limit: &BudgetLimit, stored: &[&store::Share], now: Timestamp) -> BudgetState {
        let (unit, period_start) = (limit.budget.unit, limit.budget.period.start(now));
        let own = self.shares.get(&limit.owner).and_then(|shares| find(&shares, unit, period_start)?.used());
        let writer = self.writer();
        let mut state = BudgetState { budget: limit.budget, spent: 0, reserved: 0, resets_at: limit.budget.period.next(now) };
        (state.spent, state.reserved) = own.unwrap_or_default();
        // What is in memory is newer than what is stored.
        for share in stored.iter().filter(|share| own.is_none() || *share.writer != *writer) {
            state.spent = state.spent.saturating_add(share.spent);
            state.reserved = state.reserved.saturating_add(share.granted - share.spent);
        }
        state
    }
}

fn find(shares: &[Arc<Share>], unit: BudgetUnit, period_start: Timestamp) -> Option<Arc<Share>> {
    shares.iter().find(|share| share.is_of(unit, period_start)).map(Arc::clone)
}

impl Verifier {
    /// Takes a call's part of all limits, or of none: parallel calls and tokens per minute of the key, and the budgets of key, member and
    /// organization. Waits for the store if this instance's share of a budget must grow.
    ///
    /// # Errors
    /// The first limit that does not admit the call.
    pub async fn begin_model_call(&self, call: ModelCall<'_>) -> Result<ModelCharge, ModelRefusal> {
        let own = call.key.and_then(|key| Some(BudgetLimit { owner: BudgetOwner::Key(key.id), budget: key.budget()? }));
        let limits: SmallVec<[BudgetLimit; 3]> = own.into_iter().chain(call.budgets.iter().copied()).collect();
        let mut amounts = SmallVec::<[i64; 3]>::new();
        for limit in &limits {
            amounts.push(call.worst_case.amount(limit.budget.unit)?);
        }
        let slot = match call.key {
            Some(key) => self.take_call_slot(key, call.worst_case.tokens).await?,
            None => None,
        };
        // Dropped, and so given back, if a later one is refused or the caller leaves.
        let mut holds = SmallVec::new();
        for (limit, amount) in limits.iter().zip(amounts) {
            holds.push(self.budgets.reserve(call.organization, limit, amount).await?);
        }
        Ok(ModelCharge::new(holds, slot))
    }

    /// `None` if the key has no limits of calls.
    async fn take_call_slot(&self, key: &CachedKey, tokens: Option<i64>) -> Result<Option<CallSlot>, ModelRefusal> {
        tokio::time::timeout(WAIT_LIMIT, self.wait_for_call_slot(key, tokens)).await.unwrap_or(Err(ModelRefusal::Unavailable))
    }

    /// Waits for the store if this instance needs more permits.
    async fn wait_for_call_slot(&self, key: &CachedKey, tokens: Option<i64>) -> Result<Option<CallSlot>, ModelRefusal> {
        loop {
            match self.call_limiters.take(key, tokens)? {
                CallTake::Unlimited => return Ok(None),
                CallTake::Taken(slot) => return Ok(Some(slot)),
                CallTake::Waits(exchange) => exchange.await.map_err(|()| ModelRefusal::Unavailable)?,
            }
        }
    }

    /// A budget in its current period, with what all instances have spent and reserved.
    pub async fn budget_state(&self, owner: BudgetOwner, budget: Budget) -> Result<BudgetState, StoreError> {
        let states = self.budgets.states(&[BudgetLimit { owner, budget }]).await?;
        Ok(states[0])
    }

    /// As [`Self::budget_state`], for many budgets, in the same order.
    pub async fn budget_states(&self, limits: &[BudgetLimit]) -> Result<Vec<BudgetState>, StoreError> {
        self.budgets.states(limits).await
    }

    /// Adopts the changed budget of a member or an organization for open calls. New calls come with the current budget, and that of a key is
    /// adopted when the key is read.
    pub fn observe_budget(&self, owner: BudgetOwner, budget: Option<Budget>) {
        self.budgets.observe(owner, budget);
    }

    /// Removes and returns the budgets of which 80 % or 100 % are used since the last call: each once in a period.
    pub fn take_budget_warnings(&self) -> Vec<BudgetWarning> {
        std::mem::take(&mut *lock(&self.budgets.warnings))
    }

    /// Gives back what was granted to this instance and is not used, of budgets that were not used for a second.
    pub async fn return_idle_budgets(&self) {
        if !self.loader.store.is_unavailable() {
            self.budgets.give_back(false).await;
        }
    }

    /// Gives back everything that was granted to this instance and is not used; called at shutdown.
    pub async fn return_budgets(&self) {
        self.budgets.give_back(true).await;
    }

    /// Counts what was granted to ended processes as spent, and records that this one is running if others share the database. Called at the start,
    /// from then on several times an hour, and when another instance has ended.
    pub async fn fold_budgets_of_ended_processes(&self) {
        self.budgets.fold_ended().await;
    }
}
