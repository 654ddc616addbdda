//! Sessions: a digest of what the cookie holds.

use super::{Error, Store, Tx};
use crate::model::{
    id::{SessionId, UserId},
    time::Timestamp,
};

/// When a session began and was last seen, and whose it is.
#[derive(Debug, sqlx::FromRow)]
pub struct SessionRow {
    /// Whose it is.
    pub user_id: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; at most a minute behind.
    pub last_seen_at: i64,
}

/// Begins a session.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, digest: &[u8], user: UserId) -> Result<(), Error> {
    let now = Timestamp::now().0;
    sqlx::query("insert into sessions (id, digest, user_id, created_at, last_seen_at, address, agent) values ($1, $2, $3, $4, $4, '', '')")
        .bind(SessionId::new().to_string())
        .bind(digest)
        .bind(user.to_string())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// The session with this digest, if it began and was seen after these moments.
///
/// # Errors
/// What the database says.
pub async fn find(store: &Store, digest: &[u8], began_after: Timestamp, seen_after: Timestamp) -> Result<Option<SessionRow>, Error> {
    let found = sqlx::query_as("select user_id, created_at, last_seen_at from sessions where digest = $1 and created_at > $2 and last_seen_at > $3")
        .bind(digest)
        .bind(began_after.0)
        .bind(seen_after.0)
        .fetch_optional(store.read()?)
        .await?;
    Ok(found)
}

/// Notes that a session is in use.
///
/// # Errors
/// What the database says.
pub async fn touch(tx: &mut Tx, digest: &[u8]) -> Result<(), Error> {
    sqlx::query("update sessions set last_seen_at = $1 where digest = $2").bind(Timestamp::now().0).bind(digest).execute(tx).await?;
    Ok(())
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
