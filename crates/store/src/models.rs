//! Language models of providers.

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, providers::CredentialLink};
use latchkey_types::{
    id::{CredentialId, ModelId, OrganizationId, ProviderId, UserId},
    service::UnlinkReason,
    time::Timestamp,
};

/// A model with the credential that it is linked to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ModelRecord {
    pub id: ModelId,
    pub provider_id: ProviderId,
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
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?)
}

/// A provider's models, sorted by name.
pub async fn of_provider(db: &mut Connection, organization: OrganizationId, id: ProviderId) -> Result<Vec<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} and m.provider_id = $2 order by m.name_folded"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_all(db).await?)
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: ModelId) -> Result<Option<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} and m.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// [`StoreError::Duplicate`] if the provider has a model of this name.
pub async fn insert(
    tx: &mut Tx,
    (organization, provider): (OrganizationId, ProviderId),
    id: ModelId,
    by: UserId,
    (name, key): (&str, Option<CredentialId>),
) -> Result<(), StoreError> {
    Columns::new()
        .set("id", id)
        .set("organization_id", organization)
        .set("provider_id", provider)
        .set("name", name)
        .set("name_folded", fold(name))
        .set("credential_id", key)
        .set("created_by", by)
        .set("created_at", Timestamp::now())
        .insert(tx, "models")
        .await
}

/// Changes a model. This clears the reason why it lost its previous credential.
///
/// # Errors
/// [`StoreError::Duplicate`] if the provider has a model of this name.
pub async fn update(tx: &mut Tx, id: ModelId, (name, key): (&str, Option<CredentialId>)) -> Result<(), StoreError> {
    sqlx::query("update models set name = $1, name_folded = $2, credential_id = $3, unlink_reason = null where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(key)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Unlinks the models of a provider from their own credentials, because the provider's address changed.
pub async fn unlink(tx: &mut Tx, id: ProviderId) -> Result<(), StoreError> {
    sqlx::query("update models set credential_id = null, unlink_reason = $1 where provider_id = $2 and credential_id is not null")
        .bind(UnlinkReason::AddressChanged)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: ModelId) -> Result<(), StoreError> {
    sqlx::query("delete from models where id = $1").bind(id).execute(tx).await?;
    Ok(())
}
