//! The SQL, a file per noun. One copy of each query serves SQLite and PostgreSQL; what differs is in [`engine`].

pub mod audit;
mod backup;
pub mod changes;
pub mod corpora;
pub mod credentials;
mod engine;
pub mod invitations;
pub mod issued;
pub mod issued_list;
pub mod keyring;
pub mod keys;
pub mod mails;
pub mod members;
pub mod models;
pub mod named_calls;
pub mod nodes;
pub mod notices;
pub mod organizations;
pub mod people;
pub mod project_keys;
pub mod project_members;
pub mod project_secrets;
pub mod projects;
pub mod providers;
pub mod requests;
pub mod roles;
pub mod sealed;
pub mod sessions;
pub mod signing_keys;
pub mod templates;
pub mod usage;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, AnyPool, any::AnyPoolOptions, migrate::Migrator};
use tokio::sync::{Mutex, Semaphore};

use crate::model::fault::Fault;
use engine::Engine;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The most connections that one process opens.
const CONNECTIONS: u32 = 8;

/// The most lists that are opened at once.
const LISTS_AT_ONCE: usize = 2;

/// A connection inside a write transaction.
pub type Tx = AnyConnection;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique value stands already.
    #[error("a unique value stands already")]
    Duplicate,
    /// The database does not answer, or its file was taken away.
    #[error("the database is lost")]
    Lost,
    /// Anything else that the database said.
    #[error(transparent)]
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => Self::Duplicate,
            sqlx::Error::Database(inner) if inner.code().is_some_and(|code| engine::is_loss(&code)) => {
                tracing::warn!(%error, "the database can't be used");
                Self::Lost
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Lost,
            _ => Self::Sql(error),
        }
    }
}

impl Error {
    /// What a duplicate means where it can be one value's only; anything else as ever.
    pub fn or_conflict(self, field: &str, message: &str) -> Fault {
        match self {
            Self::Duplicate => Fault::conflict(field, message),
            other => other.into(),
        }
    }
}

/// Outside the store an error has no inner text: it is logged here.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Lost => Self::Unavailable,
            Error::Duplicate | Error::Sql(_) => {
                tracing::error!(%error, "the database refused a statement");
                Self::Internal
            }
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

/// The database.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    /// One connection for the watch alone, which must not queue behind others to learn whether the database answers.
    watch: AnyPool,
    /// Lists walk over everything that they hold: a few at a time.
    lists: Arc<Semaphore>,
    engine: Arc<Engine>,
    /// Writers queue here rather than in the database, where they would wait with a connection in hand.
    writing: Arc<Mutex<()>>,
    lost: Arc<AtomicBool>,
    /// Whether notices go out by mail too.
    mails: Arc<AtomicBool>,
}

