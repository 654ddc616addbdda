//! Removes the documents and indexes of deleted corpora, and what remains of replaced, deleted and interrupted documents, in short transactions, so
//! that other writers do not wait.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use latchkey_store::{self as store, Store, WriteLock, documents::DocumentCorpus};
use latchkey_types::error::Error;

/// How often interrupted removals are continued.
const INTERVAL: Duration = Duration::from_mins(10);
/// Delay between the deletion of a corpus and the removal, so that earlier queries have ended.
pub(crate) const DELETION_DELAY: Duration = Duration::from_secs(1);

/// Background task that completes the removals of an earlier process and of failed attempts.
pub async fn run(store: Store) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        attempt(&store).await;
    }
}

/// Starts a removal after this delay.
pub(crate) fn start(store: &Store, delay: Duration) {
    let store = store.clone();
    tokio::spawn(async move {
        sleep(delay).await;
        attempt(&store).await;
    });
}

/// Removes what remains of the replaced and deleted documents of a corpus. If this fails, a later attempt continues.
pub(super) async fn remove_hidden(store: &Store, corpus: &DocumentCorpus) {
    if let Err(error) = remove_all_hidden(store, corpus).await {
        warn(&error);
    }
}

/// If this fails, a later attempt continues.
async fn attempt(store: &Store) {
    if let Err(error) = purge(store).await {
        warn(&error);
    }
}

fn warn(error: &Error) {
    tracing::warn!(%error, "cannot remove deleted documents yet");
}

async fn purge(store: &Store) -> Result<(), Error> {
    for corpus in store::documents::deleted_corpora(store).await? {
        loop {
            let mut tx = store.begin_locked(WriteLock::Organization(corpus.organization)).await?;
            let is_left = store::documents::remove_some(&mut tx, &corpus).await?;
            tx.commit().await?;
            if !is_left {
                break;
            }
        }
    }
    for corpus in store::documents::corpora_with_leftovers(store).await? {
        remove_all_hidden(store, &corpus).await?;
    }
    Ok(())
}

async fn remove_all_hidden(store: &Store, corpus: &DocumentCorpus) -> Result<(), Error> {
    loop {
        let mut tx = store.begin_locked(WriteLock::Organization(corpus.organization)).await?;
        // The index of a deleted corpus is removed as a whole.
        let is_deleted = store::documents::corpus(&mut tx, corpus.organization, corpus.corpus).await?.is_none();
        let is_left = !is_deleted && store::documents::remove_hidden(&mut tx, corpus).await?;
        tx.commit().await?;
        if !is_left {
            return Ok(());
        }
    }
}
