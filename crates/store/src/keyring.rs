//! The installation's own secrets, wrapped under the master key.

use sqlx::Executor;

use super::{StoreError, Tx};
use latchkey_crypto::master_key::Wrapped;
use latchkey_types::time::Timestamp;

pub async fn all(db: impl Executor<'_, Database = sqlx::Any>) -> Result<Vec<Wrapped>, StoreError> {
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as("select name, wrapped from keyring order by name").fetch_all(db).await?;
    Ok(rows.into_iter().map(|(name, wrapped)| Wrapped { name, wrapped }).collect())
}

/// [`StoreError::Duplicate`] if there is one of this name.
pub async fn insert(tx: &mut Tx, secret: &Wrapped) -> Result<(), StoreError> {
    sqlx::query("insert into keyring (name, wrapped, created_at) values ($1, $2, $3)")
        .bind(&secret.name)
        .bind(&secret.wrapped)
        .bind(Timestamp::now())
        .execute(tx)
        .await?;
    Ok(())
}

/// Replaces a secret with its newly wrapped form.
pub async fn replace(tx: &mut Tx, secret: &Wrapped) -> Result<(), StoreError> {
    sqlx::query("update keyring set wrapped = $1 where name = $2").bind(&secret.wrapped).bind(&secret.name).execute(tx).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    sqlx::query("delete from keyring where name = $1").bind(name).execute(tx).await?;
    Ok(())
}
