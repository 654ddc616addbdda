//! Language models of providers. Every write is published to the instances.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, model_aliases, providers::CredentialLink, verdict_changes::VerdictChange};
use latchkey_types::{
    budget::ModelPrice,
    id::{CredentialId, ModelId, OrganizationId, ProviderId, UserId},
    provider::AliasTarget,
    service::UnlinkReason,
    time::Timestamp,
};

/// A model with the credential that it is linked to.
#[derive(Debug, Clone)]
pub struct ModelRecord {
    pub id: ModelId,
    pub provider_id: ProviderId,
    pub name: String,
    /// The provider's name for it.
    pub upstream_name: String,
    /// The model's own credential, if any.
    pub link: CredentialLink,
    /// The organization's own price.
    pub price: Option<ModelPrice>,
    /// The organization's own limits.
    pub context_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub allow_unpriced: bool,
    pub fallbacks: Vec<ModelId>,
    pub created_at: Timestamp,
}

/// A row, as it is stored.
#[derive(sqlx::FromRow)]
struct ModelColumns {
    id: ModelId,
    provider_id: ProviderId,
    name: String,
    upstream_name: Option<String>,
    #[sqlx(flatten)]
    link: CredentialLink,
    /// JSON.
    price: Option<String>,
    context_tokens: Option<i64>,
    output_tokens: Option<i64>,
    allow_unpriced: i64,
    /// JSON.
    fallbacks: String,
    created_at: Timestamp,
}

const MODEL: &str = "select m.id, m.provider_id, m.name, m.upstream_name, m.price, m.context_tokens, m.output_tokens, m.allow_unpriced, m.fallbacks, \
     m.created_at, m.credential_id, c.name as credential_name, c.mask as credential_mask, m.unlink_reason \
     from models m left join credentials c on c.id = m.credential_id where m.organization_id = $1";

impl ModelColumns {
    /// A model with an invalid value must not be called, so it is an error.
    fn into_record(self) -> Result<ModelRecord, StoreError> {
        Ok(ModelRecord {
            id: self.id,
            provider_id: self.provider_id,
            upstream_name: self.upstream_name.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            link: self.link,
            price: self.price.as_deref().map(serde_json::from_str).transpose().map_err(decode_error)?,
            context_tokens: self.context_tokens,
            output_tokens: self.output_tokens,
            allow_unpriced: self.allow_unpriced != 0,
            fallbacks: serde_json::from_str(&self.fallbacks).map_err(decode_error)?,
            created_at: self.created_at,
        })
    }
}

fn decode_error(error: serde_json::Error) -> StoreError {
    sqlx::Error::Decode(error.into()).into()
}

fn encode_error(error: serde_json::Error) -> StoreError {
    sqlx::Error::Encode(error.into()).into()
}

/// The models of all of the organization's providers, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} order by m.name_folded{}", store.bytewise_collation()));
    let rows: Vec<ModelColumns> = sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?;
    rows.into_iter().map(ModelColumns::into_record).collect()
}

/// A provider's models, sorted by name.
pub async fn of_provider(db: &mut Connection, organization: OrganizationId, id: ProviderId) -> Result<Vec<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} and m.provider_id = $2 order by m.name_folded"));
    let rows: Vec<ModelColumns> = sqlx::query_as(sql).bind(organization).bind(id).fetch_all(db).await?;
    rows.into_iter().map(ModelColumns::into_record).collect()
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: ModelId) -> Result<Option<ModelRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MODEL} and m.id = $2"));
    let row: Option<ModelColumns> = sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?;
    row.map(ModelColumns::into_record).transpose()
}

/// What refers to models, sorted: `alias <name>` and `model <name>`, without the models of a provider.
pub async fn references(
    db: &mut Connection,
    organization: OrganizationId,
    except: Option<ProviderId>,
) -> Result<HashMap<ModelId, Vec<String>>, StoreError> {
    let sql = "select 'alias ' || name as name, targets as ids from model_aliases where organization_id = $1 union all \
         select 'model ' || name as name, fallbacks as ids from models where organization_id = $1 and provider_id <> $2";
    let except = except.map(|id| id.to_string()).unwrap_or_default();
    let mut rows: Vec<(String, String)> = sqlx::query_as(sql).bind(organization).bind(except).fetch_all(db).await?;
    rows.sort_unstable();
    let mut references: HashMap<ModelId, Vec<String>> = HashMap::new();
    for (name, json) in rows {
        let ids: Vec<ModelId> = if name.starts_with("alias ") {
            let targets: Vec<AliasTarget> = serde_json::from_str(&json).map_err(decode_error)?;
            targets.into_iter().map(|target| target.model).collect()
        } else {
            serde_json::from_str(&json).map_err(decode_error)?
        };
        for id in ids {
            references.entry(id).or_default().push(name.clone());
        }
    }
    Ok(references)
}

/// The values of a model that can be edited.
pub struct ModelValues {
    pub name: String,
    pub upstream_name: String,
    pub key: Option<CredentialId>,
    pub price: Option<ModelPrice>,
    pub context_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub allow_unpriced: bool,
    pub fallbacks: Vec<ModelId>,
}

impl ModelValues {
    fn columns(&self) -> Result<Columns, StoreError> {
        let price = self.price.as_ref().map(serde_json::to_string).transpose().map_err(encode_error)?;
        Ok(Columns::new()
            .set("name", &self.name)
            .set("name_folded", fold(&self.name))
            .set("upstream_name", &self.upstream_name)
            .set("credential_id", self.key)
            .set("price", price)
            .set("context_tokens", self.context_tokens)
            .set("output_tokens", self.output_tokens)
            .set("allow_unpriced", i64::from(self.allow_unpriced))
            .set("fallbacks", serde_json::to_string(&self.fallbacks).map_err(encode_error)?))
    }
}

/// [`StoreError::Duplicate`] if a model or alias of the organization has this name.
pub async fn insert(
    tx: &mut Tx,
    (organization, provider): (OrganizationId, ProviderId),
    id: ModelId,
    by: UserId,
    values: &ModelValues,
) -> Result<(), StoreError> {
    model_aliases::claim_name(tx, organization, &id.to_string(), &values.name).await?;
    values
        .columns()?
        .set("id", id)
        .set("organization_id", organization)
        .set("provider_id", provider)
        .set("created_by", by)
        .set("created_at", Timestamp::now())
        .insert(tx, "models")
        .await?;
    tx.touch_added(VerdictChange::Gateway(organization));
    Ok(())
}

/// Changes a model. `unlink_reason` replaces the reason why it lost its previous credential.
///
/// # Errors
/// [`StoreError::Duplicate`] if another model or alias of the organization has this name.
pub async fn update(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ModelId,
    values: &ModelValues,
    unlink_reason: Option<UnlinkReason>,
) -> Result<(), StoreError> {
    model_aliases::claim_name(tx, organization, &id.to_string(), &values.name).await?;
    values.columns()?.set("unlink_reason", unlink_reason).update(tx, "models", "id", id).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Unlinks the models of a provider from their own credentials, because the provider's address changed.
pub async fn unlink(tx: &mut Tx, organization: OrganizationId, id: ProviderId) -> Result<(), StoreError> {
    sqlx::query("update models set credential_id = null, unlink_reason = $1 where provider_id = $2 and credential_id is not null")
        .bind(UnlinkReason::AddressChanged)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Deletes a model, to which nothing may refer.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: ModelId) -> Result<(), StoreError> {
    model_aliases::release_name(tx, &id.to_string()).await?;
    sqlx::query("delete from models where id = $1").bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}
