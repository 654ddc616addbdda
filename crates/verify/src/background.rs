//! Background tasks: watching for changes by other instances and for loss of the database, and writing usage.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::Verifier;
use latchkey_store::{self as store, Store, verdict_changes};

/// Interval between reads of changes. Together with one read it stays below the guaranteed 250 ms.
const READ_EVERY: Duration = Duration::from_millis(150);
/// If a read takes longer, the database counts as lost. Together with [`READ_EVERY`] it stays below the guaranteed 2 s.
const READ_LIMIT: Duration = Duration::from_secs(1);
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Interval between searches for reserved credits that are not used.
const RETURN_EVERY: Duration = Duration::from_secs(1);
/// While a backlog exists, the pause between writes is at least this many times the duration of the last write.
const PAUSE_FACTOR: u32 = 19;

/// Applies changes by other instances, endlessly. A failed read is also how a loss of the database is detected.
pub async fn watch_changes(store: Store, verifier: Arc<Verifier>) {
    let mut timer = interval(READ_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        timer.tick().await;
        let read = timeout(READ_LIMIT, apply_changes(&store, &verifier, seen)).await;
        seen = read.ok().and_then(Result::ok);
        verifier.set_unavailable(seen.is_none());
    }
}

/// Applies the changes after sequence number `seen` and returns the newest one. `None`, at the start and after a loss, invalidates the whole
/// cache.
async fn apply_changes(store: &Store, verifier: &Verifier, seen: Option<i64>) -> Result<i64, store::StoreError> {
    let Some(seen) = seen else {
        let newest = verdict_changes::newest(store).await?;
        verifier.invalidate_all();
        return Ok(newest);
    };
    let changes = verdict_changes::after(store, seen).await?;
    // A gap: the process was suspended for longer than changes are retained.
    if changes.first().is_some_and(|first| first.seq != seen + 1) {
        verifier.invalidate_all();
    }
    for published in &changes {
        match published.change() {
            Some(change) => verifier.apply(&change),
            None => verifier.invalidate_all(),
        }
    }
    Ok(changes.last().map_or(seen, |last| last.seq))
}

/// Old counts are deleted once per this many writes.
const CLEAN_EVERY: u32 = 600;

/// Writes usage until `end` fires, then once more. Separate from [`watch_changes`], which must not wait for a slow write.
pub async fn write_usage(verifier: Arc<Verifier>, mut end: oneshot::Receiver<()>) {
    let mut timer = interval(WRITE_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in (0..CLEAN_EVERY).cycle() {
        let ended = tokio::select! {
            _ = timer.tick() => false,
            _ = &mut end => true,
        };
        if ended {
            verifier.flush().await;
            return;
        }
        let started = Instant::now();
        if !verifier.flush_batch().await {
            // More keys were used than one batch holds. Verification has priority over writing.
            timer.reset_after(WRITE_EVERY.max(started.elapsed() * PAUSE_FACTOR));
        }
        if turn == 0 {
            verifier.clean().await;
        }
    }
}

/// Returns reserved credits that are not used until `end` fires, then all of them.
pub async fn return_credits(verifier: Arc<Verifier>, mut end: oneshot::Receiver<()>) {
    let mut timer = interval(RETURN_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = timer.tick() => verifier.return_idle_credits().await,
            _ = &mut end => break,
        }
    }
    verifier.return_credits().await;
}
