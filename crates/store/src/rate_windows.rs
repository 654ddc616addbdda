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

/// Reads and locks the rows of these limits, which must not be none. Those that are missing are inserted. A row that is deleted meanwhile is not
/// returned.
pub async fn lock(store: &Store, tx: &mut Tx, keys: &[WindowKey]) -> Result<LockedWindows, StoreError> {
    let keys = json_of(keys);
    // Before rows are locked, and both in the same order, so that no two transactions wait for each other.
    insert_missing(store, tx, &keys).await?;
    let sql = AssertSqlSafe(format!(
        "select w.key_id, w.name, w.state, w.expires_at, {} from {} \
         join rate_windows w on w.key_id = listed.value ->> 0 and w.name = listed.value ->> 1 order by w.key_id, w.name{}",
        store.now_ms(),
        store.json_rows(),
        store.engine.for_update()
    ));
    let rows: Vec<LockedRow> = sqlx::query_as(sql).bind(keys).fetch_all(tx).await?;
    let now = rows.iter().map(|(.., now)| *now).min().unwrap_or_else(|| Timestamp::now().0);
    let row = |(key, name, state, expires_at, _): LockedRow| WindowRow { key: WindowKey { key, name }, state, expires_at: Timestamp(expires_at) };
    Ok(LockedWindows { now: Timestamp(now), rows: rows.into_iter().map(row).collect() })
}

async fn insert_missing(store: &Store, tx: &mut Tx, keys: &str) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "insert into rate_windows (key_id, name, state, expires_at) select value ->> 0, value ->> 1, '', 0 from {} \
         where not exists (select 1 from rate_windows w where w.key_id = listed.value ->> 0 and w.name = listed.value ->> 1) \
         order by 1, 2 on conflict (key_id, name) do nothing",
        store.json_rows()
    ));
    sqlx::query(sql).bind(keys).execute(tx).await?;
    Ok(())
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
    // Without those that are locked: their order is another one.
    let sql = AssertSqlSafe(format!(
        "delete from rate_windows where (key_id, name) in (select key_id, name from rate_windows where expires_at < {}{})",
        store.now_ms(),
        store.engine.for_update_of_unlocked()
    ));
    sqlx::query(sql).execute(store.read()?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::{WriteLock, testing::open_store};

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

    /// On PostgreSQL, where they are concurrent.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn transactions_with_the_same_limits_do_not_deadlock() {
        let (store, _folder) = open_store().await;
        let limits: Vec<KeyId> = (0..6).map(|_| KeyId::new()).collect();
        let mut writers = JoinSet::new();
        for writer in 0..4 {
            let (store, limits) = (store.clone(), limits.clone());
            writers.spawn(async move {
                for round in 0..40_usize {
                    // Another selection in another order each time.
                    let chosen = (0..4).map(|index| limits[(round * (writer + 1) + index * 5) % limits.len()]);
                    let keys: Vec<_> = chosen.map(|key| WindowKey { key, name: "rate all".to_owned() }).collect();
                    let mut tx = store.begin_locked(WriteLock::Nothing).await.unwrap();
                    let rows = lock(&store, &mut tx, &keys).await.unwrap().rows;
                    // Expired, so that it is deleted and must be inserted again.
                    let rows: Vec<_> = rows.into_iter().map(|row| WindowRow { state: "{}".to_owned(), expires_at: Timestamp(0), ..row }).collect();
                    set(&store, &mut tx, &rows).await.unwrap();
                    tx.commit().await.unwrap();
                    if round % 4 == writer {
                        delete_expired(&store).await.unwrap();
                    }
                }
            });
        }
        writers.join_all().await;
    }
}
