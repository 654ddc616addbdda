//! Budgets of language models: what each running instance may spend of a budget in a period, and the stored form of budgets.
//!
//! The limits themselves are columns of the keys, users and organizations.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx};
use latchkey_types::{
    budget::{Budget, BudgetUnit},
    id::OrganizationId,
    time::Timestamp,
};

/// The writer of the rows into which those of instances that have ended are summed up.
const PAST: &str = "past";

/// Reads a stored budget.
///
/// # Errors
/// [`StoreError::Sql`] if the value cannot be read: what has such a budget must not be called.
pub(crate) fn read_budget(stored: Option<&str>) -> Result<Option<Budget>, StoreError> {
    stored.map(|json| serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()).into())).transpose()
}

/// The stored form of a budget: JSON.
pub(crate) fn stored_budget(budget: Option<Budget>) -> Option<String> {
    budget.map(|Budget { limit, unit, period }| json!({ "limit": limit, "unit": unit.as_str(), "period": period.as_str() }).to_string())
}

/// Which part of which budget.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShareKey {
    /// The id of the key, user or organization.
    pub owner: String,
    pub unit: BudgetUnit,
    /// Timestamp 0 for a budget for all time.
    pub period_start: Timestamp,
}

/// What an instance may spend of a budget in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub key: ShareKey,
    /// Identifies the instance's process.
    pub writer: String,
    /// In billionths of a dollar or in tokens, like all amounts.
    pub granted: i64,
    /// At most `granted`; what is not spent is reserved.
    pub spent: i64,
}

type ShareRow = (String, String, i64, String, i64, i64);

/// The shares of all instances of these budgets and periods.
pub async fn shares(store: &Store, db: &mut Connection, keys: &[ShareKey]) -> Result<Vec<Share>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select s.owner_id, s.unit, s.period_start, s.writer, s.granted, s.spent from {} join budget_shares s on s.owner_id = listed.value ->> 0 \
         and s.unit = listed.value ->> 1 and s.period_start = cast(listed.value ->> 2 as bigint)",
        store.json_rows()
    ));
    let listed: Value = keys.iter().map(|key| json!([key.owner, key.unit.as_str(), key.period_start.0])).collect();
    let rows: Vec<ShareRow> = sqlx::query_as(sql).bind(listed.to_string()).fetch_all(db).await?;
    rows.into_iter().map(share).collect()
}

fn share((owner, unit, period_start, writer, granted, spent): ShareRow) -> Result<Share, StoreError> {
    let unit: BudgetUnit = unit.parse().map_err(|_| sqlx::Error::Decode(format!("unknown unit {unit}").into()))?;
    Ok(Share { key: ShareKey { owner, unit, period_start: Timestamp(period_start) }, writer, granted, spent })
}

/// Excludes other transactions that let the budgets of these owners grow, until the end of this one: what the instances are granted in total must not
/// exceed a budget.
pub async fn lock(tx: &mut Tx, keys: &[ShareKey]) -> Result<(), StoreError> {
    if let Some(sql) = tx.lock_budgets() {
        let owners: Value = keys.iter().map(|key| json!([key.owner])).collect();
        sqlx::query(AssertSqlSafe(sql)).bind(owners.to_string()).execute(tx).await?;
    }
    Ok(())
}

/// A share to be stored.
#[derive(Debug, Clone)]
pub struct NewShare {
    pub key: ShareKey,
    pub organization: OrganizationId,
    pub granted: i64,
    pub spent: i64,
}

/// Stores shares of one instance, at most one of each budget and period. The values are absolute, so that a repetition changes nothing.
pub async fn set_shares(store: &Store, tx: &mut Tx, writer: &str, shares: &[NewShare]) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "insert into budget_shares (owner_id, organization_id, unit, period_start, writer, granted, spent, updated_at) \
         select value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), $2, cast(value ->> 4 as bigint), cast(value ->> 5 as bigint), $3 \
         from {} where true on conflict (owner_id, unit, period_start, writer) \
         do update set granted = excluded.granted, spent = excluded.spent, updated_at = excluded.updated_at",
        store.json_rows()
    ));
    let row = |share: &NewShare| {
        let NewShare { key, organization, granted, spent } = share;
        json!([key.owner, organization, key.unit.as_str(), key.period_start.0, granted, spent])
    };
    let (rows, now): (Value, _) = (shares.iter().map(row).collect(), Timestamp::now());
    sqlx::query(sql).bind(rows.to_string()).bind(writer).bind(now).execute(&mut *tx).await?;
    let sql = "insert into budget_writers (writer, seen_at) values ($1, $2) on conflict (writer) do nothing";
    sqlx::query(sql).bind(writer).bind(now).execute(tx).await?;
    Ok(())
}

