//! The catalogs in memory. Each contains decrypted credentials until something of it changes.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::sync::Mutex;

use super::{catalog::Catalog, failure::Failures, read::read};
use crate::{Core, idle_secrets::IDLE_TIMEOUT};
use latchkey_types::{
    error::Error,
    id::OrganizationId,
    time::{DAY_MS, Timestamp},
};
use latchkey_verify::BudgetOwner;

/// Maximum number of catalogs in memory.
const CAPACITY: u64 = 10_000;
/// Number of locks among which reads are distributed.
const READ_LOCKS: usize = 16;
/// For how long a catalog with an unreadable credential is kept: it becomes readable without a change in the database when the operator
/// restores the master key.
const UNREADABLE_FOR: Duration = Duration::from_secs(5);

/// The catalogs of organizations.
pub struct CatalogCache {
    entries: Cache<OrganizationId, Entry>,
    hasher: RandomState,
    /// The lock of a catalog is held while it is read; other callers wait for the result.
    reading: [Mutex<()>; READ_LOCKS],
    pub(super) failures: Failures,
}

#[derive(Clone)]
struct Entry {
    /// The [`latchkey_verify::Verifier::gateway_epoch`] before the catalog was read.
    epoch: u64,
    until: Instant,
    catalog: Arc<Catalog>,
}

impl Default for CatalogCache {
    fn default() -> Self {
        let entries = Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(CAPACITY).time_to_idle(IDLE_TIMEOUT).build();
        Self { entries, hasher: RandomState::new(), reading: Default::default(), failures: Failures::default() }
    }
}

impl CatalogCache {
    /// The models of the organization, as they are now. Does not check permissions.
    ///
    /// # Errors
    /// `Unavailable` while the database is unavailable, unless keys are still verified and the catalog is in memory; `Internal` if a stored
    /// value is invalid.
    pub async fn get(&self, core: &Core, organization: OrganizationId) -> Result<Arc<Catalog>, Error> {
        if core.store.is_unavailable() && core.verifier.stale_seconds_left().is_none() {
            return Err(Error::Unavailable);
        }
        if let Some(catalog) = self.cached(core.verifier.gateway_epoch(organization), organization) {
            return Ok(catalog);
        }
        let _reading = self.lock_of(organization).lock().await;
        // Before the read, so that a change during it makes the result outdated.
        let epoch = core.verifier.gateway_epoch(organization);
        if let Some(catalog) = self.cached(epoch, organization) {
            return Ok(catalog);
        }
        let previous = self.entries.get(&organization).map(|entry| entry.catalog);
        let found = read(core, organization, previous.as_deref()).await?;
        self.failures.add(&found.failing);
        observe_budgets(core, organization, previous.as_deref(), &found.catalog);
        let catalog = Arc::new(found.catalog);
        let until = Instant::now() + if found.is_unreadable { UNREADABLE_FOR } else { until_midnight(Timestamp::now()) };
        self.entries.insert(organization, Entry { epoch, until, catalog: Arc::clone(&catalog) });
        Ok(catalog)
    }

    fn cached(&self, epoch: u64, organization: OrganizationId) -> Option<Arc<Catalog>> {
        let entry = self.entries.get(&organization)?;
        let is_current = entry.epoch == epoch && entry.until > Instant::now();
        is_current.then_some(entry.catalog)
    }

    fn lock_of(&self, organization: OrganizationId) -> &Mutex<()> {
        let index = self.hasher.hash_one(organization) % READ_LOCKS as u64;
        &self.reading[usize::try_from(index).unwrap_or_default()]
    }

    pub(crate) fn evict_idle(&self) {
        self.entries.run_pending_tasks();
    }
}

/// The time until the next day in UTC: from then on, the built-in table can have other prices.
fn until_midnight(now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(DAY_MS - now.0.rem_euclid(DAY_MS)).unwrap_or_default())
}

/// Adopts the budgets for open calls: another instance may have changed them.
fn observe_budgets(core: &Core, organization: OrganizationId, previous: Option<&Catalog>, current: &Catalog) {
    core.verifier.observe_budget(BudgetOwner::Organization(organization), current.organization_budget);
    let earlier = previous.into_iter().flat_map(|previous| previous.member_budgets.keys());
    for user in earlier.chain(current.member_budgets.keys()) {
        core.verifier.observe_budget(BudgetOwner::Member(*user), current.member_budgets.get(user).copied());
    }
}
