//! Key verification from an in-memory cache.

mod background;
mod budgets;
mod cache;
mod cached_key;
mod call_limiters;
mod credits;
mod dependencies;
mod evaluate;
mod gateway_epochs;
mod identity_hasher;
mod key_creators;
mod key_set;
mod limiter;
mod loader;
mod rate_limit_interner;
mod serve_stale;
mod shared_limits;
mod thread_cache;
mod token_window;
mod usage;
mod verdict;
mod window;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use prometheus::IntCounter;
use tokio::sync::broadcast;
use zeroize::Zeroizing;

pub use background::{join_instances, return_credits, run_shared_limits, watch_changes, write_usage};
pub use budgets::{BudgetLimit, BudgetOwner, BudgetWarning, ModelCall, ModelCharge, ModelRefusal, WorstCase};
pub use cached_key::{CachedKey, ProjectGrant};
pub use evaluate::{VerdictCode, VerifyRequest, has_scope, is_origin_allowed};
pub use key_creators::KeyCreator;
pub use limiter::{CachedCredits, CachedLimits, RateLimitState};
pub use usage::thread_number;
pub use verdict::Verdict;

use budgets::Budgets;
use cache::KeyCache;
use call_limiters::CallLimiters;
use credits::{PendingReservation, RETURN_BATCH, Reserve};
use dependencies::DependencyFlags;
use gateway_epochs::GatewayEpochs;
use latchkey_crypto::key_format::{self, KeyDigest, Pepper};
use latchkey_store::{
    self as store, Store,
    keys::credits::{CreditBalance, UnspentCredits},
    verdict_changes::VerdictChange,
};
use latchkey_types::{
    error::Error,
    id::{KeyId, OrganizationId},
    time::Timestamp,
};
use limiter::{AddressLimiters, Decision, Limiter, Remaining, ticks};
use loader::KeyLoader;
use serve_stale::ServeStale;
use shared_limits::SharedLimits;
use usage::UsageCounters;

/// How many attempts of one evaluation may find an outdated record.
const OUTDATED_ATTEMPTS: u32 = 3;
/// For how long one evaluation reserves credits, in milliseconds: other callers may spend what it reserved.
const RESERVE_LIMIT_MS: i64 = 1500;

/// Reports of notifications that are kept for a receiver. One that lags further has missed some.
const NOTIFICATION_REPORTS_MAX: usize = 1024;

/// What the published changes tell of notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationReport {
    /// The notification with this sequence number was stored, by any instance. It may be reported twice.
    Stored(i64),
    /// Others may have been stored.
    Missed,
}

/// Looks up and evaluates keys.
pub struct Verifier {
    pepper: Pepper,
    loader: Arc<KeyLoader>,
    cache: Arc<KeyCache>,
    serve_stale: ServeStale,
    address_limiters: AddressLimiters,
    call_limiters: Arc<CallLimiters>,
    /// `None` on SQLite, which has one instance.
    shared_limits: Option<Arc<SharedLimits>>,
    budgets: Arc<Budgets>,
    usage: UsageCounters,
    gateway_epochs: GatewayEpochs,
    notification_reports: broadcast::Sender<NotificationReport>,
}

impl Verifier {
    pub fn new(store: Store, pepper: Pepper) -> Self {
        let shared_limits = store.is_shared().then(|| Arc::new(SharedLimits::new(store.clone())));
        Self::with_limits(store, pepper, shared_limits)
    }

    fn with_limits(store: Store, pepper: Pepper, shared_limits: Option<Arc<SharedLimits>>) -> Self {
        let dependencies = Arc::<DependencyFlags>::default();
        let budgets = Arc::new(Budgets::new(store.clone()));
        let loader = KeyLoader::new(store, Arc::clone(&dependencies), Arc::clone(&budgets), shared_limits.clone());
        Self {
            pepper,
            loader: Arc::new(loader),
            cache: Arc::new(KeyCache::new(dependencies)),
            serve_stale: ServeStale::default(),
            address_limiters: AddressLimiters::new(shared_limits.clone()),
            call_limiters: Arc::new(CallLimiters::new(shared_limits.clone())),
            shared_limits,
            budgets,
            usage: UsageCounters::new(),
            gateway_epochs: GatewayEpochs::default(),
            notification_reports: broadcast::Sender::new(NOTIFICATION_REPORTS_MAX),
        }
    }

