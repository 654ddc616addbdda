//! Removes the documents and indexes of deleted corpora, in short transactions, so that other writers do not wait.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use latchkey_store::{self as store, Store};
use latchkey_types::error::Error;

/// How often interrupted removals are continued.
const INTERVAL: Duration = Duration::from_mins(10);
/// Delay between a deletion and the removal, so that earlier queries have ended.
const DELAY: Duration = Duration::from_secs(1);

/// Background task that completes the removals of an earlier process and of failed attempts.
pub async fn run(store: Store) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        attempt(&store).await;
    }
}

/// Starts the removal after a corpus was deleted.
pub(crate) fn start(store: &Store) {
    let store = store.clone();
    tokio::spawn(async move {
        sleep(DELAY).await;
        attempt(&store).await;
    });
}

/// If this fails, a later attempt continues.
async fn attempt(store: &Store) {
    if let Err(error) = purge(store).await {
        tracing::warn!(%error, "cannot remove the documents of a deleted corpus yet");
    }
}

async fn purge(store: &Store) -> Result<(), Error> {
    for corpus in store::documents::deleted_corpora(store).await? {
        loop {
            let mut tx = store.begin().await?;
            let is_left = store::documents::remove_some(&mut tx, &corpus).await?;
            tx.commit().await?;
            if !is_left {
                break;
            }
        }
    }
    Ok(())
}
