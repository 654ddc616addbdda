//! Idempotency keys of API requests.

use super::{Connection, StoreError, Tx};
use latchkey_types::{permission::Permissions, time::Timestamp};

/// A request with an idempotency key, as stored.
#[derive(sqlx::FromRow)]
pub struct IdempotencyRecord {
    /// HMAC of method, path and body.
    pub request_digest: Vec<u8>,
    pub started_at: Timestamp,
    /// The caller's permissions at that time.
    pub permissions: Permissions,
    /// Status of the response; `None` while the request is in progress.
    pub status: Option<i64>,
    /// Response headers, as JSON.
    pub headers: Option<String>,
    /// Response body.
    pub body: Option<Vec<u8>>,
}

/// The request with this idempotency key.
pub async fn find(db: &mut Connection, key_digest: &[u8]) -> Result<Option<IdempotencyRecord>, StoreError> {
    let sql = "select request_digest, started_at, permissions, status, headers, body from idempotency_keys where key_digest = $1";
    Ok(sqlx::query_as(sql).bind(key_digest).fetch_optional(db).await?)
}

/// Records the start of a request.
pub async fn insert(tx: &mut Tx, key_digest: &[u8], request_digest: &[u8], permissions: Permissions, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("insert into idempotency_keys (key_digest, request_digest, permissions, started_at) values ($1, $2, $3, $4)")
        .bind(key_digest)
        .bind(request_digest)
        .bind(permissions)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records the response to a request.
pub async fn finish(tx: &mut Tx, key_digest: &[u8], status: u16, headers: &str, body: &[u8]) -> Result<(), StoreError> {
    sqlx::query("update idempotency_keys set status = $1, headers = $2, body = $3 where key_digest = $4")
        .bind(i64::from(status))
        .bind(headers)
        .bind(body)
        .bind(key_digest)
        .execute(tx)
        .await?;
    Ok(())
}

/// Releases an idempotency key.
pub async fn delete(tx: &mut Tx, key_digest: &[u8]) -> Result<(), StoreError> {
    sqlx::query("delete from idempotency_keys where key_digest = $1").bind(key_digest).execute(tx).await?;
    Ok(())
}

/// Deletes all records of requests that started before this time.
pub async fn delete_before(tx: &mut Tx, moment: Timestamp) -> Result<(), StoreError> {
    sqlx::query("delete from idempotency_keys where started_at < $1").bind(moment).execute(tx).await?;
    Ok(())
}
