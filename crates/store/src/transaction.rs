//! Write transactions.

use std::{
    collections::HashSet,
    fmt, mem,
    ops::{Deref, DerefMut},
};

use futures_util::{future::BoxFuture, stream::BoxStream};
use sqlx::{
    Any, Describe, Either, Execute, Executor, SqlStr,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};

use super::{
    Connection, Store, StoreError,
    documents::DocumentCorpus,
    effect::{self, Commit, Effect},
    engine::{self, WordIndex},
    lease::boottime_us,
    verdict_changes::{self, VerdictChange},
    write_permits::WritePermit,
};
use latchkey_types::{error::Error, id::OrganizationId, time::Timestamp};

/// Which other write transactions a transaction excludes on PostgreSQL. On SQLite, each excludes all others.
///
/// A rule whose transactions are concurrent must not rely on what it has read, unless a lock of the rows or a constraint ensures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteLock {
    /// All others.
    Everything,
    /// Those of the same organization: for rules about its objects. Objects of several organizations have only unique numbers, names of
    /// organizations and email addresses in common, which sequences and constraints ensure.
    Organization(OrganizationId),
    /// Those of the same organization with [`WriteLock::Organization`]: for rules about rows that they lock. Members, roles, corpora and everything
    /// else of the organization is as they read it until they commit.
    Rows(OrganizationId),
    /// Those of the same task.
    Task(WriteTask),
    /// Only [`WriteLock::Everything`]: for statements that are correct by themselves, and for rows that they lock.
    Nothing,
}

/// What the background tasks of all instances write, one of them at a time. The numbers are part of the ids of locks: instances of other versions use
/// the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTask {
    Usage = 0,
    ModelUsage = 1,
    CallLog = 2,
    Receipts = 3,
    AuditLog = 4,
}

/// A write transaction. It is rolled back if it is dropped without [`Tx::commit`].
pub struct Tx {
    // Dropped before the permit, so that the next writer begins after the rollback was requested.
    transaction: Connection,
    _permit: WritePermit,
    store: Store,
    verdict_changes: Vec<VerdictChange>,
    /// Whether one of them may take access away.
    takes_access: bool,
}

impl Store {
    /// Begins a write transaction that excludes all others.
    ///
    /// # Errors
    /// Those of [`Store::begin_locked`].
    pub async fn begin(&self) -> Result<Tx, Error> {
        self.begin_locked(WriteLock::Everything).await
    }

    /// Begins a write transaction, after the earlier ones that it excludes.
    ///
    /// # Errors
    /// `Unavailable` if the database is unavailable, or if the earlier ones do not end in time.
    pub async fn begin_locked(&self, lock: WriteLock) -> Result<Tx, Error> {
        let statement = self.engine.lock(lock);
        let permit = self.write_permits.wait(lock, statement.and_then(|(_, id)| id)).await?;
        let store = self.clone();
        // In a separate task: if a cancelled caller drops the future inside `begin`, sqlx 0.9 returns the connection to the pool with its
        // transaction open (sqlx#4385).
        in_task(async move {
            store.engine.check_file()?;
            let mut transaction = Connection::begin(store.read()?, store.engine.begin()).await.map_err(StoreError::from)?;
            if let Some((sql, id)) = statement {
                let query = sqlx::query(sql);
                let query = if let Some(id) = id { query.bind(id) } else { query };
                query.execute(&mut transaction).await.map_err(StoreError::from)?;
            }
            Ok(Tx { transaction, _permit: permit, store, verdict_changes: Vec::new(), takes_access: false })
        })
        .await
    }

    /// Begins a transaction for several reads, which all see the same state of the database. It ends when it is dropped.
    ///
    /// # Errors
    /// `Unavailable` if the database is unavailable.
    pub async fn begin_read(&self) -> Result<Connection, Error> {
        let store = self.clone();
        // In a separate task, as in [`Store::begin`].
        in_task(async move { Ok(Connection::begin(store.read()?, store.engine.begin_read()).await.map_err(StoreError::from)?) }).await
    }
}

impl Tx {
    /// Commits, and publishes what was touched to the subscriber of this instance and, through the database, to the other instances. Returns when
    /// what was taken away is accepted by no instance any more.
    ///
    /// # Errors
    /// `Uncertain` if the database did not answer: the transaction may have been committed. After any other error it was not.
    pub async fn commit(self) -> Result<(), Error> {
        self.commit_effective().await.map(drop)
    }

