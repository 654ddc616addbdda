//! This installation's own secrets, wrapped.

use super::{Error, Store, Tx};
use crate::model::time::Timestamp;

/// A secret as it is stored.
#[derive(sqlx::FromRow)]
pub struct Wrapped {
    /// What it is for.
    pub name: String,
    /// Version, nonce and ciphertext.
    pub wrapped: Vec<u8>,
}

/// Every secret.
///
/// # Errors
/// What the database says.
pub async fn all(store: &Store) -> Result<Vec<Wrapped>, Error> {
    Ok(sqlx::query_as("select name, wrapped from keyring order by name").fetch_all(store.read()?).await?)
}

/// Adds one.
///
/// # Errors
/// [`Error::Duplicate`] when one of that name stands.
pub async fn insert(tx: &mut Tx, secret: &Wrapped) -> Result<(), Error> {
    sqlx::query("insert into keyring (name, wrapped, created_at) values ($1, $2, $3)")
        .bind(&secret.name)
        .bind(&secret.wrapped)
        .bind(Timestamp::now().0)
        .execute(tx)
        .await?;
    Ok(())
}
