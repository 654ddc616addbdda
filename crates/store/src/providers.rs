//! Providers of language models, and the credentials that they and their models use.

use sqlx::{AssertSqlSafe, Executor};

use super::{Error, Store, Tx, fold, places};
use latchkey_types::{
    id::{CredentialId, OrganizationId, ProviderId, UserId},
    provider::Style,
    time::Timestamp,
};

/// A provider with the credential that it is linked to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProviderRecord {
    pub id: String,
    pub name: String,
    /// `openai` or `anthropic`.
    pub style: String,
    pub base_url: String,
    #[sqlx(flatten)]
    pub link: KeyLink,
}

/// A link to a credential, or the reason why there is none.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyLink {
    pub credential_id: Option<String>,
    pub key_name: Option<String>,
    pub key_mask: Option<String>,
    /// Why the link was removed: `deleted` (the credential) or `moved` (the provider's address).
    pub unlinked: Option<String>,
}

/// A provider or model that is linked to a credential.
#[derive(Debug, sqlx::FromRow)]
pub struct LinkRecord {
    pub credential_id: String,
    /// The provider's name, or `provider / model`.
    pub name: String,
}

/// The provider that a credential may be sent to.
#[derive(Debug, sqlx::FromRow)]
pub struct Destination {
    pub name: String,
    /// `openai` or `anthropic`.
    pub style: String,
    pub base_url: String,
}

const PROVIDER: &str = "select p.id, p.name, p.style, p.base_url, p.credential_id, c.name as key_name, c.mask as key_mask, p.unlinked \
     from providers p left join credentials c on c.id = p.credential_id where p.organization_id = $1";

/// The organization's providers, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<ProviderRecord>, Error> {
    let sql = AssertSqlSafe(format!("{PROVIDER} order by p.name_folded{}", store.bytewise()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(store.read()?).await?)
}

pub async fn find(tx: &mut Tx, organization: OrganizationId, id: ProviderId) -> Result<Option<ProviderRecord>, Error> {
    let sql = AssertSqlSafe(format!("{PROVIDER} and p.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(tx).await?)
}

/// The values of a provider that can be edited.
pub struct ProviderValues {
    pub name: String,
    pub style: Style,
    pub base_url: String,
    pub key: Option<CredentialId>,
}

/// [`Error::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, id: ProviderId, by: UserId, values: &ProviderValues) -> Result<(), Error> {
    sqlx::query(
        "insert into providers (id, organization_id, name, name_folded, style, base_url, credential_id, created_by, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(organization.to_string())
    .bind(&values.name)
    .bind(fold(&values.name))
    .bind(values.style.word())
    .bind(&values.base_url)
    .bind(values.key.map(|key| key.to_string()))
    .bind(by.to_string())
    .bind(Timestamp::now().0)
    .execute(tx)
    .await?;
    Ok(())
}

/// Changes a provider. `unlinked` replaces the reason why it lost its previous credential.
///
/// # Errors
/// [`Error::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, id: ProviderId, values: &ProviderValues, unlinked: Option<&str>) -> Result<(), Error> {
    sqlx::query("update providers set name = $1, name_folded = $2, style = $3, base_url = $4, credential_id = $5, unlinked = $6 where id = $7")
        .bind(&values.name)
        .bind(fold(&values.name))
        .bind(values.style.word())
        .bind(&values.base_url)
        .bind(values.key.map(|key| key.to_string()))
        .bind(unlinked)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes all links to a credential, because it is deleted.
pub async fn unlink_credential(tx: &mut Tx, id: CredentialId) -> Result<(), Error> {
    for table in ["providers", "models"] {
        let sql = AssertSqlSafe(format!("update {table} set credential_id = null, unlinked = 'deleted' where credential_id = $1"));
        sqlx::query(sql).bind(id.to_string()).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Deletes a provider and its models.
pub async fn delete(tx: &mut Tx, id: ProviderId) -> Result<(), Error> {
    sqlx::query("delete from models where provider_id = $1").bind(id.to_string()).execute(&mut *tx).await?;
    sqlx::query("delete from providers where id = $1").bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// The providers and models that are linked to these credentials.
pub async fn links_of(db: impl Executor<'_, Database = sqlx::Any>, credentials: &[&str]) -> Result<Vec<LinkRecord>, Error> {
    if credentials.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = places(1, credentials.len());
    let sql = AssertSqlSafe(format!(
        "select credential_id, name from providers where credential_id in ({placeholders}) union all \
         select m.credential_id, p.name || ' / ' || m.name as name from models m join providers p on p.id = m.provider_id \
         where m.credential_id in ({placeholders})"
    ));
    Ok(credentials.iter().fold(sqlx::query_as(sql), |query, id| query.bind(*id)).fetch_all(db).await?)
}

/// The first provider, by name, that uses a credential for itself or for one of its models.
pub async fn destination_of(store: &Store, credential: &str) -> Result<Option<Destination>, Error> {
    let sql = AssertSqlSafe(format!(
        "select p.name, p.style, p.base_url from providers p \
         where p.credential_id = $1 or exists (select 1 from models m where m.provider_id = p.id and m.credential_id = $1) \
         order by p.name_folded{} limit 1",
        store.bytewise()
    ));
    Ok(sqlx::query_as(sql).bind(credential).fetch_optional(store.read()?).await?)
}
