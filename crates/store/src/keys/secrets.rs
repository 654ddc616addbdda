//! Secrets of keys: the digest of the current one, and of retired ones, which may stay valid for a grace period.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{
    super::{StoreError, Tx},
    placeholders,
};
use latchkey_types::{id::KeyId, time::Timestamp};

/// The retired secrets of a key that are still valid, summed up.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RetiredSecrets {
    key_id: String,
    /// When the last of them expires: Unix milliseconds.
    pub expires_at: i64,
    /// Number of requests since they were retired.
    pub uses: i64,
    /// Unix milliseconds.
    pub last_used_at: Option<i64>,
}

/// A retired secret.
#[derive(Debug, sqlx::FromRow)]
pub struct RetiredSecret {
    pub key_id: String,
    /// When it expires: Unix milliseconds.
    pub expires_at: i64,
}

/// The retired secrets of these keys that are still valid, by key id.
pub(super) async fn retiring(db: &mut Tx, keys: &[&str]) -> Result<HashMap<String, RetiredSecrets>, StoreError> {
    // In PostgreSQL, `sum` of integers is a decimal.
    let sql = AssertSqlSafe(format!(
        "select key_id, max(expires_at) as expires_at, cast(sum(uses) as bigint) as uses, max(last_used_at) as last_used_at from retired_secrets \
         where expires_at > {} and key_id in ({}) group by key_id",
        Timestamp::now().0,
        placeholders(1, keys.len())
    ));
    let rows: Vec<RetiredSecrets> = keys.iter().fold(sqlx::query_as(sql), |query, key| query.bind(*key)).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.key_id.clone(), row)).collect())
}

/// The retired secret with this digest, if it is still valid.
pub(super) async fn retired(db: &mut Tx, digest: &[u8]) -> Result<Option<RetiredSecret>, StoreError> {
    let sql = "select key_id, expires_at from retired_secrets where digest = $1 and expires_at > $2";
    Ok(sqlx::query_as(sql).bind(digest).bind(Timestamp::now().0).fetch_optional(db).await?)
}

/// Whether any key, even a deleted one, has or had a secret with this digest.
pub async fn digest_exists(tx: &mut Tx, digest: &[u8]) -> Result<bool, StoreError> {
    let sql = "select (select count(*) from api_keys where digest = $1) + (select count(*) from retired_secrets where digest = $1)";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(digest).fetch_one(tx).await? > 0)
}

/// The digests of a key's currently valid secrets.
pub async fn digests(tx: &mut Tx, id: KeyId) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "select digest from api_keys where id = $1 union all select digest from retired_secrets where key_id = $1 and expires_at > $2";
    Ok(sqlx::query_scalar(sql).bind(id.to_string()).bind(Timestamp::now().0).fetch_all(tx).await?)
}

/// Replaces a key's secret. The previous one stays valid until `old_expires_at`, and earlier ones no longer than that. Their digests are kept, so
/// that no retired secret can be stored as a new key.
pub async fn replace(tx: &mut Tx, id: KeyId, digest: &[u8], mask: &str, old_expires_at: Timestamp) -> Result<(), StoreError> {
    let now = Timestamp::now();
    sqlx::query(
        "insert into retired_secrets (digest, key_id, retired_at, expires_at, uses, last_used_at) select digest, id, $1, $2, 0, null from api_keys where id = $3",
    )
    .bind(now.0)
    .bind(old_expires_at.0)
    .bind(id.to_string())
    .execute(&mut *tx)
    .await?;
    sqlx::query("update retired_secrets set expires_at = $1 where key_id = $2 and expires_at > $1")
        .bind(old_expires_at.0)
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
    sqlx::query("update api_keys set digest = $1, mask = $2 where id = $3").bind(digest).bind(mask).bind(id.to_string()).execute(tx).await?;
    Ok(())
}
