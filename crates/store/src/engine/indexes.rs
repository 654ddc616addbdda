//! Indexes that are created after the migrations. On PostgreSQL a migration would block a table of millions of rows for minutes.

use super::Engine;

/// The index that is created after the earlier uses of keys were stored where it finds them.
pub(crate) const BY_USE: &str = "api_keys_by_use";

/// Names, and what follows `on`. ` bytewise` stands for the collation. Those that other statements than lists need come first.
const INDEXES: [(&str, &str); 9] = [
    ("api_keys_of_creator", "api_keys (created_by, kind, number) where deleted_at is null"),
    ("api_keys_by_name", "api_keys (organization_id, kind, name_folded bytewise, number) where deleted_at is null"),
    ("api_keys_by_mask", "api_keys (organization_id, kind, mask bytewise, number) where deleted_at is null"),
    (
        "api_keys_by_external_id",
        "api_keys (organization_id, kind, external_id bytewise, number) where deleted_at is null and external_id is not null",
    ),
    // For lists by expiry and by status, with what they check.
    (
        "api_keys_by_expires_at",
        "api_keys (organization_id, kind, (coalesce(expires_at, 9223372036854775807)), number, expires_at, disabled_at, revoked_at, name_folded) \
         where deleted_at is null",
    ),
    ("api_keys_disabled", "api_keys (organization_id, kind, number) where deleted_at is null and disabled_at is not null"),
    ("api_keys_revoked", "api_keys (organization_id, kind, number) where deleted_at is null and revoked_at is not null"),
    (BY_USE, "api_keys (organization_id, kind, sorted_use_at, number, use_moved_in, name_folded) where deleted_at is null"),
    (
        "api_keys_by_moved_use",
        "api_keys (organization_id, kind, use_moved_in, earlier_use_moved_in, earlier_use_at, number) \
         where deleted_at is null and use_moved_in > 0",
    ),
];

/// Finds an event by its id: one that is chained must not be chained again. Only on PostgreSQL.
const AUDIT_IDS: (&str, &str) = ("audit_events_by_id", "audit_events (id)");

/// Only on PostgreSQL.
const TRIGRAMS: (&str, &str) = ("api_keys_of_trigram", "api_keys using gin (name_folded gin_trgm_ops) where deleted_at is null");

/// The names of the indexes of PostgreSQL that are complete.
pub(crate) const VALID_INDEXES: &str = "select cast(c.relname as text) from pg_index i join pg_class c on c.oid = i.indexrelid \
     join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema() and i.indisvalid";

/// Counts the tables with these indexes that have rows, each as one.
pub(crate) const COUNT_FILLED_TABLES: &str = "select (select count(*) from (select 1 from api_keys limit 1) as keys) \
     + (select count(*) from (select 1 from audit_events limit 1) as events)";

/// The lowest and highest number of the keys that were used before lists sorted them by it, on PostgreSQL. The trigger ignores lower times.
pub(crate) const UNSORTED_USES: &str = "select min(number), max(number) from api_keys where sorted_use_at = 0 and last_used_at >= 300000";

/// Repeats the last use of those keys from number `$1` to `$2`, for the trigger. A key that another transaction has locked is left for later, because
/// waiting for it could be a deadlock.
pub(crate) const SORT_USES: &str = "update api_keys set last_used_at = last_used_at where number in (select number from api_keys \
     where number between $1 and $2 and sorted_use_at = 0 and last_used_at >= 300000 for no key update skip locked)";

impl Engine {
    /// The names of the indexes, and what follows `on`.
    pub(crate) fn indexes(&self) -> Vec<(&'static str, String)> {
        let (first, last) = if self.file.is_some() { (None, None) } else { (Some(AUDIT_IDS), Some(TRIGRAMS)) };
        let collation = self.bytewise_collation();
        let all = first.into_iter().chain(INDEXES).chain(last);
        all.map(|(name, definition)| (name, definition.replace(" bytewise", collation))).collect()
    }

    /// Statements that create the indexes at once, which takes long if the tables have many rows.
    pub(crate) fn create_indexes(&self) -> Vec<String> {
        self.indexes().into_iter().map(|(name, definition)| format!("create index if not exists {name} on {definition}")).collect()
    }

    /// On SQLite, a statement that counts the index by use, and one for the time before it exists: it sets the last use by which lists are sorted.
    pub(crate) const fn sort_uses_once(&self) -> Option<[&'static str; 2]> {
        if self.file.is_none() {
            return None;
        }
        Some([
            "select count(*) from sqlite_master where name = 'api_keys_by_use'",
            "update api_keys set sorted_use_at = last_used_at where last_used_at > 0",
        ])
    }
}