    /// Commits as [`Tx::commit`] does. Returns on which instances the change is effective; `None` if it takes no access away.
    ///
    /// # Errors
    /// Those of [`Tx::commit`].
    pub async fn commit_effective(mut self) -> Result<Option<Effect>, Error> {
        // In a separate task: a cancelled caller must not leave a committed change unpublished.
        in_task(async move {
            let began = boottime_us();
            let mut seen = HashSet::new();
            let mut changes = mem::take(&mut self.verdict_changes);
            changes.retain(|change| seen.insert(change.clone()));
            let xid = verdict_changes::insert(&mut self.transaction, &self.store.engine, &changes).await?;
            let Self { transaction, _permit: permit, store, takes_access, .. } = self;
            transaction.commit().await.map_err(commit_error)?;
            let commit = Commit { began, acknowledged: boottime_us(), at: Timestamp::now(), xid };
            store.publish(&changes);
            // The next writer does not wait for the other instances.
            drop(permit);
            if !changes.is_empty() {
                store.wake_others();
            }
            Ok(if takes_access { Some(effect::wait(&store, &commit).await) } else { None })
        })
        .await
    }

    /// Adds a change that may take access away, to be published by the commit, which waits until it is effective on every instance.
    pub fn touch(&mut self, change: VerdictChange) {
        self.verdict_changes.push(change);
        self.takes_access = true;
    }

    /// Adds a change that can only give access, to be published by the commit, which does not wait for the other instances.
    pub(crate) fn touch_added(&mut self, change: VerdictChange) {
        self.verdict_changes.push(change);
    }

    /// The store that it changes.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether other instances may write at the same time, so that rows must be locked.
    pub(crate) fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// See [`super::engine::Engine::next_number`].
    pub(crate) fn next_number(&self, table: &str, column: &str) -> String {
        self.store.engine.next_number(table, column)
    }

    /// See [`super::engine::Engine::for_update`].
    pub(crate) fn for_update(&self) -> &'static str {
        self.store.engine.for_update()
    }

    /// See [`super::engine::Engine::for_update_of_unlocked`].
    pub(crate) fn for_update_of_unlocked(&self) -> &'static str {
        self.store.engine.for_update_of_unlocked()
    }

    /// See [`super::engine::Engine::bytewise_collation`].
    pub(crate) fn bytewise_collation(&self) -> &'static str {
        self.store.engine.bytewise_collation()
    }

    /// See [`super::engine::Engine::lock_budgets`].
    pub(crate) fn lock_budgets(&self) -> Option<String> {
        self.store.engine.lock_budgets()
    }

    /// See [`super::engine::Engine::lock_digests`].
    pub(crate) fn lock_digests(&self) -> Option<String> {
        self.store.engine.lock_digests()
    }

    /// See [`super::engine::Engine::now_ms`].
    pub(crate) fn now_ms(&self) -> &'static str {
        self.store.now_ms()
    }

    /// See [`super::engine::Engine::json_rows`].
    pub(crate) fn json_rows(&self) -> &'static str {
        self.store.json_rows()
    }

    /// See [`super::engine::Engine::bytes_of_hex`].
    pub(crate) fn bytes_of_hex(&self, expression: &str) -> String {
        self.store.engine.bytes_of_hex(expression)
    }

    /// See [`super::engine::Engine::has_call_partitions`].
    pub(crate) fn has_call_partitions(&self) -> bool {
        self.store.engine.has_call_partitions()
    }

    /// The full-text index of a corpus.
    pub(crate) fn word_index(&self, corpus: &DocumentCorpus) -> WordIndex {
        corpus.word_index(&self.store)
    }

    /// Whether notifications are also sent by mail.
    pub(crate) fn notifies_by_mail(&self) -> bool {
        self.store.is_mail_enabled()
    }
}

/// A COMMIT that the database rejects did not take effect. After any other failure it may have.
fn commit_error(error: sqlx::Error) -> Error {
    let is_rejection = |code: &str| !engine::is_unavailable_code(code) || engine::is_rollback_code(code);
    let is_rejected = error.as_database_error().is_some_and(|rejection| rejection.code().is_none_or(|code| is_rejection(&code)));
    if is_rejected {
        return StoreError::from(error).into();
    }
    tracing::error!(%error, "it is not certain whether a transaction was committed");
    Error::Uncertain
}

