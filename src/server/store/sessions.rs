//! Sessions: a digest of what the cookie holds.

use sqlx::AssertSqlSafe;

use super::{Error, Store, Tx};
use crate::model::{
    id::{SessionId, UserId},
    time::Timestamp,
};

/// A session, and whose it is.
#[derive(Debug, sqlx::FromRow)]
pub struct SessionRecord {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; at most a minute behind.
    pub last_seen_at: i64,
    /// From where it was begun.
    pub address: String,
    /// With which browser, as it calls itself.
    pub agent: String,
}

const SESSION: &str = "select id, user_id, created_at, last_seen_at, address, agent from sessions";

/// Begins a session for a user who may sign in. Answers whether they may.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, digest: &[u8], user: UserId, address: &str, agent: &str) -> Result<bool, Error> {
    let now = Timestamp::now().0;
    let begun = sqlx::query(
        "insert into sessions (id, digest, user_id, created_at, last_seen_at, address, agent) \
         select $1, $2, id, $3, $4, $5, $6 from users where id = $7 and disabled_at is null",
    )
    .bind(SessionId::new().to_string())
    .bind(digest)
    .bind(now)
    .bind(now)
    .bind(address)
    .bind(agent)
    .bind(user.to_string())
    .execute(&mut *tx)
    .await?;
    note_seen(tx, user, now).await?;
    Ok(begun.rows_affected() == 1)
}

/// The session with this digest, if it began and was seen after these moments.
///
/// # Errors
/// What the database says.
pub async fn find(store: &Store, digest: &[u8], began_after: Timestamp, seen_after: Timestamp) -> Result<Option<SessionRecord>, Error> {
    let sql = AssertSqlSafe(format!("{SESSION} where digest = $1 and created_at > $2 and last_seen_at > $3"));
    Ok(sqlx::query_as(sql).bind(digest).bind(began_after.0).bind(seen_after.0).fetch_optional(store.read()?).await?)
}

/// A user's sessions that began and were seen after these moments, the last used first.
///
/// # Errors
/// What the database says.
pub async fn list_of_user(store: &Store, user: UserId, began_after: Timestamp, seen_after: Timestamp) -> Result<Vec<SessionRecord>, Error> {
    let sql = AssertSqlSafe(format!("{SESSION} where user_id = $1 and created_at > $2 and last_seen_at > $3 order by last_seen_at desc, id desc"));
    Ok(sqlx::query_as(sql).bind(user.to_string()).bind(began_after.0).bind(seen_after.0).fetch_all(store.read()?).await?)
}

/// Notes that a session is in use.
///
/// # Errors
/// What the database says.
pub async fn touch(tx: &mut Tx, digest: &[u8], user: UserId) -> Result<(), Error> {
    let now = Timestamp::now().0;
    sqlx::query("update sessions set last_seen_at = $1 where digest = $2").bind(now).bind(digest).execute(&mut *tx).await?;
    note_seen(tx, user, now).await
}

/// Outlives the sessions.
async fn note_seen(tx: &mut Tx, user: UserId, now: i64) -> Result<(), Error> {
    sqlx::query("update users set last_seen_at = $1 where id = $2").bind(now).bind(user.to_string()).execute(tx).await?;
    Ok(())
}

/// Ends a session of this user. Answers whether there was one with this id.
///
/// # Errors
/// What the database says.
pub async fn delete_one_of_user(tx: &mut Tx, user: UserId, id: SessionId) -> Result<bool, Error> {
    let sql = "delete from sessions where user_id = $1 and id = $2";
    Ok(sqlx::query(sql).bind(user.to_string()).bind(id.to_string()).execute(tx).await?.rows_affected() == 1)
}

/// Ends one session.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, digest: &[u8]) -> Result<(), Error> {
    sqlx::query("delete from sessions where digest = $1").bind(digest).execute(tx).await?;
    Ok(())
}

/// Ends every session of a user. Answers how many there were.
///
/// # Errors
/// What the database says.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<u64, Error> {
    Ok(sqlx::query("delete from sessions where user_id = $1").bind(user.to_string()).execute(tx).await?.rows_affected())
}

/// Forgets sessions that have ended by themselves.
///
/// # Errors
/// What the database says.
pub async fn delete_ended(tx: &mut Tx, began_before: Timestamp, seen_before: Timestamp) -> Result<(), Error> {
    sqlx::query("delete from sessions where created_at <= $1 or last_seen_at <= $2").bind(began_before.0).bind(seen_before.0).execute(tx).await?;
    Ok(())
}

/// How many sessions of a user began and were seen after these moments.
///
/// # Errors
/// What the database says.
pub async fn count_of_user(store: &Store, user: UserId, began_after: Timestamp, seen_after: Timestamp) -> Result<i64, Error> {
    let count = sqlx::query_scalar("select count(*) from sessions where user_id = $1 and created_at > $2 and last_seen_at > $3")
        .bind(user.to_string())
        .bind(began_after.0)
        .bind(seen_after.0)
        .fetch_one(store.read()?)
        .await?;
    Ok(count)
}
