//! The chain of the audit log on PostgreSQL. Transactions are concurrent there: a row in the chain of each would make all of them wait for one another.
//! Each commits its events as entries, with an HMAC of their own, and a task of every instance moves committed entries into the chain, one instance at a
//! time. An entry that is removed before that is reported by the instance that committed it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{Auditor, BATCH_SIZE, CHAIN_LIMIT, same};
use latchkey_store::{self as store, Connection, Effect, Store, Tx, WriteLock, WriteTask, audit::AuditRow};
use latchkey_types::error::Error;

/// Interval between searches for entries of other instances.
const CHAIN_EVERY: Duration = Duration::from_millis(400);
/// Pause after a batch, so that the entries of many transactions are chained in one.
const PAUSE: Duration = Duration::from_millis(50);
/// Pause after the chain was found altered, which is an error in the log each time.
const ALTERED_PAUSE: Duration = Duration::from_secs(10);
/// An event that is in none of the tables after this time was removed.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// The entries of this process.
#[derive(Default)]
pub(super) struct Sequencer {
    /// Whether a task chains entries. Otherwise each commit does: in admin commands, and before and after the task.
    is_running: AtomicBool,
    wake: Notify,
    /// The events that this process committed and has not seen chained, by their ids.
    committed: Mutex<HashMap<String, CommittedEvent>>,
    /// The altered entries that were logged.
    altered: Mutex<HashSet<String>>,
}

#[derive(Debug, Clone, Copy)]
struct CommittedEvent {
    at: Instant,
    /// Whether the database acknowledged the commit. Otherwise the transaction may have been rolled back.
    is_certain: bool,
}

impl Sequencer {
    fn committed(&self) -> MutexGuard<'_, HashMap<String, CommittedEvent>> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_committed(&self, ids: Vec<String>, is_certain: bool) {
        let event = CommittedEvent { at: Instant::now(), is_certain };
        self.committed().extend(ids.into_iter().map(|id| (id, event)));
    }

    fn remove_committed<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        let mut committed = self.committed();
        for id in ids {
            committed.remove(id);
        }
    }

    /// The events that should be chained by now, and whether their commits are certain.
    fn overdue(&self) -> Vec<(String, bool)> {
        let committed = self.committed();
        let overdue = committed.iter().filter(|(_, event)| event.at.elapsed() >= LOST_AFTER);
        overdue.map(|(id, event)| (id.clone(), event.is_certain)).collect()
    }

    /// Logs an altered entry, once.
    fn report_altered(&self, entry: &AuditRow) {
        if self.altered.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id.clone()) {
            tracing::error!(
                id = entry.id.as_str(),
                "an audit event was altered before it was chained: it stays in audit_entries; check the log with `latchkey admin verify-audit`"
            );
        }
    }
}

impl Auditor {
    /// Writes entries in the transaction of the changes they record, and commits it.
    pub(super) async fn commit_entries(&self, mut tx: Tx, mut entries: Vec<AuditRow>) -> Result<Option<Effect>, Error> {
        if entries.is_empty() {
            return tx.commit_effective().await;
        }
        self.continued_head(&mut tx).await?;
        for entry in &mut entries {
            entry.mac = self.mac_of_entry(entry);
        }
        store::audit::insert_entries(&mut tx, &entries).await?;
        let store = tx.store().clone();
        let effect = self.commit_watched(tx, entries).await?;
        if self.sequencer.is_running.load(Ordering::Acquire) {
            self.sequencer.wake.notify_one();
        } else {
            warn_if_failed(self.chain_entries(&store).await);
        }
        Ok(effect)
    }

