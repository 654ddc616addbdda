//! All SQL, one file per noun. Each query runs on SQLite and PostgreSQL; the differences between them are in [`engine`].
//!
//! Times (`…_at`) are Unix milliseconds. A function that writes takes a [`Tx`], and touches what it changes about verdicts.

pub mod access_requests;
pub mod audit;
mod backup;
pub mod budgets;
pub mod call_bodies;
mod change_feed;
pub mod change_signals;
pub mod claims;
mod columns;
mod connection;
mod copy;
pub mod corpora;
pub mod credentials;
pub mod document_search;
pub mod documents;
mod effect;
mod engine;
pub mod idempotency_keys;
pub mod imports;
pub mod indexes;
pub mod instance_records;
pub mod instances;
pub mod invitations;
pub mod issued_key_list;
pub mod issued_keys;
pub mod key_templates;
pub mod keyring;
pub mod keys;
mod lease;
pub mod mail_queue;
pub mod members;
pub mod model_aliases;
pub mod model_calls;
pub mod model_usage;
pub mod models;
pub mod notifications;
pub mod organizations;
pub mod project_keys;
pub mod project_members;
pub mod project_nodes;
pub mod project_secrets;
pub mod projects;
pub mod providers;
pub mod rate_windows;
pub mod receipts;
pub mod roles;
pub mod samples;
pub mod sealed_secrets;
pub mod services;
pub mod sessions;
pub mod sign_in_failures;
pub mod signing_keys;
mod snapshot;
#[cfg(test)]
mod testing;
mod transaction;
pub mod upstreams;
pub mod usage;
pub mod users;
pub mod verdict_changes;
pub mod words;
mod write_permits;

use std::{
    mem,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use sqlx::{AnyPool, AssertSqlSafe, Executor, any::AnyPoolOptions, migrate::Migrator};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::sleep,
};

pub use change_feed::{ChangeFeed, FeedRead};
pub use connection::{Connection, PoolRef};
pub use copy::{Copied, CopyTarget};
pub use effect::{Confirmation, ConfirmationState, Effect};
use engine::Engine;
use instances::Instances;
pub use instances::{InstanceInfo, InstanceView, InstancesView};
use latchkey_types::{error::Error, key_kind::KindSpec};
pub use lease::{Lease, boottime_us};
pub use snapshot::Snapshot;
pub use transaction::{Tx, WriteLock, WriteTask};
use verdict_changes::VerdictChange;
use write_permits::WritePermits;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Maximum number of connections to SQLite.
const SQLITE_CONNECTIONS: u32 = 8;

/// Maximum number of list queries that run concurrently.
const MAX_CONCURRENT_LISTS: usize = 2;

/// For how long statements that have begun may go on after PostgreSQL was found unavailable. Then their connections are closed, because a silent
/// network would hold them until the system gives up, which takes a quarter of an hour.
const LOST_CONNECTIONS_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint was violated.
    #[error("a unique value already exists")]
    Duplicate,
    /// The database does not respond, or its file was removed or replaced.
    #[error("the database is unavailable")]
    Unavailable,
    /// Any other database error.
    #[error(transparent)]
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => Self::Duplicate,
            sqlx::Error::Database(inner) if inner.code().is_some_and(|code| engine::is_unavailable_code(&code)) => {
                tracing::warn!(%error, "database unavailable");
                Self::Unavailable
            }
            // Also if a connection ends before the response to its first byte.
            sqlx::Error::Protocol(_) => {
                tracing::warn!(%error, "unexpected response of the database");
                Self::Unavailable
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Unavailable,
            _ => Self::Sql(error),
        }
    }
}

impl StoreError {
    /// A read whose task ended without an answer.
    pub const fn interrupted() -> Self {
        Self::Sql(sqlx::Error::WorkerCrashed)
    }

    /// Maps a duplicate to a conflict at `field`; other errors are converted as usual.
    pub fn or_conflict(self, field: &str, message: &str) -> Error {
        match self {
            Self::Duplicate => Error::conflict(field, message),
            other => other.into(),
        }
    }
}

/// Callers outside the store do not see the database's message, so it is logged here.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
            StoreError::Duplicate | StoreError::Sql(_) => {
                tracing::error!(%error, "database statement failed");
                Self::Internal
            }
        }
    }
}

/// How PostgreSQL is used; SQLite needs none of it.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Maximum number of connections, besides the one of the availability check.
    pub connections: u32,
    /// Whether the connection to another machine may be unencrypted.
    pub allow_plaintext: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { connections: 12, allow_plaintext: false }
    }
}

