//! All differences between SQLite and PostgreSQL.

mod call_partition;
pub(crate) mod change_feed;
pub(crate) mod copy_target;
mod indexes;
mod key_lists;
mod locks;
mod postgres;
mod word_index;

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context, bail};
use sqlx::{AnyConnection, AnyPool, any::AnyPoolOptions, migrate::Migrator};

use super::StoreError;
pub(crate) use call_partition::{COUNT_PARTITION, COUNT_PARTITIONED, CallPartition, DROP_WAIT, OLDEST_PARTITION, PARTITION_TABLE};
pub(crate) use indexes::{BY_USE, COUNT_FILLED_TABLES, SORT_USES, UNSORTED_USES, VALID_INDEXES};
pub(crate) use key_lists::TRIGRAM_EXTENSION;
pub(crate) use locks::sequences;
pub(crate) use word_index::{RANKED_MAX, WordIndex};

/// SQLite 3.7.0 to 3.51.2 can corrupt a write-ahead log that is used by two connections (<https://sqlite.org/wal.html>).
const MIN_SQLITE_VERSION: (u32, u32, u32) = (3, 51, 3);

pub(super) struct Engine {
    url: String,
    /// SQLite's file, with its device and inode when it was opened. `None` for PostgreSQL.
    file: Option<(PathBuf, OnceLock<(u64, u64)>)>,
}

impl Engine {
    pub(super) fn of(url: Option<&str>, data: &Path) -> anyhow::Result<Self> {
        match url {
            None => Self::sqlite(&data.join("latchkey.db")),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(Self { url: url.to_owned(), file: None }),
            Some(url) => match url.strip_prefix("sqlite:") {
                Some(path) => Self::sqlite(Path::new(path.trim_start_matches("//"))),
                None => bail!("the database URL must begin with sqlite: or postgres://"),
            },
        }
    }

    fn sqlite(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        let Ok(file_url) = url::Url::from_file_path(&path) else { bail!("{} is not a valid database path", path.display()) };
        let url = format!("sqlite{}?mode=rwc", file_url.as_str().trim_start_matches("file"));
        Ok(Self { url, file: Some((path, OnceLock::new())) })
    }

    /// Creates SQLite's file, readable only by its owner; SQLite gives its log the same mode.
    pub(super) fn create_file(&self) -> anyhow::Result<()> {
        if let Some((path, _)) = &self.file {
            let created = File::options().create(true).append(true).mode(0o600).open(path);
            created.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// Next to SQLite's file; for PostgreSQL in the data folder.
    pub(super) fn lock_file(&self, data: &Path) -> PathBuf {
        self.file.as_ref().map_or_else(|| data.join("latchkey.lock"), |(path, _)| path.with_extension("lock"))
    }

    /// Whether instances with other data folders can use the same database without sharing its lock file.
    pub(super) const fn is_shared(&self) -> bool {
        self.file.is_none()
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Statements for every new connection.
    pub(super) const fn connection_setup(&self) -> &'static [&'static str] {
        match self.file {
            // `full`: a revocation must survive a power failure.
            Some(_) => &[
                "pragma journal_mode = wal",
                "pragma synchronous = full",
                "pragma busy_timeout = 10000",
                "pragma foreign_keys = on",
                "pragma cache_size = -32000",
                // Deleted secrets, and data keys that are replaced, do not stay behind in free space.
                "pragma secure_delete = on",
            ],
            None => &[postgres::SETTINGS],
        }
    }

    /// Sets when connections of the pool are tested. The default waits endlessly, which is right for a file but not for a network.
    pub(super) fn test_connections(&self, options: AnyPoolOptions) -> AnyPoolOptions {
        if self.file.is_some() { options } else { postgres::test_connections(options) }
    }

    /// Fails if the connection could be read on the way to another machine, unless that is allowed.
    pub(super) fn require_encryption(&self, allow_plaintext: bool) -> anyhow::Result<()> {
        if self.file.is_some() || allow_plaintext { Ok(()) } else { postgres::require_encryption(&self.url) }
    }

    /// Runs the migrations that are not applied yet.
    pub(super) async fn migrate(&self, migrations: &Migrator, pool: &AnyPool) -> anyhow::Result<()> {
        if self.file.is_some() { Ok(migrations.run(pool).await?) } else { postgres::migrate(&self.url, migrations).await }
    }

    /// Opens a write transaction. SQLite cannot reliably upgrade a transaction that begins with a read. On PostgreSQL, each statement must see
    /// what was committed before its locks were taken, whatever isolation is the database's default.
    pub(super) const fn begin(&self) -> &'static str {
        if self.file.is_some() { "begin immediate" } else { "begin isolation level read committed" }
    }

    /// Opens a transaction for reads, which all see the same state of the database.
    pub(super) const fn begin_read(&self) -> &'static str {
        if self.file.is_some() { "begin deferred" } else { "begin isolation level repeatable read, read only" }
    }