    /// Sets for how long cached keys are still evaluated while the store is unreachable.
    pub fn serve_stale(&self, limit: Duration) {
        self.serve_stale.set_limit(limit);
    }

    /// Returns the presented key from the cache or the store; `None` if it is forged, unknown or deleted, if its secret was replaced, or if only a
    /// newer version can judge it. Holds no lock across an await.
    ///
    /// # Errors
    /// [`store::StoreError::Unavailable`] once the loss is detected, also for cached keys, unless serve-stale is enabled.
    pub async fn find(&self, presented: &str) -> Result<Option<Arc<CachedKey>>, store::StoreError> {
        Ok(self.look_up(presented).await?.filter(|key| !key.has_unknown_requirement))
    }

    /// Same as [`Self::find`], also for keys that only a newer version can judge.
    async fn look_up(&self, presented: &str) -> Result<Option<Arc<CachedKey>>, store::StoreError> {
        if !self.is_serving() {
            return Err(store::StoreError::Unavailable);
        }
        let digest = self.pepper.digest(presented);
        let key = if let Some(key) = self.cache.get(&digest) {
            Some(key)
        } else if !key_format::is_plausible(presented) {
            None
        } else {
            let read = Arc::clone(&self.loader).read(digest, Zeroizing::new(presented.to_owned()));
            self.cache.get_or_read(digest, read).await?
        };
        Ok(key.filter(|key| key.is_current()))
    }

    /// Applies `read` to the presented key if it is cached, using the per-thread cache. On `None` call [`Self::find`]. Meant for the keys of
    /// API callers, which are few.
    pub fn with_recent<T>(&self, presented: &str, read: impl FnOnce(&CachedKey) -> T) -> Option<T> {
        if !self.is_serving() {
            return None;
        }
        let is_usable = |key: &CachedKey| key.is_current() && !key.has_unknown_requirement;
        self.cache.with_recent(&self.pepper.digest(presented), |key| is_usable(key).then(|| read(key))).flatten()
    }

    /// Whether cached keys are evaluated: the store is reachable, or serve-stale is active.
    fn is_serving(&self) -> bool {
        !self.loader.store.is_unavailable() || self.serve_stale.is_active()
    }

    /// Applies a committed change: keys that it affects are read again. The state of rate limits and credits is kept.
    pub fn apply(&self, change: &VerdictChange) {
        match change {
            VerdictChange::Key(digest) => {
                if let Some(digest) = KeyDigest::from_stored(digest) {
                    self.cache.invalidate(&digest);
                }
            }
            VerdictChange::SigningKeys => self.invalidate_all(),
            VerdictChange::Gateway(organization) => self.gateway_epochs.advance(*organization),
            VerdictChange::Notification(seq) => self.report(NotificationReport::Stored(*seq)),
            VerdictChange::Creator(_) | VerdictChange::Role(_) | VerdictChange::Project(_) | VerdictChange::Corpus(..) => {
                self.cache.invalidate_dependents(change);
            }
        }
    }

    /// Removes all keys from the cache: after a change of the signing keys, or if changes were missed.
    pub fn invalidate_all(&self) {
        // The key set first: a concurrent read that uses the old one is then not cached.
        self.loader.signing_keys.invalidate();
        self.cache.invalidate_all();
        self.gateway_epochs.advance_all();
        self.report(NotificationReport::Missed);
    }

    /// What later changes report about notifications.
    pub fn notification_reports(&self) -> broadcast::Receiver<NotificationReport> {
        self.notification_reports.subscribe()
    }

