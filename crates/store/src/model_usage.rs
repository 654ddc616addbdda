//! Usage of language models by hour and by day.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx};
use latchkey_types::{
    budget::{TokenCounts, UsageState},
    dollars::Dollars,
    id::{KeyId, ModelId, OrganizationId, ProviderId, UserId},
    model_call::{USAGE_ROWS_MAX, UsageGroup},
};

const HOURS_PER_DAY: i64 = 24;
/// Billionths per dollar.
const NANOS: i64 = 1_000_000_000;

/// What calls are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UsageKey {
    pub organization: OrganizationId,
    pub user: UserId,
    /// `None` for calls from the page.
    pub key: Option<KeyId>,
    pub model: ModelId,
    pub provider: ProviderId,
    /// `None` for calls that used nothing.
    pub state: Option<UsageState>,
}

/// A number of calls and what they used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallTotals {
    pub calls: i64,
    pub failures: i64,
    pub tokens: TokenCounts,
    pub cost: Dollars,
}

impl CallTotals {
    pub fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failures = self.failures.saturating_add(other.failures);
        self.tokens.add(other.tokens);
        self.cost = self.cost + other.cost;
    }
}

/// Usage in one hour.
#[derive(Debug, Clone)]
pub struct HourUsage {
    pub key: UsageKey,
    /// Hours since 1970, UTC.
    pub hour: i64,
    /// The model's name at that time.
    pub model_name: String,
    pub totals: CallTotals,
}

/// The columns that are counted, in the order of [`values`].
const COUNTED: [&str; 8] = ["calls", "failures", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost"];

fn values(totals: &CallTotals) -> [i64; 8] {
    let CallTotals { calls, failures, tokens, cost } = totals;
    [*calls, *failures, tokens.input, tokens.cached, tokens.cache_write, tokens.output, tokens.reasoning, cost.0]
}

/// Adds to the usage by hour and by day. The hours of a key must be distinct.
pub async fn add(store: &Store, tx: &mut Tx, rows: &[HourUsage]) -> Result<(), StoreError> {
    let hours: Value = rows.iter().map(|row| json_row(&row.key, row.hour, &row.model_name, &row.totals)).collect();
    sqlx::query(AssertSqlSafe(hour_statement(store))).bind(hours.to_string()).execute(&mut *tx).await?;
    sqlx::query(AssertSqlSafe(day_statement(store))).bind(by_day(rows).to_string()).execute(tx).await?;
    Ok(())
}

/// Sums by day, because several hours can fall on one day, and PostgreSQL does not update a row twice in one statement.
fn by_day(rows: &[HourUsage]) -> Value {
    let mut days = HashMap::<(UsageKey, i64), (&str, CallTotals)>::new();
    for row in rows {
        let (name, totals) = days.entry((row.key, row.hour.div_euclid(HOURS_PER_DAY))).or_default();
        *name = &row.model_name;
        totals.add(row.totals);
    }
    days.into_iter().map(|((key, day), (name, totals))| json_row(&key, day, name, &totals)).collect()
}

/// A row as [`statement`] reads it.
fn json_row(key: &UsageKey, period: i64, model_name: &str, totals: &CallTotals) -> Value {
    let UsageKey { organization, user, key, model, provider, state } = key;
    let key = key.map(|key| key.to_string()).unwrap_or_default();
    let state = state.map_or("", UsageState::as_str);
    let identity = [json!(organization), json!(period), json!(user), json!(key), json!(model), json!(provider), json!(state), json!(model_name)];
    identity.into_iter().chain(values(totals).map(Value::from)).collect()
}

fn hour_statement(store: &Store) -> String {
    statement(store, "model_usage_by_hour", "hour", "", "", "")
}

/// Keeps the last name of the model.
fn day_statement(store: &Store) -> String {
    statement(store, "model_usage_by_day", "day", "model, ", "value ->> 7, ", "model = excluded.model, ")
}

/// Sums are capped at the maximum: a statement that overflows would fail every time.
fn statement(store: &Store, table: &str, period: &str, name: &str, name_value: &str, name_update: &str) -> String {
    let counted = COUNTED.join(", ");
    let count = |index: usize| format!("cast(value ->> {} as bigint)", index + 8);
    let counts: Vec<String> = (0..COUNTED.len()).map(count).collect();
    let highest = i64::MAX;
    let sum = |column: &str| {
        let total = format!("{table}.{column}");
        format!("{column} = case when {total} > {highest} - excluded.{column} then {highest} else {total} + excluded.{column} end")
    };
    format!(
        "insert into {table} (organization_id, {period}, user_id, key_id, model_id, provider_id, state, {name}{counted}) \
         select value ->> 0, cast(value ->> 1 as bigint), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, {name_value}{} \
         from {} where true \
         on conflict (organization_id, {period}, key_id, user_id, model_id, provider_id, state) do update set {name_update}{}",
        counts.join(", "),
        store.json_rows(),
        COUNTED.map(sum).join(", ")
    )
}

/// Deletes usage by hour before `hour`, at most one day of it, to keep the write lock short. Usage by day is kept.
pub async fn delete_hours_before(tx: &mut Tx, hour: i64) -> Result<(), StoreError> {
    let sql = "delete from model_usage_by_hour where hour < $1 and hour < (select min(hour) from model_usage_by_hour) + 24";
    sqlx::query(sql).bind(hour).execute(tx).await?;
    Ok(())
}

/// Recent usage of a model.
#[derive(Debug)]
pub struct RecentModelUsage {
    pub model_id: String,
    pub provider_id: String,
    pub calls: i64,
    pub failures: i64,
    /// In billionths of a dollar.
    pub cost: i64,
    /// Calls without a price.
    pub unpriced: i64,
}

/// The sum of a column `cost` in two columns, because neither engine sums integers beyond 64 bits.
const COST_SUM: &str = "cast(sum(cost / 1000000000) as bigint) as cost_units, cast(sum(cost % 1000000000) as bigint) as cost_nanos";

/// The columns of [`COST_SUM`].
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct DollarSum {
    cost_units: i64,
    cost_nanos: i64,
}

impl DollarSum {
    /// The sum, capped at the maximum.
    pub const fn dollars(self) -> Dollars {
        Dollars(self.cost_units.saturating_mul(NANOS).saturating_add(self.cost_nanos))
    }
}

#[derive(sqlx::FromRow)]
struct RecentRow {
    model_id: String,
    provider_id: String,
    calls: i64,
    failures: i64,
    #[sqlx(flatten)]
    cost: DollarSum,
    unpriced: i64,
}

/// The organization's usage of each model since this hour.
pub async fn recent_by_model(store: &Store, organization: OrganizationId, since_hour: i64) -> Result<Vec<RecentModelUsage>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select model_id, provider_id, cast(sum(calls) as bigint) as calls, cast(sum(failures) as bigint) as failures, {COST_SUM}, \
         cast(sum(case when state = 'unpriced' then calls else 0 end) as bigint) as unpriced \
         from model_usage_by_hour where organization_id = $1 and hour >= $2 group by model_id, provider_id"
    ));
    let rows: Vec<RecentRow> = sqlx::query_as(sql).bind(organization).bind(since_hour).fetch_all(store.read()?).await?;
    let usage = |row: RecentRow| RecentModelUsage {
        model_id: row.model_id,
        provider_id: row.provider_id,
        calls: row.calls,
        failures: row.failures,
        cost: row.cost.dollars().0,
        unpriced: row.unpriced,
    };
    Ok(rows.into_iter().map(usage).collect())
}

