//! Background tasks: watching for changes by other instances and for loss of the database, and writing usage.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::Verifier;
use latchkey_store::{self as store, ChangeFeed, FeedRead, InstancesView, Store, boottime_us, verdict_changes};

/// Interval between reads of changes on SQLite. Together with one read it stays below the guaranteed 250 ms.
const READ_EVERY: Duration = Duration::from_millis(150);
/// If a read takes longer, the database counts as lost. Together with [`READ_EVERY`] it stays below the guaranteed 2 s.
const READ_LIMIT: Duration = Duration::from_secs(1);
/// For as long, changes may not be readable on PostgreSQL until the database counts as lost.
const READ_LIMIT_US: i64 = 1_000_000;
/// Interval between writes of usage. Together with one write it stays below the second of usage that a crash may lose.
const WRITE_EVERY: Duration = Duration::from_millis(750);
/// Interval between searches for reserved credits and parts of budgets that are not used.
const RETURN_EVERY: Duration = Duration::from_secs(1);
/// Interval between searches for limits that are shared and not used.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Once per this many searches, limits that are not held are dropped.
const DROP_EVERY: u32 = 16;
/// Interval between searches for processes that have ended. A process that does not search for an hour counts as ended.
const FOLD_EVERY: Duration = Duration::from_mins(10);
/// While a backlog exists, the pause between writes is at least this many times the duration of the last write.
const PAUSE_FACTOR: u32 = 19;

/// Applies changes by other instances and admin commands. A failed read is also how a loss of the database is detected. Endless, unless the
/// database was upgraded and this version is too old for it.
pub async fn watch_changes(store: Store, verifier: Arc<Verifier>) {
    if store.is_shared() {
        keep_lease(&store, &verifier).await;
    } else {
        poll_changes(&store, &verifier).await;
    }
}

/// Registers this instance on PostgreSQL, and begins its lease. From now on it serves nothing without a lease, so [`watch_changes`] must follow.
pub async fn join_instances(store: &Store, verifier: &Verifier) -> Result<(), store::StoreError> {
    store.lease().require();
    let mut feed = ChangeFeed::new(store);
    let read = feed.read().await?;
    apply(verifier, &read);
    feed.record_applied(read).await
}

/// Reads, applies and confirms changes, which keeps the lease of this instance.
async fn keep_lease(store: &Store, verifier: &Verifier) {
    let mut feed = ChangeFeed::new(store);
    let (mut applied_at, mut was_leased) = (boottime_us(), true);
    loop {
        let applied = match feed.read().await {
            Ok(read) if read.oldest_program > Store::newest_migration() => {
                let needed = read.oldest_program;
                tracing::error!("this version of latchkey is too old for the database, which needs schema {needed}: upgrade it");
                return;
            }
            Ok(read) => {
                apply(verifier, &read);
                feed.record_applied(read).await
            }
            Err(error) => Err(error),
        };
        let has_lease = store.lease().is_valid();
        match &applied {
            Ok(()) => {
                applied_at = boottime_us();
                verifier.set_unavailable(false);
                if !was_leased {
                    tracing::info!("lease held again");
                }
            }
            // A single failure, such as a closed connection, may be over before the lease ends.
            Err(error) => {
                if boottime_us() - applied_at > READ_LIMIT_US {
                    verifier.set_unavailable(true);
                }
                if was_leased && !has_lease {
                    tracing::error!(%error, "lease ended: no key is valid until the changes can be read again");
                }
            }
        }
        was_leased = has_lease;
        store.count_feed_turn();
        feed.wait().await;
    }
}

fn apply(verifier: &Verifier, read: &FeedRead) {
    if !read.is_continued {
        // This instance was registered, possibly under another id.
        verifier.adopt_instance();
        verifier.invalidate_all();
        return;
    }
    for change in &read.changes {
        match change {
            Some(change) => verifier.apply(change),
            None => verifier.invalidate_all(),
        }
    }
}

/// Applies changes by admin commands, endlessly.
async fn poll_changes(store: &Store, verifier: &Verifier) {
    let mut timer = interval(READ_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        timer.tick().await;
        let read = timeout(READ_LIMIT, apply_changes(store, verifier, seen)).await;
        seen = read.ok().and_then(Result::ok);
        verifier.set_unavailable(seen.is_none());
        store.count_feed_turn();
    }
}

/// Applies the changes after sequence number `seen` and returns the newest one. `None`, at the start and after a loss, invalidates the whole
/// cache.
async fn apply_changes(store: &Store, verifier: &Verifier, seen: Option<i64>) -> Result<i64, store::StoreError> {
    let Some(seen) = seen else { return skip_to_newest(store, verifier).await };
    let changes = verdict_changes::from(store, seen).await?;
    // The newest change is never deleted, so that the last one seen is still there, or newer ones. Otherwise the process was suspended for longer
    // than changes are retained, or the database went back to an earlier state.
    let first = changes.first().map(|first| first.seq);
    let is_continued = if seen == 0 { first.is_none_or(|first| first == 1) } else { first == Some(seen) };
    if !is_continued {
        return skip_to_newest(store, verifier).await;
    }
    for published in changes.iter().filter(|published| published.seq > seen) {
        match published.change() {
            Some(change) => verifier.apply(&change),
            None => verifier.invalidate_all(),
        }
    }
    Ok(changes.last().map_or(seen, |last| last.seq))
}

