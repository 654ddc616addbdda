//! Providers of language models, and the credentials that they and their models use.

use sqlx::{AssertSqlSafe, Executor};

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, placeholders};
use latchkey_types::{
    id::{CredentialId, OrganizationId, ProviderId, UserId},
    provider::ApiStyle,
    time::Timestamp,
};

/// A provider with the credential that it is linked to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProviderRecord {
    pub id: ProviderId,
    pub name: String,
    pub api_style: ApiStyle,
    pub base_url: String,
    #[sqlx(flatten)]
    pub link: CredentialLink,
}

/// A link to a credential, or the reason why there is none.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CredentialLink {
    pub credential_id: Option<CredentialId>,
    pub credential_name: Option<String>,
    pub credential_mask: Option<String>,
    /// Why the link was removed: `credential_deleted` or `address_changed` (of the provider).
    pub unlink_reason: Option<String>,
}

/// A provider or model that is linked to a credential.
#[derive(Debug, sqlx::FromRow)]
pub struct LinkRecord {
    pub credential_id: CredentialId,
    /// The provider's name, or `provider / model`.
    pub name: String,
}

/// The provider that a credential may be sent to.
#[derive(Debug, sqlx::FromRow)]
pub struct Destination {
    pub name: String,
    pub api_style: ApiStyle,
    pub base_url: String,
}

const PROVIDER: &str = "select p.id, p.name, p.api_style, p.base_url, p.credential_id, c.name as credential_name, c.mask as credential_mask, p.unlink_reason \
     from providers p left join credentials c on c.id = p.credential_id where p.organization_id = $1";

/// The organization's providers, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<ProviderRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{PROVIDER} order by p.name_folded{}", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?)
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: ProviderId) -> Result<Option<ProviderRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{PROVIDER} and p.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// The values of a provider that can be edited.
pub struct ProviderValues {
    pub name: String,
    pub api_style: ApiStyle,
    pub base_url: String,
    pub key: Option<CredentialId>,
}

impl ProviderValues {
    fn columns(&self) -> Columns {
        Columns::new()
            .set("name", &self.name)
            .set("name_folded", fold(&self.name))
            .set("api_style", self.api_style)
            .set("base_url", &self.base_url)
            .set("credential_id", self.key)
    }
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, id: ProviderId, by: UserId, values: &ProviderValues) -> Result<(), StoreError> {
    values
        .columns()
        .set("id", id)
        .set("organization_id", organization)
        .set("created_by", by)
        .set("created_at", Timestamp::now())
        .insert(tx, "providers")
        .await
}

/// Changes a provider. `unlink_reason` replaces the reason why it lost its previous credential.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, id: ProviderId, values: &ProviderValues, unlink_reason: Option<&str>) -> Result<(), StoreError> {
    values.columns().set("unlink_reason", unlink_reason).update(tx, "providers", "id", id).await
}

/// Removes all links to a credential, because it is deleted.
pub async fn unlink_credential(tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
    for table in ["providers", "models"] {
        let sql = AssertSqlSafe(format!("update {table} set credential_id = null, unlink_reason = 'credential_deleted' where credential_id = $1"));
        sqlx::query(sql).bind(id).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Deletes a provider and its models.
pub async fn delete(tx: &mut Tx, id: ProviderId) -> Result<(), StoreError> {
    sqlx::query("delete from models where provider_id = $1").bind(id).execute(&mut *tx).await?;
    sqlx::query("delete from providers where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// The providers and models that are linked to these credentials.
pub async fn links_of(db: impl Executor<'_, Database = sqlx::Any>, credentials: &[CredentialId]) -> Result<Vec<LinkRecord>, StoreError> {
    if credentials.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = placeholders(1, credentials.len());
    let sql = AssertSqlSafe(format!(
        "select credential_id, name from providers where credential_id in ({placeholders}) union all \
         select m.credential_id, p.name || ' / ' || m.name as name from models m join providers p on p.id = m.provider_id \
         where m.credential_id in ({placeholders})"
    ));
    Ok(credentials.iter().fold(sqlx::query_as(sql), |query, id| query.bind(*id)).fetch_all(db).await?)
}

/// The first provider, by name, that uses a credential for itself or for one of its models.
pub async fn destination_of(store: &Store, credential: CredentialId) -> Result<Option<Destination>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select p.name, p.api_style, p.base_url from providers p \
         where p.credential_id = $1 or exists (select 1 from models m where m.provider_id = p.id and m.credential_id = $1) \
         order by p.name_folded{} limit 1",
        store.bytewise_collation()
    ));
    Ok(sqlx::query_as(sql).bind(credential).fetch_optional(store.read()?).await?)
}
