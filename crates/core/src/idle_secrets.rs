//! Decrypted secrets are removed from memory when the gateway no longer uses them.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{corpora::backends::BackendCache, models::CatalogCache, services::call::ServiceCache};

/// For how long what contains a decrypted secret stays in memory without being used.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// Interval between evictions.
const EVICT_EVERY: Duration = Duration::from_secs(10);

/// Background task that evicts idle services, models and upstreams. The caches themselves do so only while they are used.
pub async fn run_eviction(services: Arc<ServiceCache>, catalogs: Arc<CatalogCache>, backends: Arc<BackendCache>) {
    let mut ticks = interval(EVICT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        services.evict_idle();
        catalogs.evict_idle();
        backends.evict_idle();
    }
}
