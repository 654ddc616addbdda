//! Locks of write transactions on PostgreSQL. SQLite has one write transaction at a time.

use super::{super::transaction::WriteLock, Engine};

/// The ids of advisory locks are arbitrary numbers that no other application on the database should use. This one excludes the write transactions of
/// all organizations. Each statement takes it first, so that no two transactions wait for each other.
const EVERYTHING: &str = "select pg_advisory_xact_lock(5497081207911)";
/// Excludes only transactions with [`EVERYTHING`].
const NOTHING: &str = "select pg_advisory_xact_lock_shared(5497081207911)";
/// Excludes also transactions with the same id. PostgreSQL evaluates the list from left to right.
const EXCLUSIVE: &str = "select pg_advisory_xact_lock_shared(5497081207911), pg_advisory_xact_lock($1)";
/// Excludes also transactions with [`EXCLUSIVE`] and the same id.
const SHARED: &str = "select pg_advisory_xact_lock_shared(5497081207911), pg_advisory_xact_lock_shared($1)";

/// Added to the number of a task. The ids of organizations are negative.
const TASKS: i64 = 5_497_081_208_000;
/// Added to the remainder of the hash of a budget's owner.
const BUDGETS: i64 = 5_497_081_209_000;
/// Added to the remainder of the hash of a digest of a key.
const DIGESTS: i64 = 5_497_081_210_000;

impl Engine {
    /// The statement that takes the lock of a write transaction, and the id that it binds. PostgreSQL grants a lock in the order of the requests:
    /// transactions that share it do not delay one that excludes them. `None` on SQLite.
    pub(crate) fn lock(&self, lock: WriteLock) -> Option<(&'static str, Option<i64>)> {
        if self.file.is_some() {
            return None;
        }
        Some(match lock {
            WriteLock::Everything => (EVERYTHING, None),
            WriteLock::Organization(organization) => (EXCLUSIVE, Some(organization.lower_half())),
            WriteLock::Rows(organization) => (SHARED, Some(organization.lower_half())),
            WriteLock::Task(task) => (EXCLUSIVE, Some(TASKS + i64::from(task as u8))),
            WriteLock::Nothing => (NOTHING, None),
        })
    }

    /// How many write transactions of this instance there may be at a time. On PostgreSQL half of the connections are left for reads, also for those
    /// of rules that are in a write transaction.
    pub(crate) fn writers(&self, connections: u32) -> usize {
        if self.file.is_some() { 1 } else { usize::try_from(connections / 2).unwrap_or(1).max(1) }
    }

    /// Excludes other transactions that lock the budgets of one of the owners in the JSON array that is bound to `$1`. `None` on SQLite.
    pub(crate) fn lock_budgets(&self) -> Option<String> {
        self.lock_hashes(BUDGETS)
    }

    /// Excludes other transactions that lock one of the digests in the JSON array that is bound to `$1`. `None` on SQLite.
    pub(crate) fn lock_digests(&self) -> Option<String> {
        self.lock_hashes(DIGESTS)
    }

    /// Locks the texts in the JSON array that is bound to `$1`, in one order. By the remainder of their hashes: a lock for each of hundreds could
    /// exceed the lock table.
    fn lock_hashes(&self, first: i64) -> Option<String> {
        let sql = |rows: &str| {
            format!(
                "select pg_advisory_xact_lock({first} + bucket) from \
                 (select distinct abs(hashtext(value ->> 0) % 64) as bucket from {rows} order by bucket) as buckets"
            )
        };
        self.file.is_none().then(|| sql(self.json_rows()))
    }

    /// The suffix of a `select` that locks its rows until the end of the transaction, in the order in which it returns them. Rows that refer to
    /// them can be inserted meanwhile, so the locked ones may not be deleted, nor their unique columns be changed.
    pub(crate) const fn for_update(&self) -> &'static str {
        if self.file.is_some() { "" } else { " for no key update" }
    }

    /// The suffix of a `select` that locks its rows, without those that another transaction has locked.
    pub(crate) const fn for_update_of_unlocked(&self) -> &'static str {
        if self.file.is_some() { "" } else { " for update skip locked" }
    }

    /// The expression for the next number in a column that numbers the rows of a table. On PostgreSQL, where transactions are concurrent, the numbers
    /// of transactions that were rolled back are missing.
    pub(crate) fn next_number(&self, table: &str, column: &str) -> String {
        if self.file.is_some() {
            // Write transactions are serialized, so the next number is free.
            format!("(select coalesce(max({column}), 0) + 1 from {table})")
        } else {
            format!("nextval('{table}_{column}')")
        }
    }
}

/// Statements that create the sequences of [`Engine::next_number`] on PostgreSQL. They continue the numbers of a version without them, and of a copied
/// database.
pub(crate) fn sequences() -> impl Iterator<Item = String> {
    let columns = [("api_keys", "number"), ("credentials", "number"), ("notifications", "seq"), ("verdict_changes", "seq")];
    columns.into_iter().flat_map(|(table, column)| {
        let sequence = format!("{table}_{column}");
        [
            format!("create sequence if not exists {sequence} as bigint"),
            format!(
                "select setval('{sequence}', greatest((select coalesce(max({column}), 0) + 1 from {table}), \
                 (select last_value + case when is_called then 1 else 0 end from {sequence})), false)"
            ),
        ]
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, path::Path};

    use super::*;
    use crate::transaction::WriteTask;
    use latchkey_types::id::OrganizationId;

    #[test]
    fn each_lock_has_its_own_id() {
        let engine = Engine::of(Some("postgres://localhost/latchkey"), Path::new("/data")).unwrap();
        let tasks = [WriteTask::Usage, WriteTask::ModelUsage, WriteTask::CallLog, WriteTask::Receipts, WriteTask::AuditLog].map(WriteLock::Task);
        let organizations = [OrganizationId::new(), OrganizationId::new()].map(WriteLock::Organization);
        let ids: HashSet<i64> = tasks.into_iter().chain(organizations).filter_map(|lock| engine.lock(lock)?.1).collect();
        assert_eq!((ids.len(), ids.iter().filter(|id| **id < 0).count()), (7, 2));
        let organization = OrganizationId::new();
        let [(exclusive, id), (shared, same)] =
            [WriteLock::Organization(organization), WriteLock::Rows(organization)].map(|lock| engine.lock(lock).unwrap());
        assert!(id == same && exclusive != shared);
        assert_eq!(Engine::of(None, Path::new("/data")).unwrap().lock(WriteLock::Everything), None);
    }

    #[test]
    fn half_of_the_connections_can_write() {
        let engine = |url| Engine::of(url, Path::new("/data")).unwrap();
        let postgres = engine(Some("postgres://localhost/latchkey"));
        assert_eq!((engine(None).writers(8), postgres.writers(12), postgres.writers(1)), (1, 6, 1));
    }
}