    /// Commits a transaction, and adds its entries to those that must be chained. In a separate task: a caller that is cancelled while the commit
    /// waits for the other instances must not leave them out.
    async fn commit_watched(&self, tx: Tx, entries: Vec<AuditRow>) -> Result<Option<Effect>, Error> {
        let sequencer = Arc::clone(&self.sequencer);
        let commit = tokio::spawn(async move {
            let committed = tx.commit_effective().await;
            if matches!(committed, Ok(_) | Err(Error::Uncertain)) {
                sequencer.add_committed(entries.into_iter().map(|entry| entry.id).collect(), committed.is_ok());
            }
            committed
        });
        commit.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "the commit of a transaction panicked");
            Err(Error::Internal)
        })
    }

    /// Chains entries until `end` fires, then once more. A background task of each instance on PostgreSQL.
    pub async fn run_sequencer(self, store: Store, mut end: oneshot::Receiver<()>) {
        self.sequencer.is_running.store(true, Ordering::Release);
        let mut pause = PAUSE;
        loop {
            let mut has_ended = timeout(pause, &mut end).await.is_ok();
            if !has_ended {
                has_ended = tokio::select! {
                    // Elapses if this instance commits nothing.
                    _ = timeout(CHAIN_EVERY, self.sequencer.wake.notified()) => false,
                    _ = &mut end => true,
                };
            }
            if has_ended {
                // Before the last turn: what is committed from now on is chained by its commit.
                self.sequencer.is_running.store(false, Ordering::Release);
            }
            let turn = self.turn(&store).await;
            pause = if turn == Err(Error::Internal) { ALTERED_PAUSE } else { PAUSE };
            warn_if_failed(turn);
            if has_ended {
                return;
            }
        }
    }

    /// Checks the end of the chain, even if nothing is written, and chains what is committed.
    async fn turn(&self, store: &Store) -> Result<(), Error> {
        let head = self.stored_end(store).await?;
        self.advance_head(head);
        self.chain_committed(store).await?;
        self.report_lost(store).await
    }

    /// Chains what was committed before, so that a reader of the log finds it. If that takes too long, the reader does not.
    pub(crate) async fn chain_before_read(&self, store: &Store) {
        if store.is_shared()
            && let Ok(chained) = timeout(CHAIN_LIMIT, self.chain_committed(store)).await
        {
            warn_if_failed(chained);
        }
    }

    /// Chains all entries, without a transaction if there are none.
    async fn chain_committed(&self, store: &Store) -> Result<(), Error> {
        if store::audit::has_entries(store).await? { self.chain_entries(store).await } else { Ok(()) }
    }

    async fn chain_entries(&self, store: &Store) -> Result<(), Error> {
        let mut last = Some(String::new());
        while let Some(after) = last {
            last = self.chain_batch(store, &after).await?;
        }
        Ok(())
    }

    /// Moves the first entries after this id into the chain. Returns the id of the last one if there may be more.
    async fn chain_batch(&self, store: &Store, after: &str) -> Result<Option<String>, Error> {
        let mut tx = store.begin_locked(WriteLock::Task(WriteTask::AuditLog)).await?;
        let entries = store::audit::entries_after(store, &mut tx, after, BATCH_SIZE).await?;
        let is_full = i64::try_from(entries.len()).is_ok_and(|count| count == BATCH_SIZE);
        let last = entries.last().filter(|_| is_full).map(|entry| entry.id.clone());
        let altered = self.altered_among(store, &mut tx, &entries).await?;
        let (altered, authentic): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| altered.contains(&entry.id));
        for entry in &altered {
            self.sequencer.report_altered(entry);
        }
        let ids: Vec<String> = authentic.iter().map(|entry| entry.id.clone()).collect();
        if let Some(head) = self.append(&mut tx, authentic).await? {
            let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
            store::audit::delete_entries(&mut tx, &listed).await?;
            tx.commit().await?;
            self.advance_head(head);
            self.sequencer.remove_committed(listed);
        }
        Ok(last)
    }

    /// The ids of those of these entries that were changed or inserted: also a copy of an event that is in the chain.
    async fn altered_among(&self, store: &Store, db: &mut Connection, entries: &[AuditRow]) -> Result<HashSet<String>, Error> {
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let mut altered = store::audit::chained(store, db, &ids).await?;
        altered.extend(entries.iter().filter(|entry| !same(&entry.mac, &self.mac_of_entry(entry))).map(|entry| entry.id.clone()));
        Ok(altered)
    }

    fn mac_of_entry(&self, entry: &AuditRow) -> Vec<u8> {
        self.mac_of_row(&[&b"entry"[..]], entry)
    }

    /// Logs the events that this process committed and that are neither chained nor waiting for it.
    async fn report_lost(&self, store: &Store) -> Result<(), Error> {
        let overdue = self.sequencer.overdue();
        if overdue.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = overdue.iter().map(|(id, _)| id.as_str()).collect();
        let mut db = store.connection().await?;
        // In this order: one that is chained in between is found.
        let waiting = store::audit::unchained(store, &mut db, &ids).await?;
        let chained = store::audit::chained(store, &mut db, &ids).await?;
        for (id, is_certain) in overdue.iter().filter(|(id, _)| !waiting.contains(id) && !chained.contains(id)) {
            if *is_certain {
                tracing::error!(id, "an audit event was lost: it was removed from the database before it was chained");
            } else {
                tracing::warn!(id, "an audit event is not in the database: its transaction was rolled back, or it was removed before it was chained");
            }
        }
        self.sequencer.remove_committed(ids.into_iter().filter(|id| !waiting.contains(*id)));
        Ok(())
    }

    /// Verifies the entries. Returns how many there are.
    pub(super) async fn verify_entries(&self, store: &Store) -> anyhow::Result<i64> {
        if !store.is_shared() {
            return Ok(0);
        }
        let (mut count, mut after) = (0, String::new());
        loop {
            let mut db = store.connection().await?;
            let entries = store::audit::entries_after(store, &mut db, &after, BATCH_SIZE).await?;
            let Some(last) = entries.last() else { return Ok(count) };
            let altered = self.altered_among(store, &mut db, &entries).await?;
            // It may have been chained since it was read.
            let ids: Vec<&str> = altered.iter().map(String::as_str).collect();
            let unchained = store::audit::unchained(store, &mut db, &ids).await?;
            if let Some(id) = unchained.iter().min() {
                bail!("the audit log was altered: the event {id}, which is not chained yet, is not what was committed");
            }
            count += i64::try_from(entries.len())?;
            after.clone_from(&last.id);
        }
    }
}

