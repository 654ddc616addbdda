//! Databases for tests: a file of SQLite, or a database on the PostgreSQL server that `LATCHKEY_TEST_POSTGRES` names. Only tests depend on this
//! crate.
//!
//! A database on PostgreSQL is a copy of a template that has all migrations, because a copy takes a tenth of their time.

use std::{
    env,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    thread,
};

use latchkey_crypto::random;
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};
use tempfile::TempDir;
use tokio::{runtime, sync::OnceCell};

/// The URL of a server without a database, such as `postgres://postgres@127.0.0.1:5432`.
const SERVER: &str = "LATCHKEY_TEST_POSTGRES";

/// Held while the template is created: other test processes may use the same server.
const TEMPLATE_LOCK: &str = "select pg_advisory_lock(5497081207912)";

/// The oldest version of PostgreSQL in which `create database` has a strategy. The default there writes the whole copy to the log.
const FIRST_WITH_STRATEGY: i32 = 150_000;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// The clause of `create database` that copies the template.
static COPY: OnceCell<String> = OnceCell::const_new();

fn server() -> Option<String> {
    env::var(SERVER).ok()
}

/// Whether the tests run on PostgreSQL.
pub fn is_on_postgresql() -> bool {
    server().is_some()
}

/// Whether to skip a test that needs SQLite. Prints the reason if so.
pub fn is_skipped_on_postgresql(reason: &str) -> bool {
    if is_on_postgresql() {
        eprintln!("skipped on PostgreSQL: {reason}");
    }
    is_on_postgresql()
}

/// The data of a test: a folder, and a database if the tests run on PostgreSQL. Both are removed with this value.
#[derive(Debug)]
pub struct TestData {
    folder: TempDir,
    database: Option<Database>,
}

impl TestData {
    /// An empty folder. A database has all migrations and no rows.
    pub async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = match server() {
            Some(server) => Some(Database::create(server).await),
            None => None,
        };
        Self { folder, database }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database on PostgreSQL; `None` for SQLite's file in the folder.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(|database| database.url.as_str())
    }
}

#[derive(Debug)]
struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    async fn create(server: String) -> Self {
        let copy = COPY.get_or_init(|| create_template(&server)).await;
        let name = format!("latchkey_{:x}", u64::from_be_bytes(random::bytes()));
        let mut connection = connect(&server, "postgres").await;
        execute(&mut connection, &format!("create database {name} {copy}")).await;
        connection.close().await.unwrap();
        Self { url: format!("{server}/{name}"), server, name }
    }
}

impl Drop for Database {
    /// Drops the database, in a thread, because this function is not asynchronous. Nothing waits for it: what is left when the process ends is
    /// removed with the server.
    fn drop(&mut self) {
        let url = format!("{}/postgres", self.server);
        // Background tasks of a stopped server may still be connected.
        let sql = format!("drop database if exists {} with (force)", self.name);
        thread::spawn(move || -> Result<(), sqlx::Error> {
            runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                let mut connection = PgConnection::connect(&url).await?;
                sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
                connection.close().await
            })
        });
    }
}

/// Creates the template if the server has none of these migrations. Returns the clause that copies it.
async fn create_template(server: &str) -> String {
    let name = template_name();
    let mut connection = connect(server, "postgres").await;
    execute(&mut connection, TEMPLATE_LOCK).await;
    let sql = "select exists (select 1 from pg_database where datname = $1)";
    let is_created: bool = sqlx::query_scalar(sql).bind(&name).fetch_one(&mut connection).await.unwrap();
    if !is_created {
        // Renamed when it is complete: a process may end in the middle.
        let incomplete = format!("{name}_incomplete");
        execute(&mut connection, &format!("drop database if exists {incomplete} with (force)")).await;
        execute(&mut connection, &format!("create database {incomplete}")).await;
        let mut migrated = connect(server, &incomplete).await;
        MIGRATIONS.run(&mut migrated).await.unwrap();
        migrated.close().await.unwrap();
        execute(&mut connection, &format!("alter database {incomplete} rename to {name}")).await;
    }
    let sql = "select cast(current_setting('server_version_num') as integer)";
    let version: i32 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    // Also releases the lock.
    connection.close().await.unwrap();
    let strategy = if version < FIRST_WITH_STRATEGY { "" } else { " strategy file_copy" };
    format!("template {name}{strategy}")
}

/// Contains a hash of the migrations, so that a server that is kept never offers a template of other ones.
fn template_name() -> String {
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATIONS.iter() {
        migration.checksum.hash(&mut hasher);
    }
    format!("latchkey_template_{:x}", hasher.finish())
}

async fn connect(server: &str, database: &str) -> PgConnection {
    PgConnection::connect(&format!("{server}/{database}")).await.unwrap()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_test_has_a_database_of_its_own_with_all_migrations() {
        let (data, other) = (TestData::create().await, TestData::create().await);
        assert_ne!(data.path(), other.path());
        let Some(url) = data.database_url() else { return };
        let mut connection = PgConnection::connect(url).await.unwrap();
        let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success").fetch_one(&mut connection).await.unwrap();
        assert_eq!(applied, i64::try_from(MIGRATIONS.iter().len()).unwrap());
        execute(&mut connection, "delete from _sqlx_migrations").await;
        let mut connection = PgConnection::connect(other.database_url().unwrap()).await.unwrap();
        let kept: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(&mut connection).await.unwrap();
        assert_eq!(kept, applied);
    }
}
