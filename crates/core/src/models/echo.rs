//! Records that a provider sent back the credential that it received.

use super::catalog::Target;
use crate::{Core, actor::Actor};
use latchkey_types::error::Error;

/// Audits that a response to a call of this actor contained the target's credential `count` times, which was masked. Each instance writes at most
/// one event per minute and provider; the others are only logged.
pub async fn record_echo(core: &Core, target: &Target, actor: Actor, count: u64) {
    tracing::warn!(provider = %target.provider, count, "a provider sent back the credential that it received; it was masked");
    if !core.catalogs.failures.is_first_echo(target.provider) {
        return;
    }
    if let Err(error) = write(core, target, actor, count).await {
        tracing::warn!(%error, provider = %target.provider, "cannot audit that a credential was sent back");
    }
}

async fn write(core: &Core, target: &Target, actor: Actor, count: u64) -> Result<(), Error> {
    let change = core.begin_unchecked(actor).await?;
    let event = change.event("provider.secret_echoed", "provider", target.provider, &target.provider_name).with("count", count);
    change.commit([event]).await
}
