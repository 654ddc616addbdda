//! A database on PostgreSQL into which the data of SQLite is copied.

/// Counts the tables of the database.
pub(crate) const COUNT_TABLES: &str = "select count(*) from pg_tables where schemaname = current_schema()";

/// Counts the extension that name search needs.
pub(crate) const COUNT_EXTENSION: &str = "select count(*) from pg_extension where extname = 'pg_trgm'";

/// Drops that extension.
pub(crate) const DROP_EXTENSION: &str = "drop extension if exists pg_trgm";

/// The names and types of the columns of the table `$1`.
pub(crate) const COLUMNS: &str = "select cast(column_name as text), cast(data_type as text) from information_schema.columns \
     where table_schema = current_schema() and table_name = $1 order by ordinal_position";

/// For the transaction that copies all rows: it is idle while rows are read from SQLite.
pub(crate) const NO_TIME_LIMITS: [&str; 2] = ["set local statement_timeout = 0", "set local idle_in_transaction_session_timeout = 0"];

/// The types of objects that are dropped if a copy fails, each with the statement that lists their names.
pub(crate) const CREATED: [(&str, &str); 3] = [
    ("table", "select cast(tablename as text) from pg_tables where schemaname = current_schema()"),
    ("sequence", "select cast(sequencename as text) from pg_sequences where schemaname = current_schema()"),
    // Those of the triggers.
    (
        "function",
        "select cast(p.proname as text) from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
         where n.nspname = current_schema() and p.proname like 'latchkey\\_%'",
    ),
];
