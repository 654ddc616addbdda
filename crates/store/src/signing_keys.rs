//! Public keys that verify the tokens of project keys.

use super::{Store, StoreError, Tx};
use latchkey_types::time::Timestamp;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PublicKeyRow {
    /// Key id (`kid`) in tokens.
    pub kid: String,
    /// Ed25519, 32 bytes.
    pub public_key: Vec<u8>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// The current signing key.
pub async fn current(tx: &mut Tx) -> Result<Option<PublicKeyRow>, StoreError> {
    let sql = "select kid, public_key, created_at from signing_keys where retired_at is null order by created_at desc limit 1";
    Ok(sqlx::query_as(sql).fetch_optional(tx).await?)
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
    Ok(sqlx::query_as(sql).bind(now.0).fetch_all(store.read()?).await?)
}

/// Adds a signing key, which becomes the current one.
pub async fn insert(tx: &mut Tx, kid: &str, public_key: &[u8], now: Timestamp) -> Result<(), StoreError> {
    let sql = "insert into signing_keys (kid, public_key, created_at) values ($1, $2, $3)";
    sqlx::query(sql).bind(kid).bind(public_key).bind(now.0).execute(tx).await?;
    Ok(())
}

/// Retires the current signing key. Returns the ids of the retired keys.
pub async fn retire_all(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("update signing_keys set retired_at = $1 where retired_at is null returning kid").bind(now.0).fetch_all(tx).await?)
}
