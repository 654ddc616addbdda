//! Failed sign-ins and other guesses, counted for all instances on a database. Each function executes one statement, and times are those of the
//! database, because the clocks of instances differ.

use sqlx::AssertSqlSafe;

use super::{Store, StoreError};

/// Counts a failure for a subject. Returns `false`, and changes nothing, if as many as `limit` happened within this time after the first one.
pub async fn count(store: &Store, subject: &[u8], limit: i64, window_ms: i64) -> Result<bool, StoreError> {
    let is_over = "sign_in_failures.since < excluded.since - $3";
    let sql = AssertSqlSafe(format!(
        "insert into sign_in_failures (subject, failures, since) values ($1, 1, {}) on conflict (subject) do update \
         set failures = case when {is_over} then 1 else sign_in_failures.failures + 1 end, \
         since = case when {is_over} then excluded.since else sign_in_failures.since end \
         where {is_over} or sign_in_failures.failures < $2",
        store.now_ms()
    ));
    let counted = sqlx::query(sql).bind(subject).bind(limit).bind(window_ms).execute(store.read()?).await?;
    Ok(counted.rows_affected() == 1)
}

/// For how many milliseconds the failures of a subject have been counted. `None` if there are none.
pub async fn age_ms(store: &Store, subject: &[u8]) -> Result<Option<i64>, StoreError> {
    let sql = AssertSqlSafe(format!("select {} - since from sign_in_failures where subject = $1", store.now_ms()));
    Ok(sqlx::query_scalar(sql).bind(subject).fetch_optional(store.read()?).await?)
}

/// Removes a failure of a subject.
pub async fn remove(store: &Store, subject: &[u8]) -> Result<(), StoreError> {
    let sql = "update sign_in_failures set failures = failures - 1 where subject = $1 and failures > 0";
    sqlx::query(sql).bind(subject).execute(store.read()?).await?;
    Ok(())
}

/// Deletes the counts that began before this time.
pub async fn delete_old(store: &Store, window_ms: i64) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("delete from sign_in_failures where since < {} - $1", store.now_ms()));
    sqlx::query(sql).bind(window_ms).execute(store.read()?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open_store;

    #[tokio::test]
    async fn failures_count_up_to_the_limit_within_the_window() {
        let (store, _folder) = open_store().await;
        let count = async |subject: &[u8; 1]| count(&store, subject, 2, 60_000).await.unwrap();
        assert!(count(b"a").await && count(b"a").await && !count(b"a").await && !count(b"a").await);
        assert!(count(b"b").await, "each subject has its own count");
        let age = age_ms(&store, b"a").await.unwrap();
        assert!(age.is_some_and(|age| (0..60_000).contains(&age)), "{age:?}");
        assert_eq!(age_ms(&store, b"c").await.unwrap(), None);
        remove(&store, b"a").await.unwrap();
        assert!(count(b"a").await && !count(b"a").await);
        sqlx::query("update sign_in_failures set since = since - 60001 where subject = $1")
            .bind(&b"a"[..])
            .execute(store.read().unwrap())
            .await
            .unwrap();
        assert!(count(b"a").await && count(b"a").await && !count(b"a").await, "the window has begun again");
        sqlx::query("update sign_in_failures set since = since - 60001").execute(store.read().unwrap()).await.unwrap();
        assert!(count(b"b").await);
        delete_old(&store, 60_000).await.unwrap();
        let left: i64 = sqlx::query_scalar("select count(*) from sign_in_failures").fetch_one(store.read().unwrap()).await.unwrap();
        assert_eq!(left, 1);
        store.close().await;
    }
}
