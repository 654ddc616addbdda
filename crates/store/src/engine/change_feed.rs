//! The statements of the change feed on PostgreSQL. All times in them are the database's, which need not agree with those of the instances.

use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};

use super::{
    super::{Connection, StoreError, instances::InstanceInfo, snapshot::Snapshot},
    Engine,
};
use latchkey_types::id::InstanceId;

/// The channel on which an instance that has changed something wakes the others.
pub(crate) const CHANGED: &str = "latchkey";
/// The channel on which an instance that has applied a change wakes those that wait for it.
pub(crate) const CONFIRMED: &str = "latchkey_confirmed";

/// Columns of [`EXCHANGE`]: what the row is, and its text, number, name, snapshot and time.
pub(crate) type FeedRow = (String, String, i64, String, String, i64);

/// Id, name, renewals, applied snapshot and lag of an instance.
pub(crate) type InstanceRow = (String, String, i64, String, i64);

/// Confirms the snapshot `$2`, whose changes were applied, and reads what was committed since. In one statement, because its duration is what
/// limits how slow a database may be for a lease. What is visible now and was not in the snapshot `$6` is new: transactions are not committed in
/// the order of their numbers, and any with a number from `$5` on may be new.
///
/// Compares with `pg_visible_in_snapshot` here, because a transaction that stays open for long makes the range large.
const EXCHANGE: &str = "with renewed as (update instances set renewals = renewals + 1, applied = $2, lag_ms = $3, \
     seen_at = cast(extract(epoch from clock_timestamp()) * 1000 as bigint) where id = $1 and ended_at is null returning 1) \
     select 'renewed' as kind, '' as text, count(*) as number, '' as name, '' as applied, cast(0 as bigint) as at from renewed \
     union all select 'snapshot', cast(pg_current_snapshot() as text), 0, '', '', cast(extract(epoch from clock_timestamp()) * 1000 as bigint) \
     union all select 'change', change, xid, '', '', created_at from verdict_changes \
     where xid >= $5 and not pg_visible_in_snapshot(cast(cast(xid as text) as xid8), cast($6 as pg_snapshot)) \
     union all select 'instance', id, renewals, name, applied, lag_ms from instances where ended_at is null \
     union all select 'schema', '', oldest_program, '', '', 0 from schema_state \
     union all select 'signal', cast(pg_notify('latchkey_confirmed', $1) as text), 0, '', '', 0 from renewed where $4";

/// `set_config` for this transaction only: a crash of the database must not lose the registration. Its result is used, so that it is called.
const REGISTER: &str = "insert into instances (id, name, version, started_at, renewals, applied, lag_ms, seen_at) \
     select $1, $2, $3, $4, 0, '0:0:', 0, cast(extract(epoch from clock_timestamp()) * 1000 as bigint) \
     where set_config('synchronous_commit', 'on', true) = 'on'";

/// Succeeds only if the instance has not renewed its lease meanwhile.
const FENCE: &str = "update instances set ended_at = cast(extract(epoch from clock_timestamp()) * 1000 as bigint) \
     where id = $1 and renewals = $2 and ended_at is null";

pub(crate) const LEAVE: &str =
    "update instances set ended_at = cast(extract(epoch from clock_timestamp()) * 1000 as bigint) where id = $1 and ended_at is null";

pub(crate) const INSTANCES: &str = "select id, name, renewals, applied, lag_ms from instances where ended_at is null";

/// Its result is text, because `Any` has no `void`.
pub(crate) const SIGNAL: &str = "select cast(pg_notify('latchkey', $1) as text)";

/// Instances that ended a day ago, and changes of an hour ago, at most 100,000. The numbers of changes begin at the oldest one.
pub(crate) const CLEAN: &[&str] = &[
    "delete from instances where ended_at < cast(extract(epoch from clock_timestamp() - interval '1 day') * 1000 as bigint)",
    "delete from verdict_changes where seq < (select coalesce(min(seq), 0) + 100000 from verdict_changes) \
     and created_at < cast(extract(epoch from clock_timestamp() - interval '1 hour') * 1000 as bigint)",
];

/// What an instance has applied, and what it has not read yet.
pub(crate) struct Confirmation<'a> {
    pub(crate) id: InstanceId,
    /// The last read that was applied. `None` if changes may have been missed: then none are read.
    pub(crate) applied: Option<&'a Snapshot>,
    pub(crate) lag_ms: i64,
    /// Whether to wake those that may wait for it.
    pub(crate) signals: bool,
}

/// A connection for the feed alone.
pub(crate) async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    // One round trip. A confirmation is about memory, so it need not be on disk: a crash of the database ends the connection, and then the
    // instance empties its cache.
    let setup = "set synchronous_commit = off; set default_transaction_isolation = 'read committed'; set statement_timeout = '2s'; \
                 set lock_timeout = '1s'";
    Executor::execute(&mut connection, sqlx::raw_sql(setup)).await?;
    Ok(connection)
}

pub(crate) async fn register(connection: &mut PgConnection, instance: &InstanceInfo) -> Result<(), sqlx::Error> {
    sqlx::query(REGISTER)
        .bind(instance.id.to_string())
        .bind(&instance.name)
        .bind(&instance.version)
        .bind(instance.started_at.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn exchange(connection: &mut PgConnection, confirmation: Confirmation<'_>) -> Result<Vec<FeedRow>, sqlx::Error> {
    let Confirmation { id, applied, lag_ms, signals } = confirmation;
    // PostgreSQL accepts no snapshot that contains nothing, so that of the confirmation is read only here.
    let (confirmed, from, seen) = match applied {
        Some(applied) => (applied.to_string(), applied.oldest(), applied.to_string()),
        None => (Snapshot::default().to_string(), i64::MAX, "1:1:".to_owned()),
    };
    let query = sqlx::query_as(EXCHANGE).bind(id.to_string()).bind(confirmed).bind(lag_ms).bind(signals).bind(from).bind(seen);
    query.fetch_all(connection).await
}

/// Ends an instance. Returns whether it had not renewed its lease.
pub(crate) async fn fence(connection: &mut PgConnection, id: InstanceId, renewals: i64) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query(FENCE).bind(id.to_string()).bind(renewals).execute(connection).await?.rows_affected() > 0)
}

/// Stores changes in the transaction that makes them. Returns its number.
pub(crate) async fn insert_changes(tx: &mut Connection, engine: &Engine, changes: &str) -> Result<Option<i64>, StoreError> {
    let sql = format!(
        "insert into verdict_changes (seq, created_at, change, xid) \
         select {}, cast(extract(epoch from clock_timestamp()) * 1000 as bigint), value ->> 0, cast(cast(pg_current_xact_id() as text) as bigint) \
         from {} returning xid",
        engine.next_number("verdict_changes", "seq"),
        engine.json_rows()
    );
    let xids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(changes).fetch_all(tx).await?;
    Ok(xids.first().copied())
}