#[derive(Clone)]
pub struct Store {
    /// Replaced when PostgreSQL was found unavailable.
    pool: Arc<RwLock<AnyPool>>,
    /// A connection reserved for the availability check, so that it never waits behind other queries.
    check_pool: AnyPool,
    /// Limits concurrent list queries, because each one scans all of its rows.
    list_permits: Arc<Semaphore>,
    engine: Arc<Engine>,
    write_permits: WritePermits,
    unavailable: Arc<AtomicBool>,
    lease: Arc<Lease>,
    instances: Arc<Instances>,
    /// Whether notifications are also sent by mail.
    mail_enabled: Arc<AtomicBool>,
    subscriber: Arc<OnceLock<Subscriber>>,
}

type Subscriber = Box<dyn Fn(&[VerdictChange]) + Send + Sync>;

impl Store {
    /// Opens the database at `url`, or `latchkey.db` in the data folder. Fails if SQLite is a version that can corrupt its log, if PostgreSQL is
    /// too old, or if the connection to it would be unencrypted.
    pub async fn open(url: Option<&str>, data: &Path, options: StoreOptions) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url, data)?;
        engine.require_encryption(options.allow_plaintext)?;
        engine.create_file()?;
        let pool = connect(&engine, if engine.is_shared() { options.connections } else { SQLITE_CONNECTIONS }).await?;
        let check_pool = connect(&engine, 1).await?;
        engine.check_version(&pool).await?;
        engine.record_file_identity()?;
        let list_permits = Arc::new(Semaphore::new(MAX_CONCURRENT_LISTS));
        let write_permits = WritePermits::new(engine.writers(options.connections));
        Ok(Self {
            pool: Arc::new(RwLock::new(pool)),
            check_pool,
            list_permits,
            engine: Arc::new(engine),
            write_permits,
            unavailable: Arc::default(),
            lease: Arc::default(),
            instances: Arc::default(),
            mail_enabled: Arc::default(),
            subscriber: Arc::default(),
        })
    }

    /// The lock file whose holder may migrate this database.
    pub fn lock_file(url: Option<&str>, data: &Path) -> anyhow::Result<PathBuf> {
        Ok(Engine::of(url, data)?.lock_file(data))
    }

    /// Whether the database has no tables yet.
    pub async fn is_empty(&self) -> bool {
        sqlx::query("select count(*) from _sqlx_migrations").execute(&self.pool()).await.is_err()
    }

    /// Whether instances that do not use this lock file can also access the database.
    pub fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }

    /// Runs pending migrations. The caller must hold the data folder's lock, because sqlx's migration lock does nothing on SQLite.
    /// Fails if the database was migrated by a newer version; on PostgreSQL, only if that version does not permit older ones.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        self.engine.migrate(&MIGRATIONS, &self.pool()).await?;
        let oldest = self.oldest_program().await?;
        ensure!(oldest <= Self::newest_migration(), "this version of latchkey is too old for the database (needs schema {oldest}): upgrade it");
        self.create_own_tables().await
    }

    /// The newest migration that a version must have to use the database.
    async fn oldest_program(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("select oldest_program from schema_state where id = 1").fetch_one(&self.pool()).await?)
    }

    /// Creates what the databases do not have in common, and the partitions. In a write transaction, because other instances may do the same. The
    /// indexes of large tables of PostgreSQL are left to [`indexes::run_creation`].
    async fn create_own_tables(&self) -> anyhow::Result<()> {
        let mut tx = self.begin().await?;
        tx.lift_limit();
        if let Some([count, sort_uses]) = self.engine.sort_uses_once()
            && sqlx::query_scalar::<_, i64>(count).fetch_one(&mut tx).await? == 0
        {
            sqlx::query(sort_uses).execute(&mut tx).await?;
        }
        for statement in self.engine.own_tables() {
            let is_extension = statement == engine::TRIGRAM_EXTENSION;
            if let Err(error) = sqlx::query(AssertSqlSafe(statement)).execute(&mut tx).await {
                ensure!(
                    !is_extension,
                    "the extension pg_trgm cannot be created ({error}): execute “create extension pg_trgm” in the database as a superuser"
                );
                return Err(error.into());
            }
        }
        if !self.is_shared() || sqlx::query_scalar::<_, i64>(engine::COUNT_FILLED_TABLES).fetch_one(&mut tx).await? == 0 {
            for statement in self.engine.create_indexes() {
                sqlx::query(AssertSqlSafe(statement)).execute(&mut tx).await?;
            }
        }
        if self.is_shared() {
            model_calls::ensure_partitioned(&mut tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The number of this version's newest migration.
    pub fn newest_migration() -> i64 {
        MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
    }

    /// Whether all migrations of this version are applied. On SQLite there must be no newer ones; on PostgreSQL, where instances are upgraded one
    /// by one, there may be if they permit this version.
    pub async fn is_compatible(&self) -> bool {
        let newest = Self::newest_migration();
        let applied = sqlx::query_scalar::<_, i64>("select max(version) from _sqlx_migrations where success").fetch_one(&self.pool()).await;
        match applied {
            Ok(applied) if self.is_shared() => applied >= newest && self.oldest_program().await.is_ok_and(|oldest| oldest <= newest),
            Ok(applied) => applied == newest,
            Err(_) => false,
        }
    }

    fn pool(&self) -> AnyPool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pool, for reads outside a transaction. [`StoreError::Unavailable`] once the database was found unavailable or the lease has ended.
    pub fn read(&self) -> Result<PoolRef, StoreError> {
        if self.is_unavailable() { Err(StoreError::Unavailable) } else { Ok(PoolRef::new(self.pool(), self.is_shared())) }
    }

    /// A connection for several reads.
    pub async fn connection(&self) -> Result<Box<Connection>, StoreError> {
        Ok(Box::new(Connection::acquire(self.read()?).await?))
    }

    /// Sets the function that is called with what each committed transaction touched. Only the first call has an effect.
    pub fn subscribe(&self, subscriber: impl Fn(&[VerdictChange]) + Send + Sync + 'static) {
        let _ = self.subscriber.set(Box::new(subscriber));
    }

    fn publish(&self, changes: &[VerdictChange]) {
        if let Some(subscriber) = self.subscriber.get()
            && !changes.is_empty()
        {
            subscriber(changes);
        }
    }

    /// From now on, new notifications are also queued for mail.
    pub fn enable_mail(&self) {
        self.mail_enabled.store(true, Ordering::Relaxed);
    }

    /// Whether new notifications are also queued for mail.
    pub fn is_mail_enabled(&self) -> bool {
        self.mail_enabled.load(Ordering::Relaxed)
    }

    /// Whether nothing may be served: the last availability check failed, or this instance needs a lease and has none.
    pub fn is_unavailable(&self) -> bool {
        self.is_database_lost() || !self.lease.is_valid()
    }

    /// Whether the last availability check failed.
    pub fn is_database_lost(&self) -> bool {
        self.unavailable.load(Ordering::Acquire)
    }

    /// Records the result of the availability check.
    pub fn set_unavailable(&self, lost: bool) {
        if self.unavailable.swap(lost, Ordering::AcqRel) != lost {
            if lost {
                tracing::error!("database unavailable: requests that need it fail until it is back");
                self.replace_pool();
            } else {
                tracing::info!("database available again");
            }
        }
    }

    /// Replaces the pool of PostgreSQL by one with new connections. Statements on the previous ones fail after [`LOST_CONNECTIONS_LIMIT`].
    fn replace_pool(&self) {
        if !self.is_shared() {
            return;
        }
        let previous = {
            let mut pool = self.pool.write().unwrap_or_else(PoisonError::into_inner);
            let next = pool.options().clone().connect_lazy_with((*pool.connect_options()).clone());
            mem::replace(&mut *pool, next)
        };
        tokio::spawn(async move {
            sleep(LOST_CONNECTIONS_LIMIT).await;
            previous.close().await;
        });
    }

    /// The connection for availability checks; also usable while the database is marked unavailable.
    /// [`StoreError::Unavailable`] if SQLite's file was removed or replaced: an open file would still serve queries.
    fn check_pool(&self) -> Result<&AnyPool, StoreError> {
        self.engine.check_file()?;
        Ok(&self.check_pool)
    }

    /// Closes all connections, so that SQLite checkpoints its write-ahead log.
    pub async fn close(&self) {
        self.check_pool.close().await;
        self.pool().close().await;
    }

    /// Empties SQLite's write-ahead log, so that no older content of the database stays in it. Returns whether it is empty: other connections
    /// that keep reading can prevent it. Does nothing on PostgreSQL.
    pub async fn truncate_log(&self) -> Result<bool, StoreError> {
        let Some(sql) = self.engine.truncate_log() else { return Ok(true) };
        let (is_busy, _, _): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(self.read()?).await?;
        Ok(is_busy == 0)
    }

    /// The SQL function that returns the 1-based position of a substring, or 0 if it is absent.
    fn position_function(&self) -> &'static str {
        self.engine.position_function()
    }

    /// A table `listed` whose column `value` holds the elements of the JSON array bound to `$1`.
    fn json_rows(&self) -> &'static str {
        self.engine.json_rows()
    }

    /// The SQL expression for the time of the database, in Unix milliseconds.
    fn now_ms(&self) -> &'static str {
        self.engine.now_ms()
    }

    /// Waits until a query that reads many rows may begin. It may run until the permit is dropped.
    async fn list_permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.list_permits.acquire().await.map_err(|_| StoreError::Unavailable)
    }

    /// The suffix of a text column that makes it sort by bytes.
    fn bytewise_collation(&self) -> &'static str {
        self.engine.bytewise_collation()
    }
}

