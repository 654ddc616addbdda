//! Names that stand for one of several language models, and the names that models and aliases share. Every write is published to the instances.

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{AliasId, OrganizationId, UserId},
    provider::AliasTarget,
    time::Timestamp,
};

/// An alias.
#[derive(Debug, Clone)]
pub struct AliasRecord {
    pub id: AliasId,
    pub name: String,
    /// Sorted by priority.
    pub targets: Vec<AliasTarget>,
    pub created_at: Timestamp,
}

/// A row, as it is stored.
#[derive(sqlx::FromRow)]
struct AliasColumns {
    id: AliasId,
    name: String,
    /// JSON.
    targets: String,
    created_at: Timestamp,
}

impl AliasColumns {
    fn into_record(self) -> Result<AliasRecord, StoreError> {
        let targets = serde_json::from_str(&self.targets).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(AliasRecord { id: self.id, name: self.name, targets, created_at: self.created_at })
    }
}

const ALIAS: &str = "select id, name, targets, created_at from model_aliases where organization_id = $1";

/// The organization's aliases, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<AliasRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{ALIAS} order by name_folded{}", store.bytewise_collation()));
    let rows: Vec<AliasColumns> = sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?;
    rows.into_iter().map(AliasColumns::into_record).collect()
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: AliasId) -> Result<Option<AliasRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{ALIAS} and id = $2"));
    let row: Option<AliasColumns> = sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?;
    row.map(AliasColumns::into_record).transpose()
}

fn columns(name: &str, targets: &[AliasTarget]) -> Result<Columns, StoreError> {
    let targets = serde_json::to_string(targets).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(Columns::new().set("name", name).set("name_folded", fold(name)).set("targets", targets))
}

/// [`StoreError::Duplicate`] if a model or alias of the organization has this name.
pub async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    id: AliasId,
    by: UserId,
    (name, targets): (&str, &[AliasTarget]),
) -> Result<(), StoreError> {
    claim_name(tx, organization, &id.to_string(), name).await?;
    columns(name, targets)?
        .set("id", id)
        .set("organization_id", organization)
        .set("created_by", by)
        .set("created_at", Timestamp::now())
        .insert(tx, "model_aliases")
        .await?;
    tx.touch_added(VerdictChange::Gateway(organization));
    Ok(())
}

/// [`StoreError::Duplicate`] if another model or alias of the organization has this name.
pub async fn update(tx: &mut Tx, organization: OrganizationId, id: AliasId, (name, targets): (&str, &[AliasTarget])) -> Result<(), StoreError> {
    claim_name(tx, organization, &id.to_string(), name).await?;
    columns(name, targets)?.update(tx, "model_aliases", "id", id).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: AliasId) -> Result<(), StoreError> {
    release_name(tx, &id.to_string()).await?;
    sqlx::query("delete from model_aliases where id = $1").bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Gives a name to a model or alias, which loses its previous one.
///
/// # Errors
/// Number of the organization's models and aliases.
pub async fn count_names(db: &mut Connection, organization: OrganizationId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select count(*) from model_names where organization_id = $1").bind(organization).fetch_one(db).await?)
}

/// [`StoreError::Duplicate`] if another one has it, ignoring case.
pub(crate) async fn claim_name(tx: &mut Tx, organization: OrganizationId, owner: &str, name: &str) -> Result<(), StoreError> {
    release_name(tx, owner).await?;
    let sql = "insert into model_names (organization_id, name_folded, owner_id) values ($1, $2, $3)";
    sqlx::query(sql).bind(organization).bind(fold(name)).bind(owner).execute(tx).await?;
    Ok(())
}

pub(crate) async fn release_name(tx: &mut Tx, owner: &str) -> Result<(), StoreError> {
    sqlx::query("delete from model_names where owner_id = $1").bind(owner).execute(tx).await?;
    Ok(())
}
