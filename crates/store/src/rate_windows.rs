//! The states of limits that instances share. Times are those of the database, because the clocks of instances differ.

use std::collections::HashSet;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx};
use latchkey_types::{id::KeyId, time::Timestamp};

/// A limit of a key: what is counted separately.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowKey {
    pub key: KeyId,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRow {
    pub key: WindowKey,
    /// JSON. Empty if the limit was not used before.
    pub state: String,
    /// When the row can be deleted.
    pub expires_at: Timestamp,
}

/// Rows that no other transaction can change until the end of this one.
#[derive(Debug)]
pub struct LockedWindows {
    /// A time between the beginning of the read and its end.
    pub now: Timestamp,
    pub rows: Vec<WindowRow>,
}

type LockedRow = (KeyId, String, String, i64, i64);

/// Reads and locks the rows of these limits, which must not be none. Those that are missing are inserted.
pub async fn lock(store: &Store, tx: &mut Tx, keys: &[WindowKey]) -> Result<LockedWindows, StoreError> {
    let mut rows = select_for_update(store, tx, keys).await?;
    let found: HashSet<(KeyId, &str)> = rows.iter().map(|(key, name, ..)| (*key, name.as_str())).collect();
    let missing: Vec<WindowKey> = keys.iter().filter(|key| !found.contains(&(key.key, key.name.as_str()))).cloned().collect();
    if !missing.is_empty() {
        // Sorted as the rows are locked, so that two transactions never wait for each other.
        let sql = AssertSqlSafe(format!(
            "insert into rate_windows (key_id, name, state, expires_at) select value ->> 0, value ->> 1, '', 0 from {} where true order by 1, 2 \
             on conflict (key_id, name) do nothing",
            store.json_rows()
        ));
        sqlx::query(sql).bind(json_of(&missing)).execute(&mut *tx).await?;
        rows.extend(select_for_update(store, tx, &missing).await?);
    }
    let now = rows.iter().map(|(.., now)| *now).min().unwrap_or_else(|| Timestamp::now().0);
    let row = |(key, name, state, expires_at, _): LockedRow| WindowRow { key: WindowKey { key, name }, state, expires_at: Timestamp(expires_at) };
    Ok(LockedWindows { now: Timestamp(now), rows: rows.into_iter().map(row).collect() })
}

async fn select_for_update(store: &Store, tx: &mut Tx, keys: &[WindowKey]) -> Result<Vec<LockedRow>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select w.key_id, w.name, w.state, w.expires_at, {} from {} \
         join rate_windows w on w.key_id = listed.value ->> 0 and w.name = listed.value ->> 1 order by w.key_id, w.name{}",
        store.now_ms(),
        store.json_rows(),
        store.engine.for_update()
    ));
    Ok(sqlx::query_as(sql).bind(json_of(keys)).fetch_all(tx).await?)
}

/// A JSON array for [`Store::json_rows`].
fn json_of(keys: &[WindowKey]) -> String {
    keys.iter().map(|WindowKey { key, name }| json!([key, name])).collect::<Value>().to_string()
}

/// Stores rows that are locked.
pub async fn set(store: &Store, tx: &mut Tx, rows: &[WindowRow]) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "update rate_windows set state = changed.state, expires_at = changed.expires_at from \
         (select value ->> 0 as key_id, value ->> 1 as name, value ->> 2 as state, cast(value ->> 3 as bigint) as expires_at from {}) as changed \
         where rate_windows.key_id = changed.key_id and rate_windows.name = changed.name",
        store.json_rows()
    ));
    let changed: Value = rows.iter().map(|row| json!([row.key.key, row.key.name, row.state, row.expires_at.0])).collect();
    sqlx::query(sql).bind(changed.to_string()).execute(tx).await?;
    Ok(())
}

/// The ids of the instances whose lease may be valid. Read after the rows are locked: an instance is registered before it holds permits.
pub async fn live_instances(tx: &mut Tx) -> Result<HashSet<String>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar("select id from instances where ended_at is null").fetch_all(tx).await?;
    Ok(ids.into_iter().collect())
}

/// Deletes rows of which nothing counts any more.
pub async fn delete_expired(store: &Store) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("delete from rate_windows where expires_at < {}", store.now_ms()));
    sqlx::query(sql).execute(store.read()?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open_store;

    #[tokio::test]
    async fn rows_are_inserted_once_and_deleted_when_they_expire() {
        let (store, _folder) = open_store().await;
        let key = |name: &str, key: KeyId| WindowKey { key, name: name.to_owned() };
        let (first, second) = (KeyId::new(), KeyId::new());
        let keys = [key("rate b", second), key("rate a", first), key("rate b", first)];
        let mut tx = store.begin().await.unwrap();
        let locked = lock(&store, &mut tx, &keys[..2]).await.unwrap();
        assert_eq!(locked.rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>(), [keys[1].clone(), keys[0].clone()]);
        assert!((Timestamp::now().0 - locked.now.0).abs() < 60_000 && locked.rows.iter().all(|row| row.state.is_empty()));
        let later = locked.now.plus_ms(60_000);
        let row = |key: &WindowKey, state: &str, expires_at| WindowRow { key: key.clone(), state: state.to_owned(), expires_at };
        set(&store, &mut tx, &[row(&keys[1], r#"{"slots":[]}"#, later), row(&keys[0], "{}", locked.now.plus_ms(-1))]).await.unwrap();
        tx.commit().await.unwrap();
        delete_expired(&store).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let locked = lock(&store, &mut tx, &keys).await.unwrap();
        let mut states: Vec<_> = locked.rows.into_iter().map(|row| (row.key, row.state)).collect();
        states.sort_by(|one, other| (one.0.key, &one.0.name).cmp(&(other.0.key, &other.0.name)));
        let expected = [(keys[1].clone(), r#"{"slots":[]}"#.to_owned()), (keys[2].clone(), String::new()), (keys[0].clone(), String::new())];
        assert_eq!(states, expected);
        assert!(live_instances(&mut tx).await.unwrap().is_empty());
    }
}
