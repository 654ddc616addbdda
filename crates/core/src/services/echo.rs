//! Records that the upstream of a service sent back the credential that it received.

use super::call::CallableService;
use crate::{Core, actor::Actor};
use latchkey_types::error::Error;
use latchkey_verify::CachedKey;

/// Audits that a response to a call with this key contained the service's credential `count` times, which was masked. Each instance writes at
/// most one event per minute and service; the others are only logged.
pub async fn record_echo(core: &Core, service: &CallableService, key: &CachedKey, count: u64) {
    tracing::warn!(service = %service.id, count, "an upstream sent back the credential that it received; it was masked");
    if !core.service_cache.is_first_echo(service.id) {
        return;
    }
    if let Err(error) = write(core, service, key, count).await {
        tracing::warn!(%error, service = %service.id, "cannot audit that a credential was sent back");
    }
}

async fn write(core: &Core, service: &CallableService, key: &CachedKey, count: u64) -> Result<(), Error> {
    let change = core.begin_unchecked(Actor::of_key(key, None)).await?;
    let event = change.event("service.secret_echoed", "service", service.id, &service.name).with("count", count);
    change.commit([event]).await
}
