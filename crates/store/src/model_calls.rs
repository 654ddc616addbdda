//! The log of model calls on PostgreSQL. On SQLite it is in files.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    Store, StoreError, Tx,
    engine::{self, CallPartition},
};
use latchkey_types::{
    id::{KeyId, OrganizationId},
    time::{DAY_MS, Timestamp},
};

/// A call in the log.
#[derive(Debug, Clone)]
pub struct NewCall {
    pub organization: OrganizationId,
    pub at: Timestamp,
    /// Unique among the organization's calls of the same millisecond.
    pub sequence: i64,
    pub key: Option<KeyId>,
    /// The event as JSON.
    pub event: String,
}

/// A call as it was stored.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredCall {
    pub at: Timestamp,
    pub sequence: i64,
    /// The event as JSON.
    pub event: String,
}

/// Days since 1970, UTC.
pub const fn day_of(time: Timestamp) -> i64 {
    time.0.div_euclid(DAY_MS)
}

/// Replaces PostgreSQL's table by one with a partition for each day, unless it has them.
pub(crate) async fn ensure_partitioned(tx: &mut Tx) -> Result<(), StoreError> {
    let partitioned: i64 = sqlx::query_scalar(engine::COUNT_PARTITIONED).fetch_one(&mut *tx).await?;
    if partitioned > 0 {
        return Ok(());
    }
    for statement in engine::PARTITION_TABLE {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    let one_of_each_day = "select min(at) from model_calls_before group by at / 86400000";
    let times: Vec<Timestamp> = sqlx::query_scalar(one_of_each_day).fetch_all(&mut *tx).await?;
    create_partitions(tx, times.into_iter().map(day_of)).await?;
    for statement in ["insert into model_calls select * from model_calls_before", "drop table model_calls_before"] {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Creates the partitions of these days that are missing. On SQLite there are none.
pub async fn create_partitions(tx: &mut Tx, days: impl IntoIterator<Item = i64>) -> Result<(), StoreError> {
    if !tx.has_call_partitions() {
        return Ok(());
    }
    for day in days {
        let partition = CallPartition { day };
        let found: i64 = sqlx::query_scalar(engine::COUNT_PARTITION).bind(partition.name()).fetch_one(&mut *tx).await?;
        if found == 0 {
            for statement in partition.create() {
                sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await?;
            }
        }
    }
    Ok(())
}

/// Drops the oldest partition before this day. Returns whether it did: not if there is none, nor if the log is being read for longer than the others
/// should wait. The transaction cannot be used after that.
pub async fn drop_oldest_before(tx: &mut Tx, day: i64) -> Result<bool, StoreError> {
    if !tx.has_call_partitions() {
        return Ok(false);
    }
    let end = CallPartition { day }.name();
    let oldest: Option<String> = sqlx::query_scalar(engine::OLDEST_PARTITION).bind(end).fetch_one(&mut *tx).await?;
    let Some(name) = oldest else { return Ok(false) };
    sqlx::query(engine::DROP_WAIT).execute(&mut *tx).await?;
    match sqlx::query(AssertSqlSafe(format!("drop table {name}"))).execute(&mut *tx).await {
        Err(error) if engine::is_lock_timeout(&error) => {
            tracing::info!(partition = name.as_str(), "the log of calls is being read: its oldest day is dropped later");
            Ok(false)
        }
        dropped => Ok(dropped.map(|_| true)?),
    }
}

/// Adds calls, and the partitions of their days that are missing. A call that is stored already is not changed.
pub async fn insert(store: &Store, tx: &mut Tx, calls: &[NewCall]) -> Result<(), StoreError> {
    let days: BTreeSet<i64> = calls.iter().map(|call| day_of(call.at)).collect();
    create_partitions(tx, days).await?;
    let sql = AssertSqlSafe(format!(
        "insert into model_calls (organization_id, at, sequence, key_id, event) \
         select value ->> 0, cast(value ->> 1 as bigint), cast(value ->> 2 as bigint), value ->> 3, value ->> 4 from {} where true \
         on conflict (organization_id, at, sequence) do nothing",
        store.json_rows()
    ));
    let row = |call: &NewCall| json!([call.organization, call.at, call.sequence, key_text(call.key), call.event]);
    sqlx::query(sql).bind(calls.iter().map(row).collect::<Value>().to_string()).execute(tx).await?;
    Ok(())
}

fn key_text(key: Option<KeyId>) -> String {
    key.map(|key| key.to_string()).unwrap_or_default()
}

/// Which calls are selected.
#[derive(Debug, Clone, Copy)]
pub struct CallSelection {
    pub organization: OrganizationId,
    /// Time and sequence of the call before which they were made.
    pub before: (i64, i64),
    /// They were made at this time or later.
    pub from: i64,
    /// `None` for all calls.
    pub key: Option<KeyId>,
    pub limit: i64,
}

/// Calls, newest first.
pub async fn select(store: &Store, selection: CallSelection) -> Result<Vec<StoredCall>, StoreError> {
    let CallSelection { organization, before, from, key, limit } = selection;
    // No condition that accepts any key, so that the index of the key is used. PostgreSQL selects partitions by conditions of `at` alone.
    let of_key = if key.is_some() { "and key_id = $6 " } else { "" };
    let sql = AssertSqlSafe(format!(
        "select at, sequence, event from model_calls \
         where organization_id = $1 and (at, sequence) < ($2, $3) and at <= $2 and at >= $4 {of_key}order by at desc, sequence desc limit $5"
    ));
    let query = sqlx::query_as(sql).bind(organization).bind(before.0).bind(before.1).bind(from).bind(limit);
    let query = if let Some(key) = key { query.bind(key) } else { query };
    let _permit = store.list_permit().await?;
    Ok(query.fetch_all(store.read()?).await?)
}

/// For how many days each organization keeps its log.
pub async fn days_kept(store: &Store) -> Result<Vec<(OrganizationId, i64)>, StoreError> {
    Ok(sqlx::query_as("select id, call_log_days from organizations").fetch_all(store.read()?).await?)
}

/// Deletes calls before this time, at most 5,000 of them, to keep the write lock short. Returns whether there may be more.
pub async fn delete_before(tx: &mut Tx, organization: OrganizationId, time: Timestamp) -> Result<bool, StoreError> {
    let sql = "delete from model_calls where organization_id = $1 and at < $2 and at <= \
               (select max(at) from (select at from model_calls where organization_id = $1 and at < $2 order by at limit 5000) as oldest)";
    Ok(sqlx::query(sql).bind(organization).bind(time).execute(tx).await?.rows_affected() > 0)
}