impl Store {
    /// Opens the database at `url`, or `latchkey.db` in the data folder.
    ///
    /// # Errors
    /// When it can't be opened, or its engine is too old to be safe.
    pub async fn open(url: Option<&str>, data: &Path) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url, data)?;
        engine.make_file()?;
        let pool = connect(&engine, CONNECTIONS).await?;
        let watch = connect(&engine, 1).await?;
        engine.check_version(&pool).await?;
        engine.note_file()?;
        let lists = Arc::new(Semaphore::new(LISTS_AT_ONCE));
        Ok(Self { pool, watch, lists, engine: Arc::new(engine), writing: Arc::default(), lost: Arc::default(), mails: Arc::default() })
    }

    /// The file whose lock says who may migrate this database.
    ///
    /// # Errors
    /// When the URL is none that we know.
    pub fn lock_file(url: Option<&str>, data: &Path) -> anyhow::Result<PathBuf> {
        Ok(Engine::of(url, data)?.lock_file(data))
    }

    /// Whether there is nothing in it yet.
    pub async fn is_empty(&self) -> bool {
        sqlx::query("select count(*) from _sqlx_migrations").execute(&self.pool).await.is_err()
    }

    /// Whether others than the holder of the lock file can be at work in it.
    pub fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }

    /// Brings the tables to what this program expects. Only while holding the data folder's lock: sqlx's own does nothing on SQLite.
    ///
    /// # Errors
    /// When a step fails, or the database was made by a newer program.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        Ok(MIGRATIONS.run(&self.pool).await?)
    }

    /// Whether the tables are what this program expects.
    pub async fn is_current(&self) -> bool {
        let newest = MIGRATIONS.iter().map(|step| step.version).max();
        let applied = sqlx::query_scalar::<_, i64>("select max(version) from _sqlx_migrations where success").fetch_one(&self.pool).await;
        applied.ok() == newest
    }

    /// For reading: statements that stand alone.
    ///
    /// # Errors
    /// [`Error::Lost`] from the moment the loss was noticed.
    pub fn read(&self) -> Result<&AnyPool, Error> {
        if self.is_lost() { Err(Error::Lost) } else { Ok(&self.pool) }
    }

    /// Runs `work` in a write transaction, alone among all writers of the database. An error undoes it.
    ///
    /// It runs in a task of its own: sqlx 0.9 hands a connection back with its transaction open when a caller that went away drops the
    /// future inside `begin` (sqlx#4385).
    ///
    /// # Errors
    /// What `work` answers, and `Unavailable` when the database is lost.
    pub async fn write<T, Work>(&self, work: Work) -> Result<T, Fault>
    where
        T: Send + 'static,
        Work: for<'tx> FnOnce(&'tx mut Tx) -> BoxFuture<'tx, Result<T, Fault>> + Send + 'static,
    {
        let store = self.clone();
        let task = tokio::spawn(mails::QUEUED.scope(self.mails.load(Ordering::Relaxed), async move {
            let _alone = store.writing.lock().await;
            store.engine.check_file()?;
            let mut transaction = store.read()?.begin_with(store.engine.begin()).await?;
            if let Some(lock) = store.engine.lock() {
                sqlx::query(lock).execute(&mut *transaction).await?;
            }
            let answer = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(answer)
        }));
        task.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "a write transaction ended badly");
            Err(Fault::Internal)
        })
    }

    /// Notices that are written from now on are to be sent by mail too.
    pub fn queue_mails(&self) {
        self.mails.store(true, Ordering::Relaxed);
    }

    /// Whether the database was lost when it was last asked.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Notes whether the database is lost, as the watch found it.
    pub fn set_lost(&self, lost: bool) {
        if self.lost.swap(lost, Ordering::AcqRel) != lost {
            if lost {
                tracing::error!("the database is lost: nothing is answered from it until it is back");
            } else {
                tracing::info!("the database is back");
            }
        }
    }

    /// The watch's own connection, for asking whether the database is there. Works also while it is lost.
    ///
    /// # Errors
    /// [`Error::Lost`] when SQLite's file was taken away: an open one would still answer.
    fn watching(&self) -> Result<&AnyPool, Error> {
        self.engine.check_file()?;
        Ok(&self.watch)
    }

    /// Closes every connection, so that SQLite folds its log into the file.
    pub async fn close(&self) {
        self.watch.close().await;
        self.pool.close().await;
    }

    /// The function that says where in a text another stands, from 1; 0 for nowhere.
    fn position(&self) -> &'static str {
        self.engine.position()
    }

    /// A table `listed` with the elements of the JSON list that is a statement's first value in its column `value`.
    fn listed(&self) -> &'static str {
        self.engine.listed()
    }

    /// What stands behind a text column so that it sorts by its bytes.
    fn bytewise(&self) -> &'static str {
        self.engine.bytewise()
    }
}

/// The pattern for `like … escape '\'` that finds `search` as it stands anywhere in a text.
fn like_pattern(search: &str) -> String {
    let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// So many placeholders from `$first` on, for `in (…)`.
fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// The condition of being a row `k` of the organization `$1` and one of so many numbers, from `$2` on. No index is to be used for the
/// organization: SQLite keeps no statistics here, takes any organization for a small one, and would walk all of its rows to find fifty.
fn are_numbered(count: usize) -> String {
    format!("coalesce(k.organization_id, '') = $1 and k.number in ({})", places(2, count))
}

async fn connect(engine: &Engine, connections: u32) -> Result<AnyPool, sqlx::Error> {
    let setup = engine.connection_setup();
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(2))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for statement in setup {
                    sqlx::query(*statement).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .connect(engine.url())
        .await
}

/// Lower case in Unicode's composed form: what names are compared, sorted and searched by.
pub fn fold(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    name.to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_makes_equal_what_people_take_for_equal() {
        assert_eq!(fold("CAFÉ"), fold("cafe\u{301}"));
        assert_ne!(fold("a"), fold("b"));
    }

    #[test]
    fn a_search_is_taken_literally() {
        assert_eq!(like_pattern(r"50%_a\b"), r"%50\%\_a\\b%");
    }
}
