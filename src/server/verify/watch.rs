//! What goes on beside the calls: asking whether the database is there, applying what other processes changed, writing uses.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::Verifier;
use crate::server::{
    state::AppState,
    store::{self, Store, changes},
};

/// How often changes are read. With the time of one read it stays under the 250 ms that are promised.
const READ_EVERY: Duration = Duration::from_millis(150);
/// A database that takes longer to tell its changes is lost. With the time between two reads it stays under the 2 s that are promised.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How often uses are written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// As many times as long as a write took nothing is written, where others wait to be.
const REST: u32 = 19;

/// Reads what changed, for ever. Reading it is also how a loss of the database is noticed.
pub async fn watch(state: AppState) {
    let mut turns = interval(READ_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        turns.tick().await;
        let read = timeout(ANSWER_LIMIT, apply_changes(&state.store, &state.verifier, seen)).await;
        seen = read.ok().and_then(Result::ok);
        state.verifier.set_lost(seen.is_none());
    }
}

/// Applies what came after the last change seen. With none seen, at the start or after a loss, nothing that is known counts any more.
async fn apply_changes(store: &Store, verifier: &Verifier, seen: Option<i64>) -> Result<i64, store::Error> {
    let Some(seen) = seen else {
        let newest = changes::newest(store).await?;
        verifier.forget(None);
        return Ok(newest);
    };
    let changes = changes::after(store, seen).await?;
    // A gap: this process slept longer than changes are kept.
    if changes.first().is_some_and(|first| first.seq != seen + 1) {
        verifier.forget(None);
    }
    for change in &changes {
        verifier.forget(change.digest.as_deref());
    }
    Ok(changes.last().map_or(seen, |last| last.seq))
}

/// How often counts that nobody asks for any more are dropped, an hour of them at a time; in turns of writing.
const CLEAN_EVERY: u32 = 600;

/// Writes uses until it is told to end, and then once more. Apart from the reading, which must not wait for a slow write.
pub async fn write_uses(state: AppState, mut end: oneshot::Receiver<()>) {
    let mut turns = interval(WRITE_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in (0..CLEAN_EVERY).cycle() {
        let ended = tokio::select! {
            _ = turns.tick() => false,
            _ = &mut end => true,
        };
        if ended {
            state.verifier.flush().await;
            state.verifier.give_back().await;
            return;
        }
        let begun = Instant::now();
        if !state.verifier.flush_some().await {
            // More keys were used than are written at once. Those who verify come first.
            turns.reset_after(WRITE_EVERY.max(begun.elapsed() * REST));
        }
        if turn == 0 {
            state.verifier.clean().await;
        }
    }
}