/// Usage over several days.
#[derive(Debug, sqlx::FromRow)]
pub struct UsageRow {
    /// Id of the key, model or member, or the number of days since 1970.
    pub id: String,
    /// The model's name on `last_day`, if grouped by model.
    pub model: String,
    pub last_day: i64,
    pub calls: i64,
    pub failures: i64,
    pub input: i64,
    pub cached: i64,
    pub cache_write: i64,
    pub output: i64,
    pub reasoning: i64,
    #[sqlx(flatten)]
    pub cost: DollarSum,
    pub estimated: i64,
    pub unpriced: i64,
}

/// The organization's usage from the first day to before the second one. A model that was renamed has a row for each name.
pub async fn sums(store: &Store, organization: OrganizationId, days: (i64, i64), group: UsageGroup) -> Result<Vec<UsageRow>, StoreError> {
    let (id, columns) = match group {
        UsageGroup::Key => ("key_id", "key_id"),
        UsageGroup::Model => ("model_id", "model_id, model"),
        UsageGroup::Member => ("user_id", "user_id"),
        UsageGroup::Day => ("cast(day as text)", "day"),
    };
    let sql = AssertSqlSafe(format!(
        "select {id} as id, max(model) as model, max(day) as last_day, cast(sum(calls) as bigint) as calls, \
         cast(sum(failures) as bigint) as failures, cast(sum(input_tokens) as bigint) as input, cast(sum(cached_tokens) as bigint) as cached, \
         cast(sum(cache_write_tokens) as bigint) as cache_write, cast(sum(output_tokens) as bigint) as output, \
         cast(sum(reasoning_tokens) as bigint) as reasoning, {COST_SUM}, \
         cast(sum(case when state = 'estimated' then calls else 0 end) as bigint) as estimated, \
         cast(sum(case when state = 'unpriced' then calls else 0 end) as bigint) as unpriced \
         from model_usage_by_day where organization_id = $1 and day >= $2 and day < $3 group by {columns} \
         order by sum(cost / 1000000000) desc, sum(cost % 1000000000) desc, sum(calls) desc limit $4"
    ));
    let limit = i64::try_from(USAGE_ROWS_MAX).unwrap_or(i64::MAX);
    let query = sqlx::query_as(sql).bind(organization).bind(days.0).bind(days.1).bind(limit);
    // As for lists, because it reads the usage of all keys.
    let _permit = store.list_permit().await?;
    Ok(query.fetch_all(store.read()?).await?)
}

/// The names of the organization's models, by id.
pub async fn model_names(store: &Store, organization: OrganizationId) -> Result<HashMap<String, String>, StoreError> {
    let sql = "select id, name from models where organization_id = $1";
    let named: Vec<(String, String)> = sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?;
    Ok(named.into_iter().collect())
}
