//! Language models of providers.

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx, fold, providers::CredentialLink};
use latchkey_types::{
    id::{CredentialId, ModelId, OrganizationId, ProviderId, UserId},
    time::Timestamp,
};

/// A model with the credential that it is linked to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ModelRecord {
    pub id: String,
    pub provider_id: String,
    pub name: String,
    /// The model's own credential, if any.
    #[sqlx(flatten)]
    pub link: CredentialLink,
}

const MODEL: &str = "select m.id, m.provider_id, m.name, m.credential_id, c.name as credential_name, c.mask as credential_mask, m.unlink_reason \
     from models m left join credentials c on c.id = m.credential_id where m.organization_id = $1";

/// The models of all of the organization's providers, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} order by m.name_folded{}", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(store.read()?).await?)
}

/// A provider's models, sorted by name.
pub async fn of_provider(tx: &mut Tx, organization: OrganizationId, id: ProviderId) -> Result<Vec<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} and m.provider_id = $2 order by m.name_folded"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_all(tx).await?)
}

pub async fn find(tx: &mut Tx, organization: OrganizationId, id: ModelId) -> Result<Option<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} and m.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(tx).await?)
}

/// [`StoreError::Duplicate`] if the provider has a model of this name.
pub async fn insert(
    tx: &mut Tx,
    (organization, provider): (OrganizationId, ProviderId),
    id: ModelId,
    by: UserId,
    (name, key): (&str, Option<CredentialId>),
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into models (id, organization_id, provider_id, name, name_folded, credential_id, created_by, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.to_string())
    .bind(organization.to_string())
    .bind(provider.to_string())
    .bind(name)
    .bind(fold(name))
    .bind(key.map(|key| key.to_string()))
    .bind(by.to_string())
    .bind(Timestamp::now().0)
    .execute(tx)
    .await?;
    Ok(())
}

/// Changes a model. This clears the reason why it lost its previous credential.
///
/// # Errors
/// [`StoreError::Duplicate`] if the provider has a model of this name.
pub async fn update(tx: &mut Tx, id: ModelId, (name, key): (&str, Option<CredentialId>)) -> Result<(), StoreError> {
    sqlx::query("update models set name = $1, name_folded = $2, credential_id = $3, unlink_reason = null where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(key.map(|key| key.to_string()))
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Unlinks the models of a provider from their own credentials, because the provider's address changed.
pub async fn unlink(tx: &mut Tx, id: ProviderId) -> Result<(), StoreError> {
    sqlx::query("update models set credential_id = null, unlink_reason = 'address_changed' where provider_id = $1 and credential_id is not null")
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: ModelId) -> Result<(), StoreError> {
    sqlx::query("delete from models where id = $1").bind(id.to_string()).execute(tx).await?;
    Ok(())
}
