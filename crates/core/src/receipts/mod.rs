//! Receipts: signed proofs of when a revocation became effective, and on which instances.

mod issuer;
mod keys;

use std::{cell::RefCell, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

pub(crate) use issuer::ReceiptIssuer;
pub use keys::public_keys;

use super::{Core, actor::Actor, audit::Event};
use latchkey_store::{self as store, Store, WriteLock, WriteTask, receipts::ReceiptRecord};
use latchkey_types::{
    error::Error,
    id::ReceiptId,
    permission::Permission,
    receipt::ReceiptSummary,
    rest::receipts::{Receipt, ReceiptChange, ReceiptObject},
    time::Timestamp,
};

/// For how long receipts are kept.
const KEPT_DAYS: i64 = 90;
/// How often older ones are deleted.
const CLEANUP_INTERVAL: Duration = Duration::from_hours(1);

tokio::task_local! {
    /// The receipts of the changes in [`collect`].
    static ISSUED: RefCell<Vec<ReceiptSummary>>;
}

/// Runs `work`, and returns its result with the receipts of the changes that it made.
pub async fn collect<T>(work: impl Future<Output = T>) -> (T, Vec<ReceiptSummary>) {
    ISSUED.scope(RefCell::default(), async { (work.await, ISSUED.with(RefCell::take)) }).await
}

/// Adds a receipt to those that [`collect`] returns.
fn record(receipt: ReceiptSummary) {
    // Fails outside of `collect`, where receipts are not collected.
    let _ = ISSUED.try_with(|issued| issued.borrow_mut().push(receipt));
}

/// What the receipt of a change with these audit events states: the first action, and all objects with it. `None` without events.
pub(crate) fn change_of(events: &[Event]) -> Option<ReceiptChange> {
    let action = events.first()?.action();
    let objects = events.iter().filter(|event| event.action() == action).map(|event| {
        let (kind, id) = event.object();
        ReceiptObject { kind: kind.to_owned(), id: id.to_owned() }
    });
    Some(ReceiptChange { action: action.to_owned(), objects: objects.collect() })
}

/// A receipt of the organization. Needs *View Keys*.
///
/// # Errors
/// `NotFound` also for a receipt of another organization.
pub async fn get(core: &Core, actor: &Actor, id: ReceiptId) -> Result<Receipt, Error> {
    actor.require(Permission::ViewKeys)?;
    let record = store::receipts::find(&core.store, actor.organization, id).await?.ok_or(Error::NotFound)?;
    receipt_of(record).map_err(|error| {
        tracing::error!(%error, %id, "the stored receipt is malformed");
        Error::Internal
    })
}

fn receipt_of(record: ReceiptRecord) -> Result<Receipt, serde_json::Error> {
    let ReceiptRecord { id, committed_at, effective_at, took_ms, change, instances, jws } = record;
    let (change, instances) = (serde_json::from_str(&change)?, serde_json::from_str(&instances)?);
    Ok(Receipt { id, change, committed_at: committed_at.into(), effective_at: effective_at.into(), took_ms, instances, jws })
}

/// Background task that deletes receipts after [`KEPT_DAYS`], and public keys when no receipt needs them any more.
pub async fn run_cleanup(store: Store) {
    let mut ticks = interval(CLEANUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // If this fails, the next tick retries.
        let _ = delete_old(&store, Timestamp::now()).await;
    }
}

async fn delete_old(store: &Store, now: Timestamp) -> Result<(), Error> {
    let end = now.plus_days(-KEPT_DAYS);
    let mut tx = store.begin_locked(WriteLock::Task(WriteTask::Receipts)).await?;
    store::receipts::delete_before(&mut tx, end).await?;
    // What a key signed last is as old as its retirement.
    store::receipts::delete_keys_retired_before(&mut tx, end).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests;
