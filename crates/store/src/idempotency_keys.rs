//! Idempotency keys of API requests.

use sqlx::AssertSqlSafe;

use super::{StoreError, Tx};
use latchkey_types::permission::Permissions;

/// A request with an idempotency key, as stored.
#[derive(sqlx::FromRow)]
pub struct IdempotencyRecord {
    /// HMAC of method, path and body.
    pub request_digest: Vec<u8>,
    /// Milliseconds since it started, on the database's clock: the clocks of instances differ.
    pub age_ms: i64,
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
pub async fn find(tx: &mut Tx, key_digest: &[u8]) -> Result<Option<IdempotencyRecord>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select request_digest, {} - started_at as age_ms, permissions, status, headers, body from idempotency_keys where key_digest = $1",
        tx.now_ms()
    ));
    Ok(sqlx::query_as(sql).bind(key_digest).fetch_optional(tx).await?)
}

/// Records the start of a request, unless one with the same key started within this time. Returns whether it was recorded. Of concurrent
/// transactions with the same key, the others wait for the first one.
pub async fn try_insert(
    tx: &mut Tx,
    key_digest: &[u8],
    request_digest: &[u8],
    permissions: Permissions,
    lifetime_ms: i64,
) -> Result<bool, StoreError> {
    let sql = AssertSqlSafe(format!(
        "insert into idempotency_keys (key_digest, request_digest, permissions, started_at) values ($1, $2, $3, {}) \
         on conflict (key_digest) do update set request_digest = excluded.request_digest, permissions = excluded.permissions, \
         started_at = excluded.started_at, status = null, headers = null, body = null \
         where idempotency_keys.started_at < excluded.started_at - $4",
        tx.now_ms()
    ));
    let inserted = sqlx::query(sql).bind(key_digest).bind(request_digest).bind(permissions).bind(lifetime_ms).execute(tx).await?;
    Ok(inserted.rows_affected() == 1)
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

/// Deletes the records of all requests that started before this time.
pub async fn delete_old(tx: &mut Tx, lifetime_ms: i64) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("delete from idempotency_keys where started_at < {} - $1", tx.now_ms()));
    sqlx::query(sql).bind(lifetime_ms).execute(tx).await?;
    Ok(())
}
