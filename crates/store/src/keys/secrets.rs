//! Secrets of keys: the digest of the current one, and of retired ones, which may stay valid for a grace period.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    super::{Connection, StoreError, Tx, placeholders, verdict_changes::VerdictChange},
    NewKey,
};
use latchkey_types::{id::KeyId, time::Timestamp};

/// An instance that has not read the end of a grace period by then serves nothing, so that a replacement need not wait for it.
const GRACE_MIN_MS: i64 = 2000;

/// The retired secrets of a key that are still valid, summed up.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RetiredSecrets {
    key_id: KeyId,
    /// When the last of them expires.
    pub expires_at: Timestamp,
    /// Number of requests since they were retired.
    pub uses: i64,
    pub last_used_at: Option<Timestamp>,
}

/// A retired secret.
#[derive(Debug, sqlx::FromRow)]
pub struct RetiredSecret {
    /// The digest of the key's current secret.
    pub current_digest: Vec<u8>,
    pub expires_at: Timestamp,
}

/// The retired secrets of these keys that are still valid, by key id.
pub(super) async fn retiring(db: &mut Connection, keys: &[KeyId]) -> Result<HashMap<KeyId, RetiredSecrets>, StoreError> {
    // In PostgreSQL, `sum` of integers is a decimal.
    let sql = AssertSqlSafe(format!(
        "select key_id, max(expires_at) as expires_at, cast(sum(uses) as bigint) as uses, max(last_used_at) as last_used_at from retired_secrets \
         where expires_at > {} and key_id in ({}) group by key_id",
        Timestamp::now().0,
        placeholders(1, keys.len())
    ));
    let rows: Vec<RetiredSecrets> = keys.iter().fold(sqlx::query_as(sql), |query, key| query.bind(*key)).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row)).collect())
}

/// The retired secret with this digest, if it is still valid.
pub(super) async fn retired(db: &mut Connection, digest: &[u8]) -> Result<Option<RetiredSecret>, StoreError> {
    let sql = "select k.digest as current_digest, r.expires_at from retired_secrets r join api_keys k on k.id = r.key_id \
               where r.digest = $1 and r.expires_at > $2";
    Ok(sqlx::query_as(sql).bind(digest).bind(Timestamp::now()).fetch_optional(db).await?)
}

/// Those of the digests of new keys that any stored key, even a deleted one, has or had. Other transactions that look for one of them wait until the end
/// of this one, which may insert them in any order.
pub async fn existing_digests(tx: &mut Tx, keys: &[NewKey]) -> Result<HashSet<Vec<u8>>, StoreError> {
    let digests = keys.iter().map(|key| json!([hex::encode(&key.digest)])).collect::<Value>().to_string();
    if let Some(sql) = tx.lock_digests() {
        sqlx::query(AssertSqlSafe(sql)).bind(&digests).execute(&mut *tx).await?;
    }
    let listed = format!("select {} from {}", tx.bytes_of_hex("value ->> 0"), tx.json_rows());
    let sql =
        format!("select digest from api_keys where digest in ({listed}) union all select digest from retired_secrets where digest in ({listed})");
    let existing: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(digests).fetch_all(tx).await?;
    Ok(existing.into_iter().collect())
}

/// Publishes a change of a key that may take access away: touches the digests of its valid secrets.
pub(crate) async fn touch(tx: &mut Tx, id: KeyId) -> Result<(), StoreError> {
    for digest in valid_digests(tx, id).await? {
        tx.touch(VerdictChange::Key(digest));
    }
    Ok(())
}

/// Publishes a change of a key that can only give access.
pub(crate) async fn touch_added(tx: &mut Tx, id: KeyId) -> Result<(), StoreError> {
    for digest in valid_digests(tx, id).await? {
        tx.touch_added(VerdictChange::Key(digest));
    }
    Ok(())
}

async fn valid_digests(tx: &mut Tx, id: KeyId) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "select digest from api_keys where id = $1 union all select digest from retired_secrets where key_id = $1 and expires_at > $2";
    Ok(sqlx::query_scalar(sql).bind(id).bind(Timestamp::now()).fetch_all(tx).await?)
}

/// Replaces a key's secret. The previous one stays valid until `old_expires_at`, and earlier ones no longer than that. Their digests are kept, so
/// that no retired secret can be stored as a new key.
pub async fn replace(tx: &mut Tx, id: KeyId, digest: &[u8], mask: &str, old_expires_at: Timestamp) -> Result<(), StoreError> {
    let now = Timestamp::now();
    // Without a grace period they have expired by the clock of every instance, also of one that is behind.
    let old_expires_at = if old_expires_at > now { old_expires_at } else { Timestamp(0) };
    // First, because without a grace period the previous secrets are no longer valid afterwards.
    if old_expires_at > now.plus_ms(GRACE_MIN_MS) {
        touch_added(tx, id).await?;
    } else {
        touch(tx, id).await?;
    }
    let sql = "insert into retired_secrets (digest, key_id, retired_at, expires_at, uses, last_used_at) \
               select digest, id, $1, $2, 0, null from api_keys where id = $3";
    sqlx::query(sql).bind(now).bind(old_expires_at).bind(id).execute(&mut *tx).await?;
    let sql = "update retired_secrets set expires_at = $1 where key_id = $2 and expires_at > $1";
    sqlx::query(sql).bind(old_expires_at).bind(id).execute(&mut *tx).await?;
    sqlx::query("update api_keys set digest = $1, mask = $2 where id = $3").bind(digest).bind(mask).bind(id).execute(&mut *tx).await?;
    tx.touch_added(VerdictChange::Key(digest.to_vec()));
    Ok(())
}
