//! Background tasks: writing usage, and deleting what is old.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

use super::{ModelUsage, counters::HOUR_MS};
use crate::call_bodies;
use latchkey_events::EventLog;
use latchkey_store::{self as store, Store, WriteLock, WriteTask};
use latchkey_types::{error::Error, time::Timestamp};

/// Interval between writes of usage. Together with one write it stays below the second of usage that a crash may lose.
const WRITE_EVERY: Duration = Duration::from_millis(750);
const DELETE_EVERY: Duration = Duration::from_hours(1);
/// For how many hours usage by hour is kept; the page shows the last 24.
const HOURS_KEPT: i64 = 7 * 24;

/// Writes usage until `end` fires, then once more.
pub async fn write_usage(usage: ModelUsage, store: Store, mut end: oneshot::Receiver<()>) {
    let mut timer = interval(WRITE_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let has_ended = tokio::select! {
            _ = timer.tick() => false,
            _ = &mut end => true,
        };
        usage.flush(&store).await;
        if has_ended {
            return;
        }
    }
}

/// Deletes old usage by hour, and the calls that organizations no longer keep in their logs, with their bodies, endlessly.
pub async fn delete_old(store: Store, log: EventLog) {
    let mut timer = interval(DELETE_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let now = Timestamp::now();
        let deleted = (delete_hours(&store, now).await, delete_calls(&store, &log, now).await);
        for error in [deleted.0.err(), deleted.1.err()].into_iter().flatten() {
            tracing::warn!(%error, "cannot delete old usage and calls of language models");
        }
    }
}

pub(super) async fn delete_hours(store: &Store, now: Timestamp) -> Result<(), Error> {
    let mut tx = store.begin_locked(WriteLock::Task(WriteTask::ModelUsage)).await?;
    store::model_usage::delete_hours_before(&mut tx, now.0.div_euclid(HOUR_MS) - HOURS_KEPT).await?;
    tx.commit().await
}

async fn delete_calls(store: &Store, log: &EventLog, now: Timestamp) -> Result<(), Error> {
    let kept = store::model_calls::days_kept(store).await?;
    let mut result = log.delete_old(&kept, now).await;
    for (organization, days) in kept {
        // The others are deleted even if those of one organization cannot be.
        result = result.and(call_bodies::delete_before(store, organization, now.plus_days(-days)).await);
    }
    result
}
