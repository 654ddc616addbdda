//! What goes on beside the calls: asking whether the database is there, applying what other processes changed, writing uses.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::server::{
    state::AppState,
    store::{self, changes},
};

/// How often changes are read. With the time of one read it stays under the 250 ms that are promised.
const EVERY: Duration = Duration::from_millis(150);
/// Uses are written every so many turns: about once a second.
const TURNS_PER_FLUSH: u32 = 7;

/// Runs until it is dropped.
pub async fn watch(state: AppState) {
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    for turn in 0u32.. {
        turns.tick().await;
        seen = apply_changes(&state, seen).await.ok();
        if turn % TURNS_PER_FLUSH == 0 && seen.is_some() {
            state.verifier.flush().await;
        }
    }
}

/// Applies what came after the last change seen. With none seen, at the start or after a loss, nothing that is known counts any more.
async fn apply_changes(state: &AppState, seen: Option<i64>) -> Result<i64, store::Error> {
    state.store.heartbeat().await?;
    let Some(seen) = seen else {
        let newest = changes::newest(state.store.read()?).await?;
        state.verifier.forget(None);
        return Ok(newest);
    };
    let changes = changes::after(&state.store, seen).await?;
    // A gap: this process slept longer than changes are kept.
    if changes.first().is_some_and(|first| first.seq != seen + 1) {
        state.verifier.forget(None);
    }
    for change in &changes {
        state.verifier.forget(change.digest.as_deref());
    }
    Ok(changes.last().map_or(seen, |last| last.seq))
}
