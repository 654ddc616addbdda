//! Public keys that verify the tokens of project keys.

use super::{Connection, Store, StoreError, Tx, verdict_changes::VerdictChange};
use latchkey_types::time::Timestamp;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PublicKeyRow {
    /// Key id (`kid`) in tokens.
    pub kid: String,
    /// Ed25519, 32 bytes.
    pub public_key: Vec<u8>,
    pub created_at: Timestamp,
}

/// The current signing key.
pub async fn current(db: &mut Connection) -> Result<Option<PublicKeyRow>, StoreError> {
    let sql = "select kid, public_key, created_at from signing_keys where retired_at is null order by created_at desc limit 1";
    Ok(sqlx::query_as(sql).fetch_optional(db).await?)
}

/// All signing keys, including retired ones.
pub async fn all(store: &Store) -> Result<Vec<PublicKeyRow>, StoreError> {
    Ok(sqlx::query_as("select kid, public_key, created_at from signing_keys").fetch_all(store.read()?).await?)
}

/// The current signing key and those of tokens that are neither revoked, deleted nor expired, newest first.
pub async fn in_use(store: &Store, now: Timestamp) -> Result<Vec<PublicKeyRow>, StoreError> {
    let sql = "select s.kid, s.public_key, s.created_at from signing_keys s where s.retired_at is null or exists (select 1 from issued_keys i \
         join api_keys k on k.id = i.key_id where i.signing_kid = s.kid and k.deleted_at is null and k.revoked_at is null \
         and (k.expires_at is null or k.expires_at > $1)) order by s.created_at desc, s.kid";
    Ok(sqlx::query_as(sql).bind(now).fetch_all(store.read()?).await?)
}

/// Adds a signing key, which becomes the current one.
pub async fn insert(tx: &mut Tx, kid: &str, public_key: &[u8], now: Timestamp) -> Result<(), StoreError> {
    let sql = "insert into signing_keys (kid, public_key, created_at) values ($1, $2, $3)";
    sqlx::query(sql).bind(kid).bind(public_key).bind(now).execute(&mut *tx).await?;
    tx.touch_added(VerdictChange::SigningKeys);
    Ok(())
}

/// Retires the current signing key. Returns the ids of the retired keys.
pub async fn retire_all(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let sql = "update signing_keys set retired_at = $1 where retired_at is null returning kid";
    let retired: Vec<String> = sqlx::query_scalar(sql).bind(now).fetch_all(&mut *tx).await?;
    if !retired.is_empty() {
        tx.touch(VerdictChange::SigningKeys);
    }
    Ok(retired)
}
