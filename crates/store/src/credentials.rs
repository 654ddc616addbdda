//! Credentials without their secrets, which are in [`super::sealed_secrets`].

use sqlx::{AssertSqlSafe, Executor};

use super::{Store, StoreError, Tx, columns::Columns, fold, has_number_condition, placeholders, sealed_secrets, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{CredentialId, OrganizationId, UserId},
    key::{StorageProvider, TestOutcome, TestResult},
    key_kind::{CredentialKind, Lifecycle},
    service::UnlinkReason,
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CredentialRecord {
    pub id: CredentialId,
    /// Identifies the row in lists.
    pub number: i64,
    pub organization_id: OrganizationId,
    pub kind: CredentialKind,
    pub name: String,
    /// `None` for keys of language models.
    pub provider: Option<StorageProvider>,
    /// The provider's region.
    pub region: Option<String>,
    pub mask: String,
    pub created_by: UserId,
    pub creator: String,
    pub created_at: Timestamp,
    /// Changes whenever the secret changes.
    pub updated_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub tested_at: Option<Timestamp>,
    /// Outcome of the last connection test.
    pub test_outcome: Option<TestOutcome>,
}

const SELECT: &str = "select k.id, k.number, k.organization_id, k.kind, k.name, k.provider, k.region, k.mask, k.created_by, u.name as creator, \
     k.created_at, k.updated_at, k.expires_at, k.last_used_at, k.tested_at, k.test_outcome \
     from credentials k join users u on u.id = k.created_by where k.deleted_at is null";

pub struct NewCredential {
    pub id: CredentialId,
    pub organization: OrganizationId,
    pub kind: CredentialKind,
    pub name: String,
    /// Unique among credentials of the kind that are not deleted: the folded name, or provider and user.
    pub unique_name: String,
    pub provider: Option<StorageProvider>,
    pub region: Option<String>,
    pub mask: String,
    pub created_by: UserId,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// [`StoreError::Duplicate`] if `unique_name` exists already.
pub async fn insert(tx: &mut Tx, new: &NewCredential) -> Result<(), StoreError> {
    Columns::new()
        .set("id", new.id)
        .set("organization_id", new.organization)
        .set("kind", new.kind)
        .set("name", &new.name)
        .set("name_folded", fold(&new.name))
        .set("unique_name", &new.unique_name)
        .set("provider", new.provider)
        .set("region", &new.region)
        .set("mask", &new.mask)
        .set("created_by", new.created_by)
        .set("created_at", new.created_at)
        .set("updated_at", new.created_at)
        .set("expires_at", new.expires_at)
        .set_sql("number", tx.next_number("credentials", "number"))
        .insert(tx, "credentials")
        .await
}

pub async fn find(
    db: impl Executor<'_, Database = sqlx::Any>,
    organization: OrganizationId,
    id: CredentialId,
) -> Result<Option<CredentialRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// The organization's credentials with these numbers, without deleted ones, in no particular order.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<CredentialRecord>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!("{SELECT} and {}", has_number_condition(numbers.len())));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization), |query, number| query.bind(*number));
    Ok(query.fetch_all(store.read()?).await?)
}

/// The credentials with these unique names, sorted by them. See [`NewCredential::unique_name`].
pub async fn find_by_unique_names(
    store: &Store,
    organization: OrganizationId,
    kind: CredentialKind,
    unique_names: &[String],
) -> Result<Vec<CredentialRecord>, StoreError> {
    let placeholders = placeholders(3, unique_names.len());
    let sql =
        AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.kind = $2 and k.unique_name in ({placeholders}) order by k.unique_name"));
    let query = unique_names.iter().fold(sqlx::query_as(sql).bind(organization).bind(kind), |query, name| query.bind(name.as_str()));
    Ok(query.fetch_all(store.read()?).await?)
}

/// The organization's credentials of a kind, sorted by name.
pub async fn of_kind(store: &Store, organization: OrganizationId, kind: CredentialKind) -> Result<Vec<CredentialRecord>, StoreError> {
    let sql =
        AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.kind = $2 order by k.name_folded{}, k.number", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization).bind(kind).fetch_all(store.read()?).await?)
}

/// Renames a credential of a kind with unique names.
///
/// # Errors
/// [`StoreError::Duplicate`] when the name is taken.
pub async fn rename(tx: &mut Tx, id: CredentialId, name: &str) -> Result<(), StoreError> {
    sqlx::query("update credentials set name = $1, name_folded = $2, unique_name = $2 where id = $3")
        .bind(name)
        .bind(fold(name))
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records a changed secret and clears the test result of the previous one.
pub async fn set_mask(tx: &mut Tx, id: CredentialId, mask: &str, at: Timestamp) -> Result<(), StoreError> {
    let sql = "update credentials set mask = $1, updated_at = $2, tested_at = null, test_outcome = null where id = $3 returning organization_id";
    let organization = sqlx::query_scalar(sql).bind(mask).bind(at).bind(id).fetch_optional(&mut *tx).await?;
    touch(tx, organization);
    Ok(())
}

/// Records changed secrets with the region and expiry that they have, and clears the test result of the previous ones.
pub async fn set_region_and_expiry(
    tx: &mut Tx,
    id: CredentialId,
    region: Option<&str>,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "update credentials set region = $1, expires_at = $2, updated_at = $3, tested_at = null, test_outcome = null where id = $4 \
         returning organization_id";
    let organization = sqlx::query_scalar(sql).bind(region).bind(expires_at).bind(at).bind(id).fetch_optional(&mut *tx).await?;
    touch(tx, organization);
    Ok(())
}

/// Makes the gateway read the credential again.
fn touch(tx: &mut Tx, organization: Option<OrganizationId>) {
    if let Some(organization) = organization {
        tx.touch(VerdictChange::Gateway(organization));
    }
}

/// Records a test result unless the secret changed after `record` was read. Returns whether it was recorded.
pub async fn set_test_result(tx: &mut Tx, record: &CredentialRecord, tested: &TestResult) -> Result<bool, StoreError> {
    let updated = sqlx::query("update credentials set tested_at = $1, test_outcome = $2 where id = $3 and updated_at = $4 and deleted_at is null")
        .bind(tested.at)
        .bind(tested.outcome)
        .bind(record.id)
        .bind(record.updated_at)
        .execute(tx)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Marks a credential as deleted, frees its unique name, and removes its secrets and its links to providers, models, services and the upstreams of
/// corpora. The row is kept for the audit log.
pub async fn delete(tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
    for table in ["providers", "models", "services", "corpus_upstreams"] {
        let sql = AssertSqlSafe(format!("update {table} set credential_id = null, unlink_reason = $1 where credential_id = $2"));
        sqlx::query(sql).bind(UnlinkReason::CredentialDeleted).bind(id).execute(&mut *tx).await?;
    }
    sealed_secrets::delete(&mut *tx, id).await?;
    let sql = "update credentials set deleted_at = $1, unique_name = null where id = $2 returning organization_id";
    let organization = sqlx::query_scalar(sql).bind(Timestamp::now()).bind(id).fetch_optional(&mut *tx).await?;
    touch(tx, organization);
    Ok(())
}

impl CredentialRecord {
    /// The times that determine the status.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle { expires_at: self.expires_at, ..Lifecycle::default() }
    }
}