fn warn_if_failed(chained: Result<(), Error>) {
    if let Err(error) = chained {
        tracing::warn!(%error, "cannot chain audit events yet");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::{accounts::console_actor_of, audit::Event, testing::open_store};
    use latchkey_crypto::random::Secret;
    use latchkey_store::{ChangeFeed, StoreOptions, verdict_changes::VerdictChange};
    use latchkey_types::id::OrganizationId;

    #[tokio::test]
    async fn the_events_of_a_cancelled_caller_are_watched() {
        let (store, data) = open_store().await;
        if !store.is_shared() {
            return;
        }
        let auditor = Auditor::new(&Secret::new([1; 32]));
        let mut tx = store.begin().await.unwrap();
        auditor.begin(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        // An instance that applies nothing: the commit waits for the end of its lease.
        let other = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
        ChangeFeed::new(&other).read().await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.touch(VerdictChange::SigningKeys);
        let console = console_actor_of(OrganizationId::new());
        let event = Event::new(&console, "signing_key.rotated", "organization", console.organization, "Acme");
        let is_committed = async {
            while !store::audit::has_entries(&store).await.unwrap() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            _ = auditor.commit(tx, [event]) => panic!("it does not wait for the other instance"),
            () = is_committed => {}
        }
        let watched = async {
            while auditor.sequencer.committed().is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(5), watched).await.expect("its event is watched");
        assert!(auditor.sequencer.committed().values().all(|event| event.is_certain));
    }

    #[test]
    fn only_events_that_are_not_chained_in_time_are_overdue() {
        let sequencer = Sequencer::default();
        sequencer.add_committed(["new", "late", "uncertain"].map(ToOwned::to_owned).to_vec(), true);
        sequencer.add_committed(vec!["uncertain".to_owned()], false);
        for id in ["late", "uncertain"] {
            let at = Instant::now().checked_sub(LOST_AFTER).unwrap();
            sequencer.committed().get_mut(id).unwrap().at = at;
        }
        let mut overdue = sequencer.overdue();
        overdue.sort_unstable();
        assert_eq!(overdue, [("late".to_owned(), true), ("uncertain".to_owned(), false)]);
        sequencer.remove_committed(["late"]);
        assert_eq!(sequencer.overdue().len(), 1);
    }
}
