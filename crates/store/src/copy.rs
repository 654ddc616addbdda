//! Copying a database from SQLite to PostgreSQL.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    path::Path,
};

use anyhow::{Context, bail, ensure};
use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::{Store, StoreError, StoreOptions, Tx, documents::DocumentCorpus, engine, engine::copy_target, keys, words::joined_words};

/// The tables whose rows are copied. Those that others refer to come first.
const COPIED: &[&str] = &[
    "organizations",
    "roles",
    "users",
    "sessions",
    "invitations",
    "api_keys",
    "retired_secrets",
    "corpora",
    "key_corpora",
    "idempotency_keys",
    "usage_by_minute",
    "usage_batches",
    "usage_by_day",
    "credentials",
    "sealed_secrets",
    "providers",
    "models",
    "model_names",
    "model_aliases",
    "services",
    "corpus_upstreams",
    "documents",
    "document_sections",
    "hidden_sections",
    "projects",
    "project_members",
    "project_nodes",
    "project_secrets",
    "key_templates",
    "key_template_fields",
    "access_requests",
    "issued_keys",
    "notifications",
    "mail_queue",
    "import_jobs",
    "import_files",
    "samples",
    "discarded_samples",
    "budget_shares",
    "budget_writers",
    "model_usage_by_hour",
    "model_usage_by_day",
    "call_bodies",
    "receipts",
    "receipt_keys",
    "signing_keys",
    "audit_events",
    "audit_head",
    "keyring",
];

/// The tables that are not copied: what the target has already, what only running instances use, and what SQLite has in files.
#[cfg(test)]
const LEFT_OUT: &[&str] = &[
    "_sqlx_migrations",
    "audit_entries",
    "claims",
    "instances",
    "key_names",
    "key_names_config",
    "key_names_data",
    "key_names_docsize",
    "key_names_idx",
    "list_clock",
    "list_moves",
    "model_calls",
    "rate_windows",
    "schema_state",
    "sign_in_failures",
    "verdict_changes",
];

/// Columns that keep their default. They number transactions, which each database does for itself; no list that is open continues on the target.
const NOT_COPIED: [(&str, &str); 2] = [("api_keys", "use_moved_in"), ("api_keys", "earlier_use_moved_in")];

/// Rows and bytes of JSON that are inserted with one statement.
const ROWS_MAX: usize = 1000;
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Number of keys that are compared one by one.
const COMPARED_KEYS: i64 = 1000;

/// A database on PostgreSQL that was empty when it was opened.
pub struct CopyTarget {
    store: Store,
    /// Whether the extension of name search existed before.
    had_extension: bool,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub tables: usize,
    pub rows: u64,
}

impl CopyTarget {
    /// Opens the database at `url` and creates the tables of this version.
    ///
    /// # Errors
    /// A message for the operator; also if it is not on PostgreSQL or has tables.
    pub async fn open(url: &str, data: &Path, options: StoreOptions) -> anyhow::Result<Self> {
        ensure!(
            url.starts_with("postgres://") || url.starts_with("postgresql://"),
            "the target must be a PostgreSQL database: postgres://USER:PASSWORD@HOST/NAME"
        );
        let opened = Store::open(Some(url), data, options).await;
        let store = opened.context("the target can't be opened: check its URL, that it is running, and that this user has access")?;
        let tables: i64 = sqlx::query_scalar(copy_target::COUNT_TABLES).fetch_one(store.read()?).await?;
        if tables > 0 {
            store.close().await;
            bail!("the target database is not empty: choose one without tables");
        }
        let extensions: i64 = sqlx::query_scalar(copy_target::COUNT_EXTENSION).fetch_one(store.read()?).await?;
        let target = Self { store, had_extension: extensions > 0 };
        match target.store.migrate().await {
            Ok(()) => Ok(target),
            Err(error) => Err(target.discard(error.context("the tables of the target can't be created")).await),
        }
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Drops everything that was created after a failure, so that the database can be used again. Returns the error, with what remains.
    pub async fn discard(self, error: anyhow::Error) -> anyhow::Error {
        let dropped = drop_all(&self.store, self.had_extension).await;
        self.store.close().await;
        match dropped {
            Ok(()) => error.context("nothing was changed"),
            Err(remaining) => error.context(format!("the target is not empty any more ({remaining:#}): drop its tables before another attempt")),
        }
    }
}

async fn drop_all(store: &Store, keeps_extension: bool) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    tx.lift_limit();
    for (object, list) in copy_target::CREATED {
        let names: Vec<String> = sqlx::query_scalar(list).fetch_all(&mut tx).await?;
        for name in names {
            sqlx::query(AssertSqlSafe(format!("drop {object} if exists \"{name}\" cascade"))).execute(&mut tx).await?;
        }
    }
    if !keeps_extension {
        sqlx::query(copy_target::DROP_EXTENSION).execute(&mut tx).await?;
    }
    Ok(tx.commit().await?)
}