/// The pattern for `like … escape '\'` that finds `search` literally anywhere in a text.
fn like_pattern(search: &str) -> String {
    let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// `count` placeholders, starting at `$first`, for `in (…)`.
fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|index| format!("${index}")).collect::<Vec<_>>().join(", ")
}

/// The kinds of these specifications, for `in (…)`.
fn sql_kinds<'a>(specs: impl Iterator<Item = &'a KindSpec>) -> String {
    specs.map(|spec| format!("'{}'", spec.name)).collect::<Vec<_>>().join(", ")
}

/// The condition that row `k` belongs to organization `$1` and has one of `count` numbers, bound from `$2` on. `coalesce` prevents the use of
/// the organization index: without statistics, SQLite assumes that an organization is small and would scan all of its rows to find fifty.
fn has_number_condition(count: usize) -> String {
    format!("coalesce(k.organization_id, '') = $1 and k.number in ({})", placeholders(2, count))
}

async fn connect(engine: &Engine, connections: u32) -> Result<AnyPool, sqlx::Error> {
    let setup = engine.connection_setup();
    let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(2)).after_connect(move |connection, _| {
        Box::pin(async move {
            for statement in setup {
                // Not prepared, which would take another round trip.
                Executor::execute(&mut *connection, *statement).await?;
            }
            Ok(())
        })
    });
    engine.test_connections(options).connect(engine.url()).await
}

