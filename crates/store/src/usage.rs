//! Usage of keys: number of requests, cost, and last use.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx, fold, sql_kinds};
use latchkey_types::{
    id::{KeyId, OrganizationId, UserId},
    key_kind::{KIND_SPECS, KeyKind},
    money::Money,
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

/// Usage of a key in one minute.
#[derive(Debug, Clone, Copy)]
pub struct MinuteUsage {
    pub key: KeyId,
    pub organization: OrganizationId,
    /// Minutes since 1970, UTC.
    pub minute: i64,
    pub totals: UsageTotals,
}

/// A number of requests and their total cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageTotals {
    pub requests: i64,
    /// Each request at the price of its time.
    pub cost: Money,
}

impl UsageTotals {
    pub fn add(&mut self, other: Self) {
        *self = Self { requests: self.requests.saturating_add(other.requests), cost: self.cost + other.cost };
    }
}

/// Records that this transaction writes the writer's batch of this number. Returns `false` if that batch was committed before.
pub async fn record_batch(tx: &mut Tx, writer: &str, number: i64, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "insert into usage_batches (writer, number, written_at) values ($1, $2, $3) \
               on conflict (writer) do update set number = excluded.number, written_at = excluded.written_at \
               where usage_batches.number < excluded.number";
    Ok(sqlx::query(sql).bind(writer).bind(number).bind(now).execute(tx).await?.rows_affected() > 0)
}

/// Deletes the records of instances that have written nothing since this time.
pub async fn delete_batches_before(tx: &mut Tx, time: Timestamp) -> Result<(), StoreError> {
    sqlx::query("delete from usage_batches where written_at < $1").bind(time).execute(tx).await?;
    Ok(())
}

/// Records when keys were last used. Keeps a later time that another instance recorded.
pub async fn set_last_used(store: &Store, tx: &mut Tx, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
    let sql = format!(
        "update api_keys set last_used_at = used.at from \
         (select value ->> 0 as id, cast(value ->> 1 as bigint) as at from {}) as used \
         where api_keys.id = used.id and coalesce(api_keys.last_used_at, 0) < used.at",
        store.json_rows()
    );
    execute(tx, sql, uses.iter().map(|(id, at)| json!([id, at.0]))).await
}

/// Adds to the usage per minute and per day.
pub async fn add(store: &Store, tx: &mut Tx, counts: &[MinuteUsage]) -> Result<(), StoreError> {
    let minutes = format!(
        "insert into usage_by_minute (key_id, minute, requests, cost) \
         select value ->> 0, cast(value ->> 1 as bigint), cast(value ->> 2 as bigint), cast(value ->> 3 as bigint) from {} where true \
         on conflict (key_id, minute) do update set requests = usage_by_minute.requests + excluded.requests, cost = {}",
        store.json_rows(),
        added_cost("usage_by_minute")
    );
    execute(tx, minutes, counts.iter().map(|row| json!([row.key, row.minute, row.totals.requests, row.totals.cost.0]))).await?;
    // Several minutes can fall on one day, and PostgreSQL does not update a row twice in one statement.
    let mut days = BTreeMap::<(OrganizationId, i64, KeyId), UsageTotals>::new();
    for row in counts {
        days.entry((row.organization, row.minute.div_euclid(DAY_MS / MINUTE_MS), row.key)).or_default().add(row.totals);
    }
    let sql = format!(
        "insert into usage_by_day (organization_id, day, key_id, requests, cost) \
         select value ->> 0, cast(value ->> 1 as bigint), value ->> 2, cast(value ->> 3 as bigint), cast(value ->> 4 as bigint) from {} where true \
         on conflict (organization_id, day, key_id) do update set requests = usage_by_day.requests + excluded.requests, cost = {}",
        store.json_rows(),
        added_cost("usage_by_day")
    );
    let rows = days.into_iter().map(|((organization, day, key), totals)| json!([organization, day, key, totals.requests, totals.cost.0]));
    execute(tx, sql, rows).await
}

/// Runs a statement over the JSON array of `rows`.
async fn execute(tx: &mut Tx, sql: String, rows: impl Iterator<Item = Value>) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(sql)).bind(rows.collect::<Value>().to_string()).execute(tx).await?;
    Ok(())
}

/// SQL for the sum of old and added cost, capped at the maximum: a statement that overflows would fail every time.
fn added_cost(table: &str) -> String {
    let highest = i64::MAX;
    format!("case when {table}.cost > {highest} - excluded.cost then {highest} else {table}.cost + excluded.cost end")
}

/// Sums a column `cost` in two columns, for [`CostSum`], because neither engine sums integers beyond 64 bits.
pub const COST_SUM: &str = "cast(sum(cost / 1000000) as bigint) as cost_units, cast(sum(cost % 1000000) as bigint) as cost_micros";

/// The columns of [`COST_SUM`].
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct CostSum {
    cost_units: i64,
    cost_micros: i64,
}

impl CostSum {
    /// The sum, capped at the maximum.
    pub const fn money(self) -> Money {
        Money(self.cost_units.saturating_mul(1_000_000).saturating_add(self.cost_micros))
    }
}