    fn report(&self, report: NotificationReport) {
        // Fails only without a receiver.
        let _ = self.notification_reports.send(report);
    }

    /// Changes whenever services, upstreams or credentials of the organization may have changed, also on another instance. Data that was read
    /// under an earlier value is outdated, so read this before the store.
    pub fn gateway_epoch(&self, organization: OrganizationId) -> u64 {
        self.gateway_epochs.get(organization)
    }

    /// Evaluates a key of an organization. If it is valid, consumes its limits and records the use.
    pub async fn evaluate(&self, organization: OrganizationId, request: &VerifyRequest<'_>) -> Result<Verdict, store::StoreError> {
        let mut attempts = Attempts::default();
        loop {
            // Without a time limit in the usual case, which needs no timer.
            let found =
                if attempts.reserving_since.is_none() { self.look_up(&request.key).await } else { attempts.limit(self.look_up(&request.key)).await };
            let found = found?.filter(|key| key.creator.organization == organization);
            let now = Timestamp::now();
            let code = evaluate::evaluate(found.as_deref(), request, now);
            let key = match found {
                Some(key) if code == VerdictCode::Valid => key,
                found => return Ok(Verdict::new(code, found, Remaining::default())),
            };
            let Some(limits) = &key.limits else {
                self.record_use(&key, now);
                return Ok(Verdict::new(code, Some(key), Remaining::default()));
            };
            match self.take(&key, limits, request, now) {
                Decision::Allowed(remaining) => {
                    self.ensure_holds_permits()?;
                    self.record_use(&key, now);
                    return Ok(Verdict::new(VerdictCode::Valid, Some(key), remaining));
                }
                Decision::RateLimited(remaining) => return Ok(Verdict::new(VerdictCode::RateLimited, Some(key), remaining)),
                Decision::CreditsExhausted(remaining) => return Ok(Verdict::new(VerdictCode::UsageExceeded, Some(key), remaining)),
                Decision::NeedsPermits(exchange) => {
                    attempts.count_reservation()?;
                    attempts.limit(exchange.map(|done| done.map_err(|()| store::StoreError::Unavailable))).await?;
                }
                Decision::NeedsCredits(missing) => {
                    attempts.count_reservation()?;
                    if !attempts.limit(self.reserve(key.id, &limits.limiter, missing)).await? {
                        // The credits were removed since the record was read.
                        attempts.count_outdated()?;
                        self.cache.invalidate(&key.digest);
                    }
                }
                Decision::Outdated => {
                    attempts.count_outdated()?;
                    self.cache.invalidate(&key.digest);
                    if attempts.outdated > 1 {
                        // The record was just read: the database was restored, or the balance is being set. A reservation reads its version.
                        attempts.count_reservation()?;
                        attempts.limit(self.reserve(key.id, &limits.limiter, request.cost())).await?;
                    }
                }
            }
        }
    }

    /// Fails if the lease has ended since the evaluation began: the others may count the permits of this instance as used.
    fn ensure_holds_permits(&self) -> Result<(), store::StoreError> {
        if self.shared_limits.is_none() || self.is_serving() { Ok(()) } else { Err(store::StoreError::Unavailable) }
    }

    /// Consumes the limits of a key and, if the client's address is given, those of the address, or nothing.
    fn take(&self, key: &CachedKey, limits: &CachedLimits, request: &VerifyRequest<'_>, now: Timestamp) -> Decision {
        let take = || limits.limiter.take(limits, request.cost(), now);
        let Some((address, rates)) = request.ip.zip(limits.address_rates()) else { return take() };
        let taken = self.address_limiters.take(key.id, address, rates, take);
        taken.unwrap_or_else(|ms| Decision::RateLimited(Remaining { address_retry_after: Some(ms), ..limits.limiter.remaining(limits) }))
    }

    /// Gives back what a valid evaluation has taken from the credits, because the request was refused for another reason. It still counts in the rate
    /// limits.
    pub fn give_back_credits(&self, verdict: &mut Verdict, cost: u32) {
        let cost = i64::from(cost);
        if self.return_spent(verdict, cost) {
            verdict.credits = verdict.credits.map(|left| left + cost);
        }
    }

