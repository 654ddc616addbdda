//! Usage of language models that is not written yet. Collected per core, written once a second.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use latchkey_crypto::random;
use latchkey_store::{
    self as store, Store, WriteLock, WriteTask,
    model_usage::{CallTotals, HourUsage, UsageKey},
};
use latchkey_types::{
    budget::{TOKENS_MAX, TokenCounts, UsageState},
    dollars::Dollars,
    error::Error,
    id::{KeyId, ModelId, OrganizationId, ProviderId, UserId},
    time::{MINUTE_MS, Timestamp},
};
use latchkey_verify::thread_number;

pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Rows per transaction, to keep the write lock short.
const BATCH_SIZE: usize = 5000;

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct CallUsage {
    pub organization: OrganizationId,
    /// The member to whom the call is counted.
    pub user: UserId,
    /// `None` for calls from the page.
    pub key: Option<KeyId>,
    pub model: ModelId,
    pub model_name: String,
    pub provider: ProviderId,
    /// When the call began.
    pub at: Timestamp,
    pub is_failure: bool,
    pub tokens: TokenCounts,
    /// `None` counts as 0: see `state`.
    pub cost: Option<Dollars>,
    /// `None` if nothing was used.
    pub state: Option<UsageState>,
}

/// Usage of language models that is not written yet; cheap to clone.
#[derive(Clone)]
pub struct ModelUsage(Arc<Counters>);

struct Counters {
    /// One per core: a thread that records a call contends with the writer only.
    shards: Box<[Mutex<Counted>]>,
    pending: Mutex<Pending>,
    /// Identifies this instance's batches in the store.
    writer: String,
    /// Held during a write: batches are written in the order of their numbers.
    writing: tokio::sync::Mutex<()>,
}

/// By what is counted and the hour since 1970: the model's name and the sums.
type Counted = HashMap<(UsageKey, i64), (String, CallTotals)>;

#[derive(Default)]
struct Pending {
    counted: Counted,
    /// A batch that may have been committed. Written again unchanged, so that the store can recognize it.
    in_doubt: Option<Batch>,
    /// Number of the last batch.
    last_batch: i64,
}

/// Usage that is written in one transaction.
struct Batch {
    /// Counted up by the writer.
    number: i64,
    rows: Vec<HourUsage>,
    /// Whether an earlier attempt to write it may have been committed.
    is_in_doubt: bool,
}

fn add(counted: &mut Counted, key: (UsageKey, i64), name: String, totals: CallTotals) {
    let (last_name, sums) = counted.entry(key).or_default();
    *last_name = name;
    sums.add(totals);
}

impl Pending {
    /// The batch in doubt, or else a new one; `None` if nothing is pending.
    fn next_batch(&mut self) -> Option<Batch> {
        if let Some(batch) = self.in_doubt.take() {
            return Some(batch);
        }
        let keys: Vec<(UsageKey, i64)> = self.counted.keys().take(BATCH_SIZE).copied().collect();
        let take = |(key, hour): (UsageKey, i64)| {
            let (model_name, totals) = self.counted.remove(&(key, hour))?;
            Some(HourUsage { key, hour, model_name, totals })
        };
        let rows: Vec<HourUsage> = keys.into_iter().filter_map(take).collect();
        if rows.is_empty() {
            return None;
        }
        self.last_batch += 1;
        Some(Batch { number: self.last_batch, rows, is_in_doubt: false })
    }

    /// Keeps a batch whose write failed, for the next one.
    fn keep(&mut self, mut batch: Batch, error: &Error) {
        batch.is_in_doubt |= *error == Error::Uncertain;
        if batch.is_in_doubt {
            self.in_doubt = Some(batch);
            return;
        }
        for HourUsage { key, hour, model_name, totals } in batch.rows {
            add(&mut self.counted, (key, hour), model_name, totals);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for ModelUsage {
    fn default() -> Self {
        Self::new()
    }
}

impl ModelUsage {
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Counters {
            shards: (0..cores).map(|_| Mutex::default()).collect(),
            pending: Mutex::default(),
            writer: format!("{:032x}", u128::from_be_bytes(random::bytes())),
            writing: tokio::sync::Mutex::default(),
        }))
    }

    /// Counts a call. Written about a second later.
    pub fn record(&self, usage: CallUsage) {
        let CallUsage { organization, user, key, model, model_name, provider, at, is_failure, tokens, cost, state } = usage;
        let key = UsageKey { organization, user, key, model, provider, state };
        let totals =
            CallTotals { calls: 1, failures: i64::from(is_failure), tokens: plausible(tokens), cost: Dollars(cost.map_or(0, |cost| cost.0.max(0))) };
        let shards = &self.0.shards;
        add(&mut lock(&shards[thread_number() % shards.len()]), (key, at.0.div_euclid(HOUR_MS)), model_name, totals);
    }

