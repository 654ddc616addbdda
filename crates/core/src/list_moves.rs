//! Deletes the record of how rows of lists moved.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use latchkey_store::{self as store, Store, WriteLock};
use latchkey_types::error::Error;

const CLEANUP_INTERVAL: Duration = Duration::from_mins(10);

/// Background task that deletes moves that no list needs any more.
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
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    store::keys::lists::delete_old_moves(&mut tx).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{beside_another_change, open_store};

    #[tokio::test]
    async fn the_cleanup_waits_for_no_organization() {
        let (store, _folder) = open_store().await;
        assert_eq!(beside_another_change(&store, delete_old(&store)).await, Ok(()));
    }
}