impl Store {
    /// Copies all rows of this database, which is on SQLite, in one transaction, and compares them. Nobody can write to this database meanwhile. The
    /// log of calls is not copied: it is not in the database.
    ///
    /// # Errors
    /// A message for the operator; then nothing was copied.
    pub async fn copy_to(&self, target: &CopyTarget) -> anyhow::Result<Copied> {
        // A write transaction, although nothing is written: admin commands, which run beside the holder of the data folder's lock, must wait.
        let mut source = self.begin().await?;
        let mut tx = target.store.begin().await?;
        tx.lift_limit();
        for statement in copy_target::NO_TIME_LIMITS {
            sqlx::query(statement).execute(&mut tx).await?;
        }
        let mut copied = Copied { tables: 0, rows: 0 };
        for table in COPIED {
            let checksum = copy_table(&mut source, &mut tx, table).await.with_context(|| format!("the table {table} can't be copied"))?;
            copied = Copied { tables: copied.tables + 1, rows: copied.rows + checksum.rows };
        }
        index_words(&mut source, &mut tx).await.context("the documents can't be indexed")?;
        for statement in engine::sequences() {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(copied)
    }

    /// Looks up random keys of this database by their digests in the target. Returns their number.
    ///
    /// # Errors
    /// If one of them is not found there, or is another key.
    pub async fn compare_keys(&self, target: &CopyTarget) -> anyhow::Result<usize> {
        let sql = "select digest from api_keys where deleted_at is null order by random() limit $1";
        let digests: Vec<Vec<u8>> = sqlx::query_scalar(sql).bind(COMPARED_KEYS).fetch_all(self.read()?).await?;
        let (mut db, mut target_db) = (self.connection().await?, target.store.connection().await?);
        for digest in &digests {
            let own = keys::find_by_digest(&mut db, digest).await?.map(|found| found.key.id);
            let copied = keys::find_by_digest(&mut target_db, digest).await?.map(|found| found.key.id);
            ensure!(own == copied, "a key is not found in the target by its digest");
        }
        Ok(digests.len())
    }
}

/// Copies the rows of a table, and compares what was stored.
async fn copy_table(source: &mut Tx, target: &mut Tx, table: &str) -> anyhow::Result<Checksum> {
    let columns = columns(target, table).await?;
    let insert = insert_statement(target, table, &columns);
    let (mut copied, mut batch) = (Checksum::default(), Batch::default());
    let mut rows = sqlx::query(select_statement(table, &columns)).fetch(&mut *source);
    while let Some(row) = rows.try_next().await? {
        let json = to_json(&row, &columns)?;
        copied.add(&json);
        batch.add(&json);
        if batch.is_full() {
            insert_rows(target, &insert, &mut batch).await?;
        }
    }
    insert_rows(target, &insert, &mut batch).await?;
    let mut stored = Checksum::default();
    let mut rows = sqlx::query(select_statement(table, &columns)).fetch(&mut *target);
    while let Some(row) = rows.try_next().await? {
        stored.add(&to_json(&row, &columns)?);
    }
    ensure!(stored == copied, "its rows are not the same in the target");
    Ok(copied)
}

/// The number of rows, and a sum that does not depend on their order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Checksum {
    rows: u64,
    sum: u64,
}

impl Checksum {
    fn add(&mut self, row: &str) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

/// Rows to be inserted with one statement.
#[derive(Default)]
struct Batch {
    /// An array without its end.
    json: String,
    rows: usize,
}

impl Batch {
    fn add(&mut self, row: &str) {
        self.json.push(if self.rows == 0 { '[' } else { ',' });
        self.json.push_str(row);
        self.rows += 1;
    }

    const fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX || self.json.len() >= BYTES_MAX
    }

    /// The rows so far as a JSON array; `None` if there are none.
    fn take(&mut self) -> Option<String> {
        let Self { json, rows } = mem::take(self);
        (rows > 0).then(|| json + "]")
    }
}

struct Column {
    name: String,
    kind: ColumnKind,
}

#[derive(Clone, Copy)]
enum ColumnKind {
    Number,
    Text,
    Bytes,
}

/// The columns of a table of the target that are copied. SQLite's table has the same ones.
async fn columns(target: &mut Tx, table: &str) -> anyhow::Result<Vec<Column>> {
    let found: Vec<(String, String)> = sqlx::query_as(copy_target::COLUMNS).bind(table).fetch_all(target).await?;
    let column = |(name, data_type): (String, String)| {
        let kind = match data_type.as_str() {
            "bigint" => ColumnKind::Number,
            "text" => ColumnKind::Text,
            "bytea" => ColumnKind::Bytes,
            other => bail!("its column {name} has the type {other}"),
        };
        Ok(Column { name, kind })
    };
    let is_copied = |(name, _): &(String, String)| !NOT_COPIED.contains(&(table, name.as_str()));
    let columns = found.into_iter().filter(is_copied).map(column).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!columns.is_empty(), "the target has no such table");
    Ok(columns)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn select_statement(table: &str, columns: &[Column]) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("select {} from {table}", names(columns)))
}