async fn in_task<T: Send + 'static>(work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "transaction panicked");
        Err(Error::Internal)
    })
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.transaction
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

/// Runs statements as the connection does.
impl<'c> Executor<'c> for &'c mut Tx {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        (&mut **self).fetch_many(query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        (&mut **self).fetch_optional(query)
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut **self).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut **self).describe(sql)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        iter,
        time::{Duration, Instant},
    };

    use tokio::time::sleep;

    use super::*;
    use crate::{
        StoreOptions,
        effect::{Confirmation, ConfirmationState},
        testing::open_store,
    };

    #[test]
    fn a_commit_whose_answer_is_lost_is_uncertain() {
        let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(commit_error(sqlx::Error::Io(lost)), Error::Uncertain);
        assert_eq!(commit_error(sqlx::Error::WorkerCrashed), Error::Uncertain);
    }

    #[tokio::test]
    async fn a_commit_that_the_database_rejects_is_certain() {
        if latchkey_test_db::is_skipped_on_postgresql("no constraint is checked at the commit") {
            return;
        }
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let session = "insert into sessions (id, digest, user_id, created_at, last_seen_at, address, user_agent) \
                       values ('a', x'00', 'missing', 0, 0, '', '')";
        for sql in ["pragma defer_foreign_keys = on", session] {
            sqlx::query(sql).execute(&mut *tx).await.unwrap();
        }
        assert_eq!(tx.commit().await, Err(Error::Internal));
        let mut tx = store.begin().await.unwrap();
        assert_eq!(sqlx::query_scalar::<_, i64>("select count(*) from sessions").fetch_one(&mut *tx).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn one_instance_waits_for_no_other() {
        if latchkey_test_db::is_skipped_on_postgresql("it needs a lease there") {
            return;
        }
        let (store, _folder) = open_store().await;
        store.set_instance_name("web-1".to_owned());
        let mut tx = store.begin().await.unwrap();
        tx.touch(VerdictChange::SigningKeys);
        let effect = tx.commit_effective().await.unwrap().unwrap();
        let own = Confirmation { id: store.instance().id, name: "web-1".to_owned(), state: ConfirmationState::Confirmed { at: effect.committed_at } };
        assert_eq!(effect.instances, [own]);
        assert!(effect.took_ms < 500 && effect.effective_at <= effect.committed_at.plus_ms(10), "{effect:?}");
        assert!(store.lease().is_valid() && !store.is_unavailable(), "no lease is needed");
    }

    #[tokio::test]
    async fn only_what_takes_access_away_has_an_effect_to_wait_for() {
        let (store, _folder) = open_store().await;
        let tx = store.begin().await.unwrap();
        assert_eq!(tx.commit_effective().await, Ok(None));
        let mut tx = store.begin().await.unwrap();
        tx.touch_added(VerdictChange::SigningKeys);
        assert_eq!(tx.commit_effective().await, Ok(None));
        assert_eq!(verdict_changes::newest(&store).await.unwrap(), 1, "it is published");
    }

    /// Those of one organization that wait for another instance do not keep the connections from the others.
    #[tokio::test]
    async fn transactions_that_wait_for_another_instance_delay_no_others() {
        let (store, data) = open_store().await;
        if !store.is_shared() {
            return;
        }
        let other = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
        let organization = OrganizationId::new();
        let earlier = other.begin_locked(WriteLock::Organization(organization)).await.unwrap();
        let locks = iter::repeat_n(WriteLock::Rows(organization), 8).chain(iter::repeat_n(WriteLock::Organization(organization), 8));
        let waiting: Vec<_> = locks
            .map(|lock| {
                let store = store.clone();
                tokio::spawn(async move { store.begin_locked(lock).await?.commit().await })
            })
            .collect();
        sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        for lock in [WriteLock::Nothing, WriteLock::Task(WriteTask::Usage), WriteLock::Organization(OrganizationId::new())] {
            store.begin_locked(lock).await.unwrap().commit().await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(1) && waiting.iter().all(|waiting| !waiting.is_finished()), "{:?}", began.elapsed());
        drop(earlier);
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Ok(()));
        }
    }
}