/// Lower case in Unicode normalization form C. Names are compared, sorted and searched in this form.
pub fn fold(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    name.to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fold_ignores_case_and_unicode_composition() {
        assert_eq!(fold("CAFÉ"), fold("cafe\u{301}"));
        assert_ne!(fold("a"), fold("b"));
    }

    #[tokio::test]
    async fn names_of_models_become_unique_in_the_organization() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path(), StoreOptions::default()).await.unwrap();
        let earlier = MIGRATIONS.iter().filter(|migration| migration.version < 4).cloned().collect();
        Migrator::with_migrations(earlier).run(&store.pool()).await.unwrap();
        for sql in [
            "insert into organizations (id, customer_id, name, name_folded, created_at) values ('o', 1, 'a', 'a', 0)",
            "insert into roles (id, organization_id, name, name_folded, permissions, created_at) values ('r', 'o', 'a', 'a', '', 0)",
            "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
             values ('u', 'o', 'r', 'a', 'a', 'a', 'a', '', 0)",
            "insert into providers (id, organization_id, name, name_folded, api_style, base_url, created_by, created_at) \
             values ('p1', 'o', 'Local', 'local', 'openai', '', 'u', 0), ('p2', 'o', 'Meta', 'meta', 'openai', '', 'u', 0)",
            "insert into models (id, organization_id, provider_id, name, name_folded, created_by, created_at) \
             values ('1', 'o', 'p1', 'Llama', 'llama', 'u', 0), ('2', 'o', 'p2', 'llama', 'llama', 'u', 0), \
             ('3', 'o', 'p2', 'Meta/Llama', 'meta/llama', 'u', 0), ('4', 'o', 'p1', 'gpt', 'gpt', 'u', 0), ('5', 'o', 'p2', 'GPT', 'gpt', 'u', 0)",
        ] {
            sqlx::query(sql).execute(&store.pool()).await.unwrap();
        }
        store.migrate().await.unwrap();
        let names: Vec<String> = sqlx::query_scalar("select name from models order by id").fetch_all(&store.pool()).await.unwrap();
        assert_eq!(names, ["Llama", "llama/2", "Meta/Llama", "gpt", "Meta/GPT"]);
        let sql = "select n.owner_id from model_names n join models m on m.id = n.owner_id and m.name_folded = n.name_folded order by m.id";
        let owners: Vec<String> = sqlx::query_scalar(sql).fetch_all(&store.pool()).await.unwrap();
        assert_eq!(owners, ["1", "2", "3", "4", "5"]);
    }

    #[test]
    fn like_pattern_escapes_wildcards() {
        assert_eq!(like_pattern(r"50%_a\b"), r"%50\%\_a\\b%");
    }
}
