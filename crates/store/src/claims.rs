//! Claims: what only one of the instances on a database may do at a time. A claim ends when it is released or has expired. Each function executes
//! one statement, and times are those of the database, because the clocks of instances differ.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx};

/// Takes a claim for this time. Returns `false` if another instance has it. An instance that has it already extends it.
pub async fn try_take(store: &Store, name: &str, instance: &str, lifetime_ms: i64) -> Result<bool, StoreError> {
    let now = store.now_ms();
    let sql = AssertSqlSafe(format!(
        "insert into claims (name, instance_id, expires_at) values ($1, $2, {now} + $3) on conflict (name) do update \
         set instance_id = excluded.instance_id, expires_at = excluded.expires_at \
         where claims.instance_id = excluded.instance_id or claims.expires_at < {now}"
    ));
    let taken = sqlx::query(sql).bind(name).bind(instance).bind(lifetime_ms).execute(store.read()?).await?;
    Ok(taken.rows_affected() == 1)
}

/// Extends those of these claims that the instance still has. Returns them.
pub async fn renew(store: &Store, names: &[String], instance: &str, lifetime_ms: i64) -> Result<Vec<String>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "update claims set expires_at = {} + $3 where instance_id = $2 and name in (select value ->> 0 from {}) returning name",
        store.now_ms(),
        store.json_rows()
    ));
    Ok(sqlx::query_scalar(sql).bind(json_of(names)).bind(instance).bind(lifetime_ms).fetch_all(store.read()?).await?)
}

/// Extends a claim within a transaction that depends on it: until its end, no other instance takes the claim. Returns `false` if one has.
pub async fn confirm(tx: &mut Tx, name: &str, instance: &str, lifetime_ms: i64) -> Result<bool, StoreError> {
    let sql = AssertSqlSafe(format!("update claims set expires_at = {} + $3 where name = $1 and instance_id = $2", tx.now_ms()));
    let confirmed = sqlx::query(sql).bind(name).bind(instance).bind(lifetime_ms).execute(tx).await?;
    Ok(confirmed.rows_affected() == 1)
}

/// Those of these names that an instance has claimed.
pub async fn claimed(store: &Store, names: &[String]) -> Result<Vec<String>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select name from claims where name in (select value ->> 0 from {}) and expires_at >= {}",
        store.json_rows(),
        store.now_ms()
    ));
    Ok(sqlx::query_scalar(sql).bind(json_of(names)).fetch_all(store.read()?).await?)
}

/// Releases a claim, if the instance still has it.
pub async fn release(store: &Store, name: &str, instance: &str) -> Result<(), StoreError> {
    sqlx::query("delete from claims where name = $1 and instance_id = $2").bind(name).bind(instance).execute(store.read()?).await?;
    Ok(())
}

/// Releases all claims of an instance.
pub async fn release_all(store: &Store, instance: &str) -> Result<(), StoreError> {
    sqlx::query("delete from claims where instance_id = $1").bind(instance).execute(store.read()?).await?;
    Ok(())
}

/// A JSON array for [`Store::json_rows`].
fn json_of(names: &[String]) -> String {
    names.iter().map(|name| json!([name])).collect::<Value>().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open_store;

    const MINUTE: i64 = 60_000;

    #[tokio::test]
    async fn a_claim_is_taken_over_when_it_has_expired() {
        let (store, _folder) = open_store().await;
        let take = async |name: &str, instance: &str, lifetime: i64| try_take(&store, name, instance, lifetime).await.unwrap();
        let claimed = async || claimed(&store, &["a".to_owned(), "b".to_owned(), "c".to_owned()]).await.unwrap();
        assert!(take("a", "1", MINUTE).await && take("a", "1", MINUTE).await && !take("a", "2", MINUTE).await);
        assert!(take("b", "2", -MINUTE).await);
        assert_eq!(claimed().await, ["a"]);
        assert!(take("b", "1", MINUTE).await, "it had expired");
        release(&store, "b", "2").await.unwrap();
        assert_eq!(claimed().await.len(), 2, "only its own claims are released");
        release(&store, "b", "1").await.unwrap();
        assert!(take("b", "2", MINUTE).await);
        release_all(&store, "1").await.unwrap();
        assert_eq!(claimed().await, ["b"]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_claim_that_was_taken_over_is_not_extended() {
        let (store, _folder) = open_store().await;
        for (name, instance) in [("a", "1"), ("b", "2")] {
            assert!(try_take(&store, name, instance, -MINUTE).await.unwrap());
        }
        assert_eq!(renew(&store, &["a".to_owned(), "b".to_owned()], "1", MINUTE).await.unwrap(), ["a"]);
        assert_eq!(claimed(&store, &["a".to_owned(), "b".to_owned()]).await.unwrap(), ["a"]);
        let mut tx = store.begin().await.unwrap();
        assert!(confirm(&mut tx, "a", "1", MINUTE).await.unwrap());
        assert!(!confirm(&mut tx, "b", "1", MINUTE).await.unwrap() && !confirm(&mut tx, "c", "1", MINUTE).await.unwrap());
        tx.commit().await.unwrap();
        store.close().await;
    }
}
