//! The log of model calls on PostgreSQL: a table with a partition for each day in UTC, so that a day is deleted without reading its calls. On SQLite
//! the table has no partitions, and the log is in files.

use latchkey_types::time::{DAY_MS, civil_from_days};

use super::Engine;

/// Replaces the table of the migration by a partitioned one; its calls are in `model_calls_before`. There is no time limit: they are copied next.
pub(crate) const PARTITION_TABLE: [&str; 7] = [
    "set local statement_timeout = 0",
    "alter table model_calls rename to model_calls_before",
    "alter table model_calls_before drop constraint model_calls_pkey",
    "drop index model_calls_of_key",
    "create table model_calls (like model_calls_before) partition by range (at)",
    "alter table model_calls add primary key (organization_id, at, sequence)",
    "create index model_calls_of_key on model_calls (organization_id, key_id, at, sequence)",
];

/// Counts the table if it is partitioned.
pub(crate) const COUNT_PARTITIONED: &str = "select count(*) from pg_partitioned_table where partrelid = to_regclass('model_calls')";

/// Counts the partition with the name `$1`.
pub(crate) const COUNT_PARTITION: &str =
    "select count(*) from pg_inherits where inhrelid = to_regclass($1) and inhparent = to_regclass('model_calls')";

/// The name of the oldest partition before `$1`: names sort by day. Other partitions are not Latchkey's.
pub(crate) const OLDEST_PARTITION: &str = "select min(cast(c.relname as text)) from pg_inherits i join pg_class c on c.oid = i.inhrelid \
     where i.inhparent = to_regclass('model_calls') and c.relname ~ '^model_calls_[0-9]{4}_[0-9]{2}_[0-9]{2}$' and cast(c.relname as text) < $1";

/// For how long dropping a partition waits for readers. Until then, later readers and all writers wait for it.
pub(crate) const DROP_WAIT: &str = "set local lock_timeout = '500ms'";

/// The partition of one day.
#[derive(Clone, Copy)]
pub(crate) struct CallPartition {
    /// Days since 1970, UTC.
    pub(crate) day: i64,
}

impl Engine {
    /// Whether the log of model calls has partitions.
    pub(crate) const fn has_call_partitions(&self) -> bool {
        self.file.is_none()
    }
}

impl CallPartition {
    pub(crate) fn name(self) -> String {
        let (year, month, day) = civil_from_days(self.day);
        format!("model_calls_{year:04}_{month:02}_{day:02}")
    }

    /// Creates the partition, or attaches it again. `create table … partition of` would wait for all readers of the log, and the others for it.
    pub(crate) fn create(self) -> [String; 2] {
        let (name, start) = (self.name(), self.day * DAY_MS);
        [
            format!("create table if not exists {name} (like model_calls)"),
            format!("alter table model_calls attach partition {name} for values from ({start}) to ({})", start + DAY_MS),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_partitions_sort_by_day() {
        let names: Vec<String> = [20_420, 20_421, 20_453, 20_786].map(|day| CallPartition { day }.name()).into();
        assert_eq!(names, ["model_calls_2025_11_28", "model_calls_2025_11_29", "model_calls_2025_12_31", "model_calls_2026_11_29"]);
        assert!(names.is_sorted());
    }

    #[test]
    fn a_partition_has_the_calls_of_its_day() {
        let [_, attach] = CallPartition { day: 20_786 }.create();
        assert!(attach.ends_with("model_calls_2026_11_29 for values from (1795910400000) to (1795996800000)"), "{attach}");
    }
}