/// Returns the newest sequence number, and invalidates the whole cache because changes may have been missed.
async fn skip_to_newest(store: &Store, verifier: &Verifier) -> Result<i64, store::StoreError> {
    // In this order: what is cached from now on has all changes up to that number.
    let newest = verdict_changes::newest(store).await?;
    verifier.invalidate_all();
    Ok(newest)
}

/// Old counts are deleted once per this many writes.
const CLEAN_EVERY: u32 = 800;

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

/// Returns reserved credits and parts of budgets that are not used until `end` fires, then all of them.
pub async fn return_credits(verifier: Arc<Verifier>, mut end: oneshot::Receiver<()>) {
    let (mut timer, mut fold_timer) = (interval(RETURN_EVERY), interval(FOLD_EVERY));
    for timer in [&mut timer, &mut fold_timer] {
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut instances = verifier.loader.store.known_instances();
    loop {
        tokio::select! {
            _ = fold_timer.tick() => verifier.fold_budgets_of_ended_processes().await,
            _ = timer.tick() => {
                verifier.return_idle_credits().await;
                verifier.return_idle_budgets().await;
                let current = verifier.loader.store.known_instances();
                if has_ended(&instances, &current) {
                    verifier.fold_budgets_of_ended_processes().await;
                }
                instances = current;
            }
            _ = &mut end => break,
        }
    }
    verifier.return_credits().await;
    verifier.return_budgets().await;
}

/// Whether one of the earlier instances is missing.
fn has_ended(before: &InstancesView, now: &InstancesView) -> bool {
    before.instances.iter().any(|instance| !now.instances.iter().any(|other| other.id == instance.id))
}

/// Gives back permits of shared limits that are not used until `end` fires, then all of them. On PostgreSQL.
pub async fn run_shared_limits(verifier: Arc<Verifier>, mut end: oneshot::Receiver<()>) {
    let Some(limits) = &verifier.shared_limits else { return };
    let mut timer = interval(SWEEP_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in (0..DROP_EVERY).cycle() {
        tokio::select! {
            _ = timer.tick() => limits.sweep(),
            _ = &mut end => break,
        }
        if turn == 0 {
            limits.drop_idle();
        }
    }
    limits.give_back_all().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CachedKey, evaluate::tests::client_key, tests::open_store};
    use latchkey_crypto::key_format::{KeyDigest, Pepper};
    use zeroize::Zeroizing;

    #[tokio::test]
    async fn each_change_is_applied_and_a_gap_empties_the_cache() {
        let (store, _folder) = open_store().await;
        let verifier = Verifier::new(store.clone(), Pepper::new(&Zeroizing::new([1; 32])));
        let digest = |byte: u8| KeyDigest::from_stored(&[byte; 32]).unwrap();
        let fill = async || {
            for byte in [1, 2] {
                let key = CachedKey { digest: digest(byte), ..client_key("a") };
                verifier.cache.get_or_read(digest(byte), std::future::ready(Ok(Some(key)))).await.unwrap();
            }
            assert_eq!(verifier.sizes().0, 2);
        };
        let newest = verdict_changes::newest(&store).await.unwrap();
        fill().await;
        assert_eq!(apply_changes(&store, &verifier, None).await.unwrap(), newest);
        assert_eq!(verifier.sizes().0, 0, "changes may have been missed");
        fill().await;
        assert_eq!(apply_changes(&store, &verifier, Some(newest)).await.unwrap(), newest);
        assert_eq!(verifier.sizes().0, 2);
        for seq in 1..3 {
            let mut tx = store.begin().await.unwrap();
            tx.touch(verdict_changes::VerdictChange::Key(vec![1; 32]));
            tx.commit().await.unwrap();
            assert_eq!(apply_changes(&store, &verifier, Some(newest + seq - 1)).await.unwrap(), newest + seq);
            assert_eq!(verifier.sizes().0, 1, "the other key is not affected");
            fill().await;
        }
        assert_eq!(apply_changes(&store, &verifier, Some(newest - 1)).await.unwrap(), newest + 2);
        assert_eq!(verifier.sizes().0, 0, "there is a gap");
        fill().await;
        assert_eq!(apply_changes(&store, &verifier, Some(newest + 2)).await.unwrap(), newest + 2);
        assert_eq!(verifier.sizes().0, 2, "nothing has changed");
        assert_eq!(apply_changes(&store, &verifier, Some(newest + 3)).await.unwrap(), newest + 2);
        assert_eq!(verifier.sizes().0, 0, "the database went back to an earlier state");
    }
}