    /// Copies SQLite's write-ahead log into its file and empties it. `None` for PostgreSQL.
    pub(super) const fn truncate_log(&self) -> Option<&'static str> {
        if self.file.is_some() { Some("pragma wal_checkpoint(truncate)") } else { None }
    }

    /// The function that returns the 1-based position of a substring, or 0. Used where `like` would not do: it ignores case in SQLite.
    pub(super) const fn position_function(&self) -> &'static str {
        if self.file.is_some() { "instr" } else { "strpos" }
    }

    /// The time of the database, in Unix milliseconds; on PostgreSQL not that of the beginning of the transaction, which may have waited.
    pub(super) const fn now_ms(&self) -> &'static str {
        if self.file.is_some() {
            "cast(unixepoch('now', 'subsec') * 1000 as integer)"
        } else {
            "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
        }
    }

    /// A table `listed` whose column `value` holds the elements of the JSON array bound to `$1`. It needs one placeholder however many
    /// elements there are: SQLite finds placeholders by linear search, so binding many takes quadratic time.
    pub(super) const fn json_rows(&self) -> &'static str {
        if self.file.is_some() { "json_each($1) as listed" } else { "json_array_elements(cast($1 as json)) as listed(value)" }
    }

    /// The bytes of an expression that is text of hexadecimal digits: JSON has no bytes.
    pub(super) fn bytes_of_hex(&self, expression: &str) -> String {
        if self.file.is_some() { format!("unhex({expression})") } else { format!("decode({expression}, 'hex')") }
    }

    /// A connection to PostgreSQL that creates indexes; `None` if another instance has one.
    pub(super) async fn connect_for_indexes(&self) -> anyhow::Result<Option<AnyConnection>> {
        postgres::connect_for_indexes(&self.url).await
    }

    /// Statements after the migrations: what the databases do not have in common.
    pub(super) fn own_tables(&self) -> Vec<String> {
        let mut statements = self.key_list_tables();
        if self.file.is_none() {
            statements.extend(word_index::POSTGRESQL_TABLE.iter().copied().map(ToOwned::to_owned).chain(sequences()));
        }
        statements
    }

    /// The suffix of a text column that makes it sort by bytes. SQLite does so by default; PostgreSQL uses the database's collation.
    pub(super) const fn bytewise_collation(&self) -> &'static str {
        if self.file.is_some() { "" } else { " collate \"C\"" }
    }

    pub(super) async fn check_version(&self, pool: &AnyPool) -> anyhow::Result<()> {
        if self.file.is_none() {
            return postgres::check_version(pool).await;
        }
        let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(pool).await?;
        let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        match parts[..] {
            [major, minor, patch] if (major, minor, patch) >= MIN_SQLITE_VERSION => Ok(()),
            _ => bail!("SQLite {version} can corrupt its write-ahead log: latchkey needs {MIN_SQLITE_VERSION:?} or newer"),
        }
    }

    /// Records the identity of the opened file for [`Engine::check_file`].
    pub(super) fn record_file_identity(&self) -> anyhow::Result<()> {
        if let Some((path, identity)) = &self.file {
            let found = identify(path).with_context(|| format!("cannot read {}", path.display()))?;
            let _ = identity.set(found);
        }
        Ok(())
    }

    /// Checks that the path still refers to the opened file: an open file that was unlinked or replaced still serves queries.
    pub(super) fn check_file(&self) -> Result<(), StoreError> {
        let Some((path, identity)) = &self.file else { return Ok(()) };
        match identify(path) {
            Ok(found) if identity.get() == Some(&found) => Ok(()),
            _ => Err(StoreError::Unavailable),
        }
    }
}

/// Whether an error code means that the database is unavailable, rather than that a statement is wrong.
pub(super) fn is_unavailable_code(code: &str) -> bool {
    if code.len() == 5 {
        // PostgreSQL: connection exceptions, insufficient resources, the shutdowns of class 57, and the time limits of statements, locks and
        // idle transactions.
        let classes = ["08", "53", "57P", "57014", "55P03", "25P03"];
        return is_rollback_code(code) || classes.iter().any(|class| code.starts_with(class));
    }
    // SQLite's primary result codes: busy, I/O error, corrupt, full, cannot open, not a database (<https://sqlite.org/rescode.html>).
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xFF, 5 | 10 | 11 | 13 | 14 | 26))
}

/// Whether PostgreSQL gave up a statement that waited for a lock.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("55P03"))
}

/// Whether an error code means that PostgreSQL rolled a transaction back because of a concurrent one: a deadlock, or a failed serialization.
pub(super) fn is_rollback_code(code: &str) -> bool {
    matches!(code, "40P01" | "40001")
}

fn identify(path: &Path) -> std::io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_on_postgresql_set_their_isolation_and_limits() {
        let engine = Engine::of(Some("postgres://localhost/latchkey"), Path::new("/data")).unwrap();
        assert_eq!(engine.begin(), "begin isolation level read committed");
        assert_eq!(engine.begin_read(), "begin isolation level repeatable read, read only");
        for limit in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "tcp_keepalives_idle", "tcp_user_timeout"] {
            assert!(engine.connection_setup().iter().any(|statement| statement.contains(&format!("set_config('{limit}', "))), "{limit}");
        }
    }

    #[test]
    fn time_limits_and_lost_connections_count_as_unavailable() {
        for code in ["57014", "55P03", "25P03", "57P01", "08006", "53300", "40P01", "40001", "5", "522", "13"] {
            assert!(is_unavailable_code(code), "{code}");
        }
        for code in ["23505", "42601", "25001", "40002", "40003", "19", "1"] {
            assert!(!is_unavailable_code(code), "{code}");
        }
    }
}
