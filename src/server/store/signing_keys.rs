//! The public halves of the keys under which project keys are signed.

use super::{Error, Store, Tx};
use crate::model::time::Timestamp;

/// A signing key, as everybody may know it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PublicKeyRow {
    /// Its name in tokens.
    pub kid: String,
    /// 32 bytes.
    pub public_key: Vec<u8>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// The one that signs.
///
/// # Errors
/// What the database says.
pub async fn current(tx: &mut Tx) -> Result<Option<PublicKeyRow>, Error> {
    let sql = "select kid, public_key, created_at from signing_keys where retired_at is null order by created_at desc limit 1";
    Ok(sqlx::query_as(sql).fetch_optional(tx).await?)
}

/// Every one that there was.
///
/// # Errors
/// What the database says.
pub async fn all(store: &Store) -> Result<Vec<PublicKeyRow>, Error> {
    Ok(sqlx::query_as("select kid, public_key, created_at from signing_keys").fetch_all(store.read()?).await?)
}

/// The one that signs, and those under which there is a token that is neither revoked nor past its end; the newest first.
///
/// # Errors
/// What the database says.
pub async fn in_use(store: &Store, now: Timestamp) -> Result<Vec<PublicKeyRow>, Error> {
    let sql = "select s.kid, s.public_key, s.created_at from signing_keys s where s.retired_at is null or exists (select 1 from issued_keys i \
         join api_keys k on k.id = i.key_id where i.signed_with = s.kid and k.deleted_at is null and k.revoked_at is null \
         and (k.expires_at is null or k.expires_at > $1)) order by s.created_at desc, s.kid";
    Ok(sqlx::query_as(sql).bind(now.0).fetch_all(store.read()?).await?)
}

/// Adds the one that signs from now on.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, kid: &str, public_key: &[u8], now: Timestamp) -> Result<(), Error> {
    let sql = "insert into signing_keys (kid, public_key, created_at) values ($1, $2, $3)";
    sqlx::query(sql).bind(kid).bind(public_key).bind(now.0).execute(tx).await?;
    Ok(())
}

/// Retires whichever signs. Answers its name.
///
/// # Errors
/// What the database says.
pub async fn retire_all(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar("update signing_keys set retired_at = $1 where retired_at is null returning kid").bind(now.0).fetch_all(tx).await?)
}