    /// Whether they could be returned: not if the balance was set since they were spent.
    fn return_spent(&self, verdict: &Verdict, cost: i64) -> bool {
        let Some((key, limits)) = verdict.key().and_then(|key| Some((key, key.limits.as_ref()?))) else { return false };
        let Some(credits) = limits.credits().filter(|_| verdict.is_valid()) else { return false };
        let is_returned = limits.limiter.lock().reserve().return_spent(credits.version, cost);
        if is_returned {
            self.loader.keys_with_reserved_credits.insert(key.id);
        }
        is_returned
    }

    /// Reserves more credits; concurrent callers of the same key share one reservation. Returns whether the key has a credit limit at all.
    async fn reserve(&self, id: KeyId, limiter: &Arc<Limiter>, missing: i64) -> Result<bool, store::StoreError> {
        let pending = {
            let mut state = limiter.lock();
            if let Some(pending) = &state.reserve().pending {
                pending.clone()
            } else {
                let requested = state.reserve().next_block(missing, ticks());
                let pending = self.start_reservation(id, limiter, missing, requested);
                state.reserve().pending = Some(pending.clone());
                pending
            }
        };
        pending.await.map_err(|()| store::StoreError::Unavailable)
    }

    fn start_reservation(&self, id: KeyId, limiter: &Arc<Limiter>, missing: i64, requested: i64) -> PendingReservation {
        let (loader, limiter) = (Arc::clone(&self.loader), Arc::clone(limiter));
        let task = tokio::spawn(async move {
            let block = credits::reserve(&loader.store, id, missing, requested).await;
            let mut state = limiter.lock();
            state.reserve().pending = None;
            let Some(block) = block.map_err(drop)? else { return Ok(false) };
            state.reserve().add(block, ticks());
            loader.keys_with_reserved_credits.insert(id);
            Ok(true)
        });
        async move { task.await.unwrap_or(Err(())) }.boxed().shared()
    }

    /// Credits that this instance has reserved and not spent; the store counts them as spent.
    pub fn reserved_credits(&self, id: KeyId, account: &CreditBalance) -> i64 {
        self.loader.find_limiter(id).map_or(0, |limiter| limiter.lock().reserve().reserved_of(account.version))
    }

    /// Records a use of a key; written to the store about once a second.
    pub fn record_use(&self, key: &CachedKey, at: Timestamp) {
        self.usage.record(key, at);
    }

    /// Writes all recorded usage.
    pub async fn flush(&self) {
        self.usage.flush_all(&self.loader.store).await;
    }

    /// Writes one batch of recorded usage; returns whether nothing is left that could be written.
    pub async fn flush_batch(&self) -> bool {
        self.usage.flush(&self.loader.store).await
    }

    /// Milliseconds since the last successful write or empty flush, and the number of keys with unwritten usage.
    pub fn flush_age(&self) -> (i64, usize) {
        self.usage.age()
    }

    /// Changes whenever the signing keys may have changed, also through another instance.
    pub fn signing_keys_epoch(&self) -> u64 {
        self.loader.signing_keys.epoch()
    }

    /// Number of cached keys, and of cached unknown digests.
    pub fn sizes(&self) -> (usize, u64) {
        self.cache.sizes()
    }

    /// Counts reads of the store for keys that are not cached.
    pub fn store_reads(&self) -> &IntCounter {
        &self.loader.reads
    }

    /// Remaining seconds of the serve-stale window; `None` if it is not active.
    pub fn stale_seconds_left(&self) -> Option<u64> {
        self.serve_stale.seconds_left()
    }

    /// Deletes outdated keys, old usage counts and budgets, and idle limiters.
    pub async fn clean(&self) {
        self.cache.remove_outdated();
        self.loader.drop_idle();
        self.call_limiters.clean();
        if let Some(limits) = &self.shared_limits {
            limits.delete_expired().await;
        }
        self.budgets.clean().await;
        usage::UsageCounters::delete_old(&self.loader.store).await;
    }