    /// Writes everything that was recorded, unless a write fails: the rest is kept for the next flush.
    pub async fn flush(&self, store: &Store) {
        let counters = &*self.0;
        let _writing = counters.writing.lock().await;
        loop {
            let Some(mut batch) = counters.collect().next_batch() else { return };
            if let Err(error) = write(store, &counters.writer, &mut batch).await {
                lock(&counters.pending).keep(batch, &error);
                return;
            }
        }
    }
}

impl Counters {
    /// Moves what is in the shards to `pending`.
    fn collect(&self) -> MutexGuard<'_, Pending> {
        let mut pending = lock(&self.pending);
        for shard in &self.shards {
            let counted = mem::take(&mut *lock(shard));
            for (key, (name, totals)) in counted {
                add(&mut pending.counted, key, name, totals);
            }
        }
        pending
    }
}

/// Bounds what a hostile provider can report: sums stay far below what a column holds.
fn plausible(tokens: TokenCounts) -> TokenCounts {
    let bounded = |count: i64| count.clamp(0, TOKENS_MAX);
    TokenCounts {
        input: bounded(tokens.input),
        cached: bounded(tokens.cached),
        cache_write: bounded(tokens.cache_write),
        output: bounded(tokens.output),
        reasoning: bounded(tokens.reasoning),
    }
}

/// Writes a batch in one transaction, unless an earlier attempt was committed.
async fn write(store: &Store, writer: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut tx = store.begin_locked(WriteLock::Task(WriteTask::ModelUsage)).await?;
    let is_new = store::usage::record_batch(&mut tx, writer, batch.number, Timestamp::now()).await?;
    // This transaction began after an earlier attempt had ended, so the answer is certain.
    batch.is_in_doubt = false;
    if !is_new {
        return Ok(());
    }
    store::model_usage::add(store, &mut tx, &batch.rows).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at: i64, name: &str, state: Option<UsageState>) -> CallUsage {
        CallUsage {
            organization: OrganizationId::new(),
            user: UserId::new(),
            key: None,
            model: ModelId::new(),
            model_name: name.to_owned(),
            provider: ProviderId::new(),
            at: Timestamp(at),
            is_failure: false,
            tokens: TokenCounts { input: 100, output: 7, ..TokenCounts::default() },
            cost: Some(Dollars(1500)),
            state,
        }
    }

    #[test]
    fn calls_are_summed_by_hour_and_state() {
        let usage = ModelUsage::new();
        let first = call(HOUR_MS - 1, "old", Some(UsageState::Reported));
        usage.record(first.clone());
        usage.record(CallUsage { model_name: "new".to_owned(), is_failure: true, ..first.clone() });
        usage.record(CallUsage { at: Timestamp(HOUR_MS), ..first.clone() });
        usage.record(CallUsage { state: Some(UsageState::Estimated), cost: None, ..first });
        let batch = usage.0.collect().next_batch().unwrap();
        let mut rows: Vec<_> = batch.rows.iter().map(|row| (row.hour, row.key.state.map_or("", UsageState::as_str), row.totals)).collect();
        rows.sort_unstable_by_key(|(hour, state, _)| (*hour, *state));
        let tokens = |times: i64| TokenCounts { input: 100 * times, output: 7 * times, ..TokenCounts::default() };
        let totals = |calls, failures, cost| CallTotals { calls, failures, tokens: tokens(calls), cost: Dollars(cost) };
        assert_eq!(rows, [(0, "estimated", totals(1, 0, 0)), (0, "reported", totals(2, 1, 3000)), (1, "reported", totals(1, 0, 1500))]);
        assert!(batch.rows.iter().any(|row| row.model_name == "new") && usage.0.collect().next_batch().is_none());
    }

    #[test]
    fn a_failed_batch_is_kept_and_one_in_doubt_is_repeated() {
        let usage = ModelUsage::new();
        usage.record(call(1, "a", None));
        let batch = usage.0.collect().next_batch().unwrap();
        usage.0.collect().keep(batch, &Error::Unavailable);
        let batch = usage.0.collect().next_batch().unwrap();
        assert_eq!((batch.number, batch.rows.len()), (2, 1));
        usage.0.collect().keep(batch, &Error::Uncertain);
        usage.record(call(2, "b", None));
        let again = usage.0.collect().next_batch().unwrap();
        assert_eq!((again.number, again.is_in_doubt, again.rows[0].model_name.as_str()), (2, true, "a"));
    }

    #[test]
    fn absurd_counts_are_bounded() {
        let tokens = plausible(TokenCounts { input: i64::MAX, cached: -1, ..TokenCounts::default() });
        assert_eq!((tokens.input, tokens.cached), (TOKENS_MAX, 0));
    }
}