/// Adds to the usage of a retired secret.
pub async fn add_to_retired(tx: &mut Tx, digest: &[u8], uses: i64, last: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update retired_secrets set uses = uses + $1, last_used_at = $2 where digest = $3")
        .bind(uses)
        .bind(last)
        .bind(digest)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes usage per minute before `minute`, at most one hour of it, to keep the write lock short. Usage per day is kept.
pub async fn delete_minutes_before(tx: &mut Tx, minute: i64) -> Result<(), StoreError> {
    let sql = "delete from usage_by_minute where minute < $1 and minute < (select min(minute) from usage_by_minute) + 60";
    sqlx::query(sql).bind(minute).execute(tx).await?;
    Ok(())
}

/// Usage of a key over several days.
#[derive(Debug, sqlx::FromRow)]
pub struct KeyUsageRow {
    /// The key, which may be deleted.
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: String,
    pub mask: String,
    pub deleted_at: Option<Timestamp>,
    pub requests: i64,
    #[sqlx(flatten)]
    pub cost: CostSum,
    /// Share of the requests of all keys, in tenths of a percent.
    pub share: i64,
}

/// The keys whose usage is listed.
#[derive(Debug, Clone, Copy)]
pub struct UsedKeys<'a> {
    pub organization: OrganizationId,
    /// From the first day to before the second one.
    pub days: (i64, i64),
    /// Of personal kinds only the keys of this user, or all keys for `None`.
    pub personal_of: Option<UserId>,
    /// Only keys whose name contains this text.
    pub search: &'a str,
}

impl UsedKeys<'_> {
    /// The condition for a key `k`, in terms of the placeholders $4 and $5.
    fn condition(store: &Store) -> String {
        let personal = sql_kinds(KIND_SPECS.iter().filter(|spec| spec.is_personal));
        let position = store.position_function();
        // The position of an empty text is 1.
        format!("(k.created_by = coalesce($4, k.created_by) or k.kind not in ({personal})) and {position}(k.name_folded, $5) > 0")
    }
}

/// Used keys, the most used ones first, except the first `skipped`. The rounded shares of all used keys add up to 1000: those with the largest
/// remainders are rounded up.
pub async fn used_keys(store: &Store, keys: UsedKeys<'_>, (skipped, limit): (i64, i64)) -> Result<Vec<KeyUsageRow>, StoreError> {
    let condition = UsedKeys::condition(store);
    let sql = AssertSqlSafe(format!(
        "with used as (select key_id, cast(sum(requests) as bigint) as requests, {COST_SUM} from usage_by_day \
             where organization_id = $1 and day >= $2 and day < $3 group by key_id having sum(requests) > 0), \
         total as (select cast(sum(requests) as bigint) as requests from used), \
         shares as (select used.*, used.requests * 1000 / total.requests as tenths, \
             row_number() over (order by used.requests * 1000 % total.requests desc, used.key_id) as remainder_rank from used cross join total) \
         select k.id, k.kind, k.name, k.mask, k.deleted_at, s.requests, s.cost_units, s.cost_micros, \
             s.tenths + case when s.remainder_rank <= 1000 - (select cast(sum(tenths) as bigint) from shares) then 1 else 0 end as share \
         from shares s join api_keys k on k.id = s.key_id where {condition} order by s.requests desc, k.number limit $6 offset $7"
    ));
    let search = fold(keys.search);
    let query = sqlx::query_as(sql).bind(keys.organization).bind(keys.days.0).bind(keys.days.1).bind(keys.personal_of).bind(search);
    // As for lists, because it reads the usage of all keys.
    let _permit = store.list_permit().await?;
    Ok(query.bind(limit).bind(skipped).fetch_all(store.read()?).await?)
}

/// Number of used keys.
pub async fn count_used_keys(store: &Store, keys: UsedKeys<'_>) -> Result<i64, StoreError> {
    let condition = UsedKeys::condition(store);
    let sql = AssertSqlSafe(format!(
        "select count(*) from (select distinct key_id from usage_by_day where organization_id = $1 and day >= $2 and day < $3 and requests > 0) d \
         join api_keys k on k.id = d.key_id where {condition}"
    ));
    let query = sqlx::query_scalar(sql).bind(keys.organization).bind(keys.days.0).bind(keys.days.1).bind(keys.personal_of);
    let _permit = store.list_permit().await?;
    Ok(query.bind(fold(keys.search)).fetch_one(store.read()?).await?)
}

/// The organization's usage on one day.
#[derive(Debug, sqlx::FromRow)]
pub struct DayUsageRow {
    /// Days since 1970, UTC.
    pub day: i64,
    pub requests: i64,
    #[sqlx(flatten)]
    pub cost: CostSum,
}

/// The organization's usage per day from `from_day` to before `to_day`, without days that have none.
pub async fn days(store: &Store, organization: OrganizationId, from_day: i64, to_day: i64) -> Result<Vec<DayUsageRow>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select day, cast(sum(requests) as bigint) as requests, {COST_SUM} from usage_by_day where organization_id = $1 and day >= $2 and day < $3 \
         group by day order by day"
    ));
    Ok(sqlx::query_as(sql).bind(organization).bind(from_day).bind(to_day).fetch_all(store.read()?).await?)
}

/// The first day with usage of the organization's keys.
pub async fn first_day(store: &Store, organization: OrganizationId) -> Result<Option<i64>, StoreError> {
    let sql = "select min(day) from usage_by_day where organization_id = $1";
    Ok(sqlx::query_scalar(sql).bind(organization).fetch_one(store.read()?).await?)
}