/// Inserts the rows of the JSON array `$1`, whose values are in the order of the columns.
fn insert_statement(target: &Tx, table: &str, columns: &[Column]) -> String {
    let value = |(index, column): (usize, &Column)| match column.kind {
        ColumnKind::Number => format!("cast(value ->> {index} as bigint)"),
        ColumnKind::Text => format!("value ->> {index}"),
        ColumnKind::Bytes => target.bytes_of_hex(&format!("value ->> {index}")),
    };
    let values: Vec<String> = columns.iter().enumerate().map(value).collect();
    format!("insert into {table} ({}) select {} from {}", names(columns), values.join(", "), target.json_rows())
}

async fn insert_rows(target: &mut Tx, insert: &str, batch: &mut Batch) -> Result<(), StoreError> {
    if let Some(rows) = batch.take() {
        sqlx::query(AssertSqlSafe(insert)).bind(rows).execute(target).await?;
    }
    Ok(())
}

/// A row as a JSON array, with bytes in hexadecimal.
fn to_json(row: &AnyRow, columns: &[Column]) -> Result<String, sqlx::Error> {
    let value = |(index, column): (usize, &Column)| -> Result<Value, sqlx::Error> {
        Ok(match column.kind {
            ColumnKind::Number => row.try_get::<Option<i64>, _>(index)?.into(),
            ColumnKind::Text => row.try_get::<Option<String>, _>(index)?.into(),
            ColumnKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(hex::encode).into(),
        })
    };
    let values = columns.iter().enumerate().map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Array(values).to_string())
}

/// Fills the full-text index of each corpus, which the two databases store in different forms.
async fn index_words(source: &mut Tx, target: &mut Tx) -> anyhow::Result<()> {
    let sql = "select c.organization_id as organization, c.id as corpus, c.name, o.customer_id \
         from corpora c join organizations o on o.id = c.organization_id where c.deleted_at is null";
    let corpora: Vec<DocumentCorpus> = sqlx::query_as(sql).fetch_all(&mut *source).await?;
    for corpus in &corpora {
        index_corpus(source, target, corpus).await?;
    }
    Ok(())
}

async fn index_corpus(source: &mut Tx, target: &mut Tx, corpus: &DocumentCorpus) -> anyhow::Result<()> {
    let words = target.word_index(corpus);
    let insert = words.insert(target.json_rows());
    // The words of a title are in the index of the first part of its document.
    let sql = "select s.number, s.content, d.title from document_sections s left join documents d on d.organization_id = s.organization_id \
         and d.corpus_id = s.corpus_id and d.id = s.document_id and d.first_number = s.number \
         where s.organization_id = $1 and s.corpus_id = $2";
    let query = sqlx::query_as::<_, (i64, String, Option<String>)>(sql).bind(corpus.organization).bind(corpus.corpus);
    let mut parts = query.fetch(&mut *source);
    let mut batch = Batch::default();
    while let Some((number, content, title)) = parts.try_next().await? {
        let text = [joined_words(&title.unwrap_or_default()), joined_words(&content)].join(" ");
        let row = Value::Array(vec![number.into(), words.value(&text).into()]);
        batch.add(&row.to_string());
        if batch.is_full() {
            insert_rows(target, &insert, &mut batch).await?;
        }
    }
    insert_rows(target, &insert, &mut batch).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_table_is_copied_or_listed_as_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path(), StoreOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        let sql = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(store.read().unwrap()).await.unwrap();
        let mut listed: Vec<&str> = COPIED.iter().chain(LEFT_OUT).copied().collect();
        listed.sort_unstable();
        assert_eq!(tables, listed);
        for (index, table) in COPIED.iter().enumerate() {
            let sql = AssertSqlSafe(format!("select \"table\" from pragma_foreign_key_list('{table}')"));
            let parents: Vec<String> = sqlx::query_scalar(sql).fetch_all(store.read().unwrap()).await.unwrap();
            for parent in parents {
                assert!(COPIED[..index].contains(&parent.as_str()), "{table} refers to {parent}");
            }
        }
    }

    #[test]
    fn a_checksum_does_not_depend_on_the_order() {
        let of = |rows: &[&str]| {
            let mut checksum = Checksum::default();
            for row in rows {
                checksum.add(row);
            }
            checksum
        };
        assert_eq!(of(&["a", "b", "b"]), of(&["b", "a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "b", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "c"]));
    }

    #[test]
    fn a_batch_is_a_json_array() {
        let mut batch = Batch::default();
        assert_eq!(batch.take(), None);
        batch.add("[1]");
        batch.add("[2]");
        assert_eq!(batch.take().as_deref(), Some("[[1],[2]]"));
        assert_eq!(batch.take(), None);
        (0..ROWS_MAX).for_each(|_| {
            assert!(!batch.is_full());
            batch.add("[]");
        });
        assert!(batch.is_full());
    }
}
