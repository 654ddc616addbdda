//! What differs between SQLite and PostgreSQL, all of it.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context, bail};
use sqlx::AnyPool;

use super::Error;

/// SQLite 3.7.0 to 3.51.2 can corrupt a write-ahead log that two connections use (<https://sqlite.org/wal.html>).
const SQLITE_SAFE: (u32, u32, u32) = (3, 51, 3);

/// Any number that nobody else on the database takes: PostgreSQL's advisory locks are named by one.
const LOCK_WRITERS: &str = "select pg_advisory_xact_lock(5497081207911)";

/// Which database it is and where.
pub(super) struct Engine {
    url: String,
    /// SQLite's file, and the device and inode that it had when it was opened.
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
        let Ok(file_url) = url::Url::from_file_path(&path) else { bail!("{} is no path for a database", path.display()) };
        let url = format!("sqlite{}?mode=rwc", file_url.as_str().trim_start_matches("file"));
        Ok(Self { url, file: Some((path, OnceLock::new())) })
    }

    /// Makes SQLite's file, so that nobody else may read it; SQLite gives its log the same mode.
    pub(super) fn make_file(&self) -> anyhow::Result<()> {
        if let Some((path, _)) = &self.file {
            let made = File::options().create(true).append(true).mode(0o600).open(path);
            made.with_context(|| format!("{} can't be written", path.display()))?;
        }
        Ok(())
    }

    /// Beside SQLite's file, wherever that is; in the data folder for a server's database.
    pub(super) fn lock_file(&self, data: &Path) -> PathBuf {
        self.file.as_ref().map_or_else(|| data.join("latchkey.lock"), |(path, _)| path.with_extension("lock"))
    }

    /// Whether programs with other data folders reach the same database without sharing its lock file.
    pub(super) const fn is_shared(&self) -> bool {
        self.file.is_none()
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Statements for every new connection.
    pub(super) const fn connection_setup(&self) -> &'static [&'static str] {
        match self.file {
            // Full: a key that was taken back stays so when the power fails.
            Some(_) => &[
                "pragma journal_mode = wal",
                "pragma synchronous = full",
                "pragma busy_timeout = 10000",
                "pragma foreign_keys = on",
                "pragma cache_size = -32000",
            ],
            None => &["set statement_timeout = '10s'"],
        }
    }

    /// Opens a write transaction. On SQLite one that only reads at first could not be promoted later.
    pub(super) const fn begin(&self) -> &'static str {
        if self.file.is_some() { "begin immediate" } else { "begin" }
    }

    /// Makes a write transaction the only one. SQLite's is by itself.
    pub(super) const fn lock(&self) -> Option<&'static str> {
        if self.file.is_some() { None } else { Some(LOCK_WRITERS) }
    }

    /// Where in a text another stands, from 1; 0 for nowhere. `like` knows no case in SQLite.
    pub(super) const fn position(&self) -> &'static str {
        if self.file.is_some() { "instr" } else { "strpos" }
    }

    /// The elements of a JSON list that is the first value of a statement, each in the column `value` of a table `listed`. With one
    /// placeholder for all there is: SQLite looks for each by its name, one after another, which takes as long as they are many, squared.
    pub(super) const fn listed(&self) -> &'static str {
        if self.file.is_some() { "json_each($1) as listed" } else { "json_array_elements(cast($1 as json)) as listed(value)" }
    }

    /// Behind a text column: sort by bytes. SQLite does; PostgreSQL goes by the database's language.
    pub(super) const fn bytewise(&self) -> &'static str {
        if self.file.is_some() { "" } else { " collate \"C\"" }
    }

    pub(super) async fn check_version(&self, pool: &AnyPool) -> anyhow::Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(pool).await?;
        let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        match parts[..] {
            [major, minor, patch] if (major, minor, patch) >= SQLITE_SAFE => Ok(()),
            _ => bail!("SQLite {version} can corrupt its log; this program needs {SQLITE_SAFE:?} or newer"),
        }
    }

    /// Remembers which file was opened.
    pub(super) fn note_file(&self) -> anyhow::Result<()> {
        if let Some((path, identity)) = &self.file {
            let found = identify(path).with_context(|| format!("{} can't be read", path.display()))?;
            let _ = identity.set(found);
        }
        Ok(())
    }

    /// An open file that was unlinked or replaced still answers: ask the folder whether it is the same one.
    pub(super) fn check_file(&self) -> Result<(), Error> {
        let Some((path, identity)) = &self.file else { return Ok(()) };
        match identify(path) {
            Ok(found) if identity.get() == Some(&found) => Ok(()),
            _ => Err(Error::Lost),
        }
    }
}

/// Whether an error's code says that the database can't be used now, rather than that a statement was wrong.
pub(super) fn is_loss(code: &str) -> bool {
    if code.len() == 5 {
        // PostgreSQL: connection exceptions, insufficient resources, and the shutdowns of class 57.
        return code.starts_with("08") || code.starts_with("53") || code.starts_with("57P");
    }
    // SQLite's primary result codes: busy, I/O error, corrupt, full, can't open, no database (<https://sqlite.org/rescode.html>).
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xFF, 5 | 10 | 11 | 13 | 14 | 26))
}

fn identify(path: &Path) -> std::io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
