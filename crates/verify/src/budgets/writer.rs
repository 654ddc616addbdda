//! Stores shares: those that must grow, in batches, and those of which something is given back.

use std::{collections::HashMap, mem, sync::Arc};

use super::{Budgets, Share, lock, share::Plan};
use latchkey_store::{
    WriteLock,
    budgets::{self as store, NewShare, ShareKey},
};
use latchkey_types::{
    error::Error,
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

/// Number of shares in one transaction.
const BATCH: usize = 500;
/// For how long shares of periods that ended are stored, in milliseconds since the period began: 40 days after the end of a month.
const RETENTION_MS: i64 = 71 * DAY_MS;
/// A process has ended if it has not recorded for this long (milliseconds) that it is running: several times the interval of that. Instances end
/// earlier, with their registration.
const ENDED_AFTER_MS: i64 = 60 * MINUTE_MS;

/// The shares that must grow.
#[derive(Default)]
pub(super) struct Queue {
    shares: Vec<Arc<Share>>,
    /// Whether a task takes them from the queue.
    is_running: bool,
}

/// Stored shares by budget and period.
pub(super) fn by_key(stored: &[store::Share]) -> HashMap<&ShareKey, Vec<&store::Share>> {
    let mut by_key = HashMap::<&ShareKey, Vec<&store::Share>>::new();
    for share in stored {
        by_key.entry(&share.key).or_default().push(share);
    }
    by_key
}

impl Budgets {
    /// Lets a share grow as its waiting callers need, together with all others in the queue.
    pub(super) fn enqueue(self: &Arc<Self>, share: Arc<Share>) {
        let is_running = {
            let mut queue = lock(&self.queue);
            queue.shares.push(share);
            mem::replace(&mut queue.is_running, true)
        };
        if !is_running {
            let budgets = Arc::clone(self);
            tokio::spawn(async move {
                while let Some(batch) = budgets.next_batch() {
                    budgets.grow(batch).await;
                }
            });
        }
    }

    /// `None`, and no longer running, if the queue is empty.
    fn next_batch(&self) -> Option<Vec<Arc<Share>>> {
        let mut queue = lock(&self.queue);
        let count = queue.shares.len().min(BATCH);
        queue.is_running = count > 0;
        queue.is_running.then(|| queue.shares.drain(..count).collect())
    }

    async fn grow(self: &Arc<Self>, batch: Vec<Arc<Share>>) {
        let _writing = self.writing.lock().await;
        let plans = match self.commit_plans(&batch).await {
            Ok(plans) => plans,
            Err(error) => {
                tracing::warn!(%error, "cannot reserve budgets");
                for share in &batch {
                    share.fail();
                }
                return;
            }
        };
        for (share, plan) in batch.into_iter().zip(&plans) {
            let answers = share.apply(plan);
            let must_queue = answers.must_queue;
            answers.send();
            if must_queue {
                self.enqueue(share);
            }
        }
    }

    async fn commit_plans(&self, batch: &[Arc<Share>]) -> Result<Vec<Plan>, Error> {
        let mut tx = self.store.begin_locked(WriteLock::Nothing).await?;
        let keys: Vec<ShareKey> = batch.iter().map(|share| share.key.clone()).collect();
        store::lock(&mut tx, &keys).await?;
        let stored = store::shares(&self.store, &mut tx, &keys).await?;
        let by_key = by_key(&stored);
        let writer = self.writer();
        let plan = |share: &Arc<Share>| share.plan(by_key.get(&share.key).map(Vec::as_slice).unwrap_or_default(), &writer);
        let plans: Vec<Plan> = batch.iter().map(plan).collect();
        let rows: Vec<NewShare> = plans.iter().filter_map(|plan| plan.write.clone()).collect();
        if !rows.is_empty() {
            store::set_shares(&self.store, &mut tx, &writer, &rows).await?;
            tx.commit().await?;
        }
        Ok(plans)
    }

    /// Gives back what is granted to this instance and not used: by shares that are idle, or by all.
    pub(super) async fn give_back(&self, all: bool) {
        let _writing = self.writing.lock().await;
        let mut due = Vec::new();
        for shares in &self.shares {
            due.extend(shares.iter().filter(|share| share.can_give_back(all)).map(Arc::clone));
        }
        for batch in due.chunks(BATCH) {
            if let Err(error) = self.store_reduced(batch, all).await {
                tracing::warn!(%error, "cannot give back reserved budgets");
                return;
            }
        }
    }

    async fn store_reduced(&self, batch: &[Arc<Share>], all: bool) -> Result<(), Error> {
        // Only this instance writes its shares, and others that read too much of them are granted less.
        let mut tx = self.store.begin_locked(WriteLock::Nothing).await?;
        // In the transaction: until then, callers can still use it.
        let writer = self.writer();
        let reduced: Vec<_> = batch.iter().filter_map(|share| Some((share, share.give_back(all, &writer)?))).collect();
        let rows: Vec<NewShare> = reduced.iter().map(|(_, row)| row.clone()).collect();
        if rows.is_empty() {
            return Ok(());
        }
        store::set_shares(&self.store, &mut tx, &writer, &rows).await?;
        tx.commit().await?;
        for (share, row) in &reduced {
            share.confirm(row);
        }
        Ok(())
    }

    /// Counts what was granted to ended processes as spent. On a database of its own, these are all others.
    pub(super) async fn fold_ended(&self) {
        if let Err(error) = self.store_folded().await {
            tracing::warn!(%error, "cannot sum up the budgets of ended processes");
        }
    }

    async fn store_folded(&self) -> Result<(), Error> {
        let writer = self.writer();
        let mut tx = self.store.begin().await?;
        if !self.store.is_shared() {
            store::fold_ended(&self.store, &mut tx, &writer, Timestamp(i64::MAX)).await?;
            return tx.commit().await;
        }
        let now = Timestamp::now();
        let since = now.plus_ms(-ENDED_AFTER_MS);
        // Only those whose registration has ended while this process itself was not recorded: after a loss of the database, all others first have
        // to record that they are running.
        let is_recorded = store::record_writer(&mut tx, &writer, now, since).await?;
        store::fold_ended(&self.store, &mut tx, &writer, if is_recorded { since } else { Timestamp(0) }).await?;
        tx.commit().await
    }

    /// Drops shares that are not used from memory, and those of past periods from the store.
    pub(crate) async fn clean(&self) {
        self.shares.retain(|_, shares| {
            // No caller can get a share meanwhile: its entry is locked.
            shares.retain(|share| Arc::strong_count(share) > 1 || !share.is_forgettable());
            !shares.is_empty()
        });
        if let Err(error) = self.delete_old().await {
            tracing::warn!(%error, "cannot delete old budgets");
        }
    }

    async fn delete_old(&self) -> Result<(), Error> {
        let mut tx = self.store.begin_locked(WriteLock::Nothing).await?;
        store::delete_before(&mut tx, Timestamp::now().plus_ms(-RETENTION_MS)).await?;
        tx.commit().await
    }
}