    /// Returns reserved credits that were not spent for a while to the store.
    pub async fn return_idle_credits(&self) {
        if !self.loader.store.is_unavailable() {
            self.return_unspent(&self.take_unspent(|reserve| reserve.is_unused(ticks()))).await;
        }
    }

    /// Returns all reserved, unspent credits to the store; called at shutdown.
    pub async fn return_credits(&self) {
        self.return_unspent(&self.take_unspent(|_| true)).await;
    }

    /// Takes the reserved credits that fulfil the condition.
    fn take_unspent(&self, condition: impl Fn(&Reserve) -> bool) -> Vec<UnspentCredits> {
        let mut unspent = Vec::new();
        for key in self.loader.keys_with_reserved_credits.take() {
            let Some(limiter) = self.loader.find_limiter(key) else { continue };
            let mut state = limiter.lock();
            let reserve = state.reserve();
            if reserve.has_credits() && condition(reserve) {
                unspent.push(reserve.take_unspent(key));
            } else if reserve.has_credits() {
                self.loader.keys_with_reserved_credits.insert(key);
            }
        }
        unspent
    }

    /// Returns credits in batches, until one fails. Those that were not returned can be spent again.
    async fn return_unspent(&self, unspent: &[UnspentCredits]) {
        for (index, batch) in unspent.chunks(RETURN_BATCH).enumerate() {
            let Err(error) = credits::return_unspent(&self.loader.store, batch).await else { continue };
            tracing::warn!(%error, "cannot return reserved credits");
            let rest = &unspent[index * RETURN_BATCH..];
            // Credits that may have been returned are given up: they must not be granted twice.
            self.put_back(if error == Error::Uncertain { &rest[batch.len()..] } else { rest });
            return;
        }
    }

    fn put_back(&self, unspent: &[UnspentCredits]) {
        for credits in unspent {
            self.loader.get_or_create(credits.key).lock().reserve().put_back(credits);
            self.loader.keys_with_reserved_credits.insert(credits.key);
        }
    }

    /// Adopts the id of this instance before its lease begins, under which it holds parts of limits and budgets.
    fn adopt_instance(&self) {
        let id = self.loader.store.instance().id.to_string();
        self.budgets.adopt_instance(&id);
        if let Some(limits) = &self.shared_limits {
            limits.adopt_instance(&id);
        }
    }

    fn set_unavailable(&self, lost: bool) {
        self.serve_stale.set_unavailable(lost);
        self.loader.store.set_unavailable(lost);
    }
}

/// Bounds the attempts of one evaluation.
#[derive(Default)]
struct Attempts {
    outdated: u32,
    /// Time of the first reservation, in ticks.
    reserving_since: Option<i64>,
}

impl Attempts {
    fn count_outdated(&mut self) -> Result<(), store::StoreError> {
        self.outdated += 1;
        if self.outdated < OUTDATED_ATTEMPTS { Ok(()) } else { Err(store::StoreError::Unavailable) }
    }

    fn count_reservation(&mut self) -> Result<(), store::StoreError> {
        let since = *self.reserving_since.get_or_insert_with(ticks);
        if ticks() - since <= RESERVE_LIMIT_MS { Ok(()) } else { Err(store::StoreError::Unavailable) }
    }

    /// Waits no longer than until [`RESERVE_LIMIT_MS`] after the first reservation.
    async fn limit<T>(&self, wait: impl Future<Output = Result<T, store::StoreError>>) -> Result<T, store::StoreError> {
        let elapsed = self.reserving_since.map_or(0, |since| ticks() - since);
        let left = Duration::from_millis(u64::try_from(RESERVE_LIMIT_MS - elapsed).unwrap_or(0));
        tokio::time::timeout(left, wait).await.unwrap_or(Err(store::StoreError::Unavailable))
    }
}

#[cfg(test)]
mod tests;