/// Records that an instance is running. Returns whether this was recorded since `since` before.
pub async fn record_writer(tx: &mut Tx, writer: &str, now: Timestamp, since: Timestamp) -> Result<bool, StoreError> {
    let sql = "update budget_writers set seen_at = $1 where writer = $2 and seen_at >= $3";
    let was_recorded = sqlx::query(sql).bind(now).bind(writer).bind(since).execute(&mut *tx).await?.rows_affected() > 0;
    if !was_recorded {
        let sql = "insert into budget_writers (writer, seen_at) values ($1, $2) on conflict (writer) do update set seen_at = excluded.seen_at";
        sqlx::query(sql).bind(writer).bind(now).execute(tx).await?;
    }
    Ok(was_recorded)
}

/// Sums up the shares of the other processes that have ended: instances whose registration has ended, and processes that were not recorded as
/// running since `since`. What they were granted counts as spent. If one of them is running, what it spends counts twice from then on.
pub async fn fold_ended(store: &Store, tx: &mut Tx, writer: &str, since: Timestamp) -> Result<(), StoreError> {
    // Read once, so that no share is deleted that was not summed up. Only the ids of instances begin with these letters.
    let sql = "select w.writer from budget_writers w where w.writer <> $2 and (w.seen_at < $1 or (w.writer like 'ins%' \
               and not exists (select 1 from instances i where i.id = w.writer and i.ended_at is null)))";
    let ended: Vec<String> = sqlx::query_scalar(sql).bind(since).bind(writer).fetch_all(&mut *tx).await?;
    if ended.is_empty() {
        return Ok(());
    }
    let ended = ended.iter().map(|writer| json!([writer])).collect::<Value>().to_string();
    let json_rows = store.json_rows();
    // In PostgreSQL, `sum` of integers is a decimal.
    let sql = AssertSqlSafe(format!(
        "insert into budget_shares (owner_id, organization_id, unit, period_start, writer, granted, spent, updated_at) \
         select owner_id, min(organization_id), unit, period_start, $2, cast(sum(granted) as bigint), cast(sum(granted) as bigint), $3 \
         from budget_shares where writer = $2 or writer in (select value ->> 0 from {json_rows}) \
         group by owner_id, unit, period_start having max(case when writer = $2 then 0 else 1 end) = 1 \
         on conflict (owner_id, unit, period_start, writer) do update set granted = excluded.granted, spent = excluded.spent, \
         updated_at = excluded.updated_at"
    ));
    sqlx::query(sql).bind(&ended).bind(PAST).bind(Timestamp::now()).execute(&mut *tx).await?;
    for table in ["budget_shares", "budget_writers"] {
        let sql = AssertSqlSafe(format!("delete from {table} where writer in (select value ->> 0 from {json_rows})"));
        sqlx::query(sql).bind(&ended).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Deletes the shares of periods that began before `time`, but not those of budgets for all time, nor those that another transaction has locked.
pub async fn delete_before(tx: &mut Tx, time: Timestamp) -> Result<(), StoreError> {
    let columns = "owner_id, unit, period_start, writer";
    let sql = AssertSqlSafe(format!(
        "delete from budget_shares where ({columns}) in (select {columns} from budget_shares where period_start > 0 and period_start < $1{})",
        tx.for_update_of_unlocked()
    ));
    sqlx::query(sql).bind(time).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::open_store, users::insert_organization};
    use latchkey_types::budget::BudgetPeriod;

    fn key(period_start: i64) -> ShareKey {
        ShareKey { owner: "key_1".to_owned(), unit: BudgetUnit::Usd, period_start: Timestamp(period_start) }
    }

    #[tokio::test]
    async fn shares_of_ended_instances_count_as_spent() {
        let (store, _folder) = open_store().await;
        let organization = OrganizationId::new();
        let mut tx = store.begin().await.unwrap();
        insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        let share = |period_start, granted, spent| NewShare { key: key(period_start), organization, granted, spent };
        for (writer, granted, spent) in [("a", 9, 1), ("a", 5, 2), ("b", 7, 7)] {
            set_shares(&store, &mut tx, writer, &[share(0, granted, spent), share(86_400_000, granted, spent)]).await.unwrap();
        }
        let found = async |tx: &mut Tx, period_start| {
            let mut found = shares(&store, tx, &[key(period_start)]).await.unwrap();
            found.sort_by(|one, other| one.writer.cmp(&other.writer));
            found.into_iter().map(|share| (share.writer, share.granted, share.spent)).collect::<Vec<_>>()
        };
        assert_eq!(found(&mut tx, 0).await, [("a".to_owned(), 5, 2), ("b".to_owned(), 7, 7)], "a repeated write replaces the values");
        assert!(shares(&store, &mut tx, &[ShareKey { unit: BudgetUnit::Tokens, ..key(0) }]).await.unwrap().is_empty());
        for _ in 0..2 {
            fold_ended(&store, &mut tx, "b", Timestamp(i64::MAX)).await.unwrap();
            assert_eq!(found(&mut tx, 0).await, [("b".to_owned(), 7, 7), (PAST.to_owned(), 5, 5)]);
        }
        fold_ended(&store, &mut tx, "c", Timestamp(i64::MAX)).await.unwrap();
        assert_eq!(found(&mut tx, 86_400_000).await, [(PAST.to_owned(), 12, 12)]);
        delete_before(&mut tx, Timestamp(86_400_001)).await.unwrap();
        assert!(found(&mut tx, 86_400_000).await.is_empty());
        assert_eq!(found(&mut tx, 0).await, [(PAST.to_owned(), 12, 12)]);
    }

    #[tokio::test]
    async fn an_instance_has_ended_if_it_was_not_recorded_for_a_while() {
        let (store, _folder) = open_store().await;
        let organization = OrganizationId::new();
        let mut tx = store.begin().await.unwrap();
        insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        for writer in ["a", "b", "c"] {
            set_shares(&store, &mut tx, writer, &[NewShare { key: key(0), organization, granted: 7, spent: 1 }]).await.unwrap();
        }
        let start = Timestamp::now();
        let [since, later] = [60_000, 120_000].map(|ms| start.plus_ms(ms));
        assert!(record_writer(&mut tx, "a", start, start.plus_ms(-60_000)).await.unwrap(), "it has stored a share");
        assert!(!record_writer(&mut tx, "b", later, since).await.unwrap(), "it was not recorded for too long");
        assert!(record_writer(&mut tx, "b", later, since).await.unwrap());
        assert!(!record_writer(&mut tx, "new", later, since).await.unwrap());
        fold_ended(&store, &mut tx, "a", since).await.unwrap();
        let mut found: Vec<_> = shares(&store, &mut tx, &[key(0)]).await.unwrap();
        found.sort_by(|one, other| one.writer.cmp(&other.writer));
        let found: Vec<_> = found.iter().map(|share| (share.writer.as_str(), share.granted, share.spent)).collect();
        assert_eq!(found, [("a", 7, 1), ("b", 7, 1), (PAST, 7, 7)]);
    }

    #[tokio::test]
    async fn an_instance_has_ended_with_its_registration() {
        let (store, _folder) = open_store().await;
        let organization = OrganizationId::new();
        let mut tx = store.begin().await.unwrap();
        insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        for writer in ["ins_own", "ins_live", "ins_ended", "ins_deleted", "process"] {
            set_shares(&store, &mut tx, writer, &[NewShare { key: key(0), organization, granted: 7, spent: 1 }]).await.unwrap();
        }
        let sql = "insert into instances (id, name, version, started_at, renewals, applied, lag_ms, seen_at, ended_at) \
                   values ('ins_live', '', '', 0, 0, '', 0, 0, null), ('ins_ended', '', '', 0, 0, '', 0, 0, 1)";
        sqlx::query(sql).execute(&mut tx).await.unwrap();
        for _ in 0..2 {
            fold_ended(&store, &mut tx, "ins_own", Timestamp(0)).await.unwrap();
            let mut found: Vec<_> = shares(&store, &mut tx, &[key(0)]).await.unwrap();
            found.sort_by(|one, other| one.writer.cmp(&other.writer));
            let found: Vec<_> = found.iter().map(|share| (share.writer.as_str(), share.granted, share.spent)).collect();
            assert_eq!(found, [("ins_live", 7, 1), ("ins_own", 7, 1), (PAST, 14, 14), ("process", 7, 1)]);
        }
    }

    #[test]
    fn a_stored_budget_round_trips() {
        let budget = Some(Budget { limit: 7, unit: BudgetUnit::Tokens, period: BudgetPeriod::Week });
        assert_eq!(read_budget(stored_budget(budget).as_deref()).unwrap(), budget);
        assert_eq!(read_budget(None).unwrap(), None);
        assert!(read_budget(Some("{")).is_err());
    }
}
