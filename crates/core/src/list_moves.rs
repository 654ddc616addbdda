//! Deletes the record of how rows of lists moved.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use latchkey_store::{self as store, Store};
use latchkey_types::error::Error;

const CLEANUP_INTERVAL: Duration = Duration::from_mins(10);

/// Background task that deletes moves of which no list needs to know any more.
pub async fn run_cleanup(store: Store) {
    let mut ticks = interval(CLEANUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // If this fails, the next tick retries.
        let _ = delete_old(&store).await;
    }
}

async fn delete_old(store: &Store) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    store::keys::lists::delete_old_moves(&mut tx).await?;
    tx.commit().await
}
