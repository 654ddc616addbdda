//! Calls that their callers gave a name.

use super::{Error, Tx};
use crate::model::{permission::Permissions, time::Timestamp};

/// A call as it is noted.
#[derive(sqlx::FromRow)]
pub struct NamedCall {
    /// HMAC of method, path and body.
    pub call_digest: Vec<u8>,
    /// Unix milliseconds.
    pub started_at: i64,
    /// What its person could do then, as words.
    pub permissions: String,
    /// The answer's status; `None` while the call goes on.
    pub status: Option<i64>,
    /// Its headers, as JSON.
    pub headers: Option<String>,
    /// Its body.
    pub body: Option<Vec<u8>>,
}

/// The call with this name.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Tx, digest: &[u8]) -> Result<Option<NamedCall>, Error> {
    let sql = "select call_digest, started_at, permissions, status, headers, body from named_calls where digest = $1";
    Ok(sqlx::query_as(sql).bind(digest).fetch_optional(tx).await?)
}

/// Notes that a call began.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, digest: &[u8], call_digest: &[u8], permissions: Permissions, now: Timestamp) -> Result<(), Error> {
    sqlx::query("insert into named_calls (digest, call_digest, permissions, started_at) values ($1, $2, $3, $4)")
        .bind(digest)
        .bind(call_digest)
        .bind(permissions.words())
        .bind(now.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes how a call ended.
///
/// # Errors
/// What the database says.
pub async fn finish(tx: &mut Tx, digest: &[u8], status: u16, headers: &str, body: &[u8]) -> Result<(), Error> {
    sqlx::query("update named_calls set status = $1, headers = $2, body = $3 where digest = $4")
        .bind(i64::from(status))
        .bind(headers)
        .bind(body)
        .bind(digest)
        .execute(tx)
        .await?;
    Ok(())
}

/// Frees a name.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, digest: &[u8]) -> Result<(), Error> {
    sqlx::query("delete from named_calls where digest = $1").bind(digest).execute(tx).await?;
    Ok(())
}

/// Forgets every call that began before this moment.
///
/// # Errors
/// What the database says.
pub async fn delete_before(tx: &mut Tx, moment: Timestamp) -> Result<(), Error> {
    sqlx::query("delete from named_calls where started_at < $1").bind(moment.0).execute(tx).await?;
    Ok(())
}
