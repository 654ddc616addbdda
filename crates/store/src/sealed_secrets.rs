//! Encrypted secrets of credentials.

use sqlx::{AssertSqlSafe, Executor};

use super::{Connection, StoreError, Tx, placeholders};
use latchkey_types::{
    id::{CredentialId, OrganizationId},
    key::StorageProvider,
    key_kind::CredentialKind,
};

/// A secret as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SealedSecret {
    /// The id of a credential or of a project secret.
    pub owner_id: String,
    /// `key`, `secret` or `value`.
    pub field: String,
    /// The data key, wrapped under the master key.
    pub wrapped_key: Vec<u8>,
    /// The secret, encrypted under the data key.
    pub ciphertext: Vec<u8>,
}

/// A data key and the values that its encryption is bound to.
#[derive(sqlx::FromRow)]
pub struct WrappedKey {
    pub credential_id: CredentialId,
    pub field: String,
    /// The data key, wrapped under the master key.
    pub wrapped_key: Vec<u8>,
    pub organization_id: OrganizationId,
    pub kind: CredentialKind,
    pub provider: Option<StorageProvider>,
}

/// The secrets of these credentials, in no particular order.
pub async fn of_many(db: impl Executor<'_, Database = sqlx::Any>, credentials: &[CredentialId]) -> Result<Vec<SealedSecret>, StoreError> {
    if credentials.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = placeholders(1, credentials.len());
    let sql = AssertSqlSafe(format!(
        "select credential_id as owner_id, field, wrapped_key, ciphertext from sealed_secrets where credential_id in ({placeholders})"
    ));
    Ok(credentials.iter().fold(sqlx::query_as(sql), |query, id| query.bind(*id)).fetch_all(db).await?)
}

pub async fn insert(tx: &mut Tx, secrets: &[SealedSecret]) -> Result<(), StoreError> {
    for secret in secrets {
        sqlx::query("insert into sealed_secrets (credential_id, field, wrapped_key, ciphertext) values ($1, $2, $3, $4)")
            .bind(&secret.owner_id)
            .bind(&secret.field)
            .bind(&secret.wrapped_key)
            .bind(&secret.ciphertext)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Removes the rows of all secrets of a credential.
pub async fn delete(tx: &mut Tx, credential: CredentialId) -> Result<(), StoreError> {
    sqlx::query("delete from sealed_secrets where credential_id = $1").bind(credential).execute(tx).await?;
    Ok(())
}

/// At most `limit` data keys that follow the one of this credential and field, or the first ones, in a fixed order.
pub async fn data_keys_after(db: &mut Connection, after: Option<(CredentialId, &str)>, limit: i64) -> Result<Vec<WrappedKey>, StoreError> {
    let (credential, field) = after.map(|(credential, field)| (credential.to_string(), field)).unwrap_or_default();
    Ok(sqlx::query_as(
        "select s.credential_id, s.field, s.wrapped_key, c.organization_id, c.kind, c.provider \
         from sealed_secrets s join credentials c on c.id = s.credential_id \
         where s.credential_id > $1 or (s.credential_id = $1 and s.field > $2) order by s.credential_id, s.field limit $3",
    )
    .bind(credential)
    .bind(field)
    .bind(limit)
    .fetch_all(db)
    .await?)
}

/// Replaces a data key with its newly wrapped form.
pub async fn replace_key(tx: &mut Tx, key: &WrappedKey) -> Result<(), StoreError> {
    sqlx::query("update sealed_secrets set wrapped_key = $1 where credential_id = $2 and field = $3")
        .bind(&key.wrapped_key)
        .bind(key.credential_id)
        .bind(&key.field)
        .execute(tx)
        .await?;
    Ok(())
}
