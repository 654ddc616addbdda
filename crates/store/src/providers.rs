//! Providers of language models, and what uses a credential: providers, their models, services, and the upstreams of corpora. Every change of a
//! provider is published to the instances.

use sqlx::{AssertSqlSafe, Executor};

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, placeholders, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{CredentialId, OrganizationId, ProviderId, UserId},
    provider::{ApiStyle, ProviderError},
    service::UnlinkReason,
    time::Timestamp,
};

/// A provider with the credential that it is linked to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProviderRecord {
    pub id: ProviderId,
    pub name: String,
    pub api_style: ApiStyle,
    pub base_url: String,
    /// In lower case; `None` for the header of the API style.
    pub credential_header: Option<String>,
    /// JSON of a [`ProviderError`].
    last_error: Option<String>,
    #[sqlx(flatten)]
    pub link: CredentialLink,
}

impl ProviderRecord {
    /// The last failure of a call or test; `None` if the last one succeeded.
    pub fn last_error(&self) -> Option<ProviderError> {
        serde_json::from_str(self.last_error.as_deref()?).ok()
    }
}

/// A link to a credential, or the reason why there is none.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CredentialLink {
    pub credential_id: Option<CredentialId>,
    pub credential_name: Option<String>,
    pub credential_mask: Option<String>,
    /// Why the link was removed: the credential was deleted, or the base URL of the provider or upstream was changed.
    pub unlink_reason: Option<UnlinkReason>,
}

/// A provider, model, service or upstream that is linked to a credential.
#[derive(Debug, sqlx::FromRow)]
pub struct LinkRecord {
    pub credential_id: CredentialId,
    /// The name of the provider or service, `provider / model`, or `corpus <name>`.
    pub name: String,
}

/// The provider, service or upstream that a credential may be sent to.
#[derive(Debug, sqlx::FromRow)]
pub struct Destination {
    pub name: String,
    /// `None` unless it is a provider, as `api_style`.
    pub provider_id: Option<ProviderId>,
    pub api_style: Option<ApiStyle>,
    pub base_url: String,
    /// See [`ProviderRecord::credential_header`].
    pub credential_header: Option<String>,
}

const PROVIDER: &str = "select p.id, p.name, p.api_style, p.base_url, p.credential_header, p.last_error, p.credential_id, \
     c.name as credential_name, c.mask as credential_mask, p.unlink_reason \
     from providers p left join credentials c on c.id = p.credential_id where p.organization_id = $1";

/// The organization's providers, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<ProviderRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{PROVIDER} order by p.name_folded{}", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?)
}

/// Number of the organization's providers.
pub async fn count(db: &mut Connection, organization: OrganizationId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select count(*) from providers where organization_id = $1").bind(organization).fetch_one(db).await?)
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
    pub credential_header: Option<String>,
    pub key: Option<CredentialId>,
}

impl ProviderValues {
    fn columns(&self) -> Columns {
        Columns::new()
            .set("name", &self.name)
            .set("name_folded", fold(&self.name))
            .set("api_style", self.api_style)
            .set("base_url", &self.base_url)
            .set("credential_header", &self.credential_header)
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
        .await?;
    tx.touch_added(VerdictChange::Gateway(organization));
    Ok(())
}

/// Changes a provider and clears its last failure. `unlink_reason` replaces the reason why it lost its previous credential.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ProviderId,
    values: &ProviderValues,
    unlink_reason: Option<UnlinkReason>,
) -> Result<(), StoreError> {
    values.columns().set("unlink_reason", unlink_reason).set_sql("last_error", "null").update(tx, "providers", "id", id).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Stores the last failure of a provider, or that the last call or test succeeded. The gateway does not read it, so it is not published.
pub async fn set_last_error(tx: &mut Tx, id: ProviderId, error: Option<&ProviderError>) -> Result<(), StoreError> {
    let json = error.map(serde_json::to_string).transpose().map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query("update providers set last_error = $1 where id = $2").bind(json).bind(id).execute(tx).await?;
    Ok(())
}

/// Deletes a provider and its models, to which nothing else may refer.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: ProviderId) -> Result<(), StoreError> {
    sqlx::query("delete from model_names where owner_id in (select m.id from models m where m.provider_id = $1)").bind(id).execute(&mut *tx).await?;
    sqlx::query("delete from models where provider_id = $1").bind(id).execute(&mut *tx).await?;
    sqlx::query("delete from providers where id = $1").bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// What is linked to these credentials.
pub async fn links_of(db: impl Executor<'_, Database = sqlx::Any>, credentials: &[CredentialId]) -> Result<Vec<LinkRecord>, StoreError> {
    if credentials.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = placeholders(1, credentials.len());
    let sql = AssertSqlSafe(format!(
        "select credential_id, name from providers where credential_id in ({placeholders}) union all \
         select m.credential_id, p.name || ' / ' || m.name as name from models m join providers p on p.id = m.provider_id \
         where m.credential_id in ({placeholders}) union all \
         select credential_id, name from services where credential_id in ({placeholders}) union all \
         select u.credential_id, 'corpus ' || c.name as name from corpus_upstreams u \
         join corpora c on c.organization_id = u.organization_id and c.id = u.corpus_id where u.credential_id in ({placeholders})"
    ));
    Ok(credentials.iter().fold(sqlx::query_as(sql), |query, id| query.bind(*id)).fetch_all(db).await?)
}

/// What uses a credential: the first provider by name, for itself or for one of its models; otherwise the first service, then the first upstream.
pub async fn destination_of(store: &Store, credential: CredentialId) -> Result<Option<Destination>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select name, provider_id, api_style, base_url, credential_header from ( \
         select 1 as priority, p.name_folded as sort_name, p.name, p.id as provider_id, p.api_style, p.base_url, p.credential_header from providers p \
         where p.credential_id = $1 or exists (select 1 from models m where m.provider_id = p.id and m.credential_id = $1) union all \
         select 2 as priority, s.name as sort_name, s.name, null as provider_id, null as api_style, s.base_url, null as credential_header \
         from services s where s.credential_id = $1 union all \
         select 3 as priority, c.name_folded as sort_name, 'corpus ' || c.name as name, null as provider_id, null as api_style, \
         u.base_url, null as credential_header from corpus_upstreams u \
         join corpora c on c.organization_id = u.organization_id and c.id = u.corpus_id where u.credential_id = $1 \
         ) as destinations order by priority, sort_name{} limit 1",
        store.bytewise_collation()
    ));
    Ok(sqlx::query_as(sql).bind(credential).fetch_optional(store.read()?).await?)
}
