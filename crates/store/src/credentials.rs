//! Credentials without their secrets, which are in [`super::sealed_secrets`].

use latchkey_types::{
    error::Error,
    key_kind::{CredentialKind, Lifecycle},
};
use sqlx::{AssertSqlSafe, Executor};

use super::{Store, StoreError, Tx, fold, has_number_condition, sealed_secrets};
use latchkey_types::{
    id::{CredentialId, OrganizationId, UserId},
    key::TestResult,
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CredentialRecord {
    pub id: String,
    /// Identifies the row in list snapshots.
    pub number: i64,
    pub organization_id: String,
    /// A `CredentialKind`.
    pub kind: String,
    pub name: String,
    /// The storage provider; `None` for keys of language models.
    pub provider: Option<String>,
    /// The provider's region.
    pub region: Option<String>,
    pub mask: String,
    pub created_by: String,
    pub creator: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; changes whenever the secret changes.
    pub updated_at: i64,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub last_used_at: Option<i64>,
    /// Unix milliseconds.
    pub tested_at: Option<i64>,
    /// Outcome of the last connection test.
    pub test_outcome: Option<String>,
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
    pub provider: Option<&'static str>,
    pub region: Option<String>,
    pub mask: String,
    pub created_by: UserId,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// [`StoreError::Duplicate`] if `unique_name` exists already.
pub async fn insert(tx: &mut Tx, new: &NewCredential) -> Result<(), StoreError> {
    sqlx::query(
        // Write transactions are serialized, so the next number is free.
        "insert into credentials (id, organization_id, kind, name, name_folded, unique_name, provider, region, mask, created_by, \
         created_at, updated_at, expires_at, number) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, coalesce(max(number), 0) + 1 from credentials",
    )
    .bind(new.id.to_string())
    .bind(new.organization.to_string())
    .bind(new.kind.as_str())
    .bind(&new.name)
    .bind(fold(&new.name))
    .bind(&new.unique_name)
    .bind(new.provider)
    .bind(&new.region)
    .bind(&new.mask)
    .bind(new.created_by.to_string())
    .bind(new.created_at.0)
    .bind(new.expires_at.map(|at| at.0))
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn find(
    db: impl Executor<'_, Database = sqlx::Any>,
    organization: OrganizationId,
    id: CredentialId,
) -> Result<Option<CredentialRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// The organization's credentials with these numbers, without deleted ones, in no particular order.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<CredentialRecord>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!("{SELECT} and {}", has_number_condition(numbers.len())));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization.to_string()), |query, number| query.bind(*number));
    Ok(query.fetch_all(store.read()?).await?)
}

/// The organization's credentials of a kind, sorted by name.
pub async fn of_kind(store: &Store, organization: OrganizationId, kind: CredentialKind) -> Result<Vec<CredentialRecord>, StoreError> {
    let sql =
        AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.kind = $2 order by k.name_folded{}, k.number", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(kind.as_str()).fetch_all(store.read()?).await?)
}

/// Renames a credential of a kind with unique names.
///
/// # Errors
/// [`StoreError::Duplicate`] when the name is taken.
pub async fn rename(tx: &mut Tx, id: CredentialId, name: &str) -> Result<(), StoreError> {
    sqlx::query("update credentials set name = $1, name_folded = $2, unique_name = $2 where id = $3")
        .bind(name)
        .bind(fold(name))
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Records a changed secret and clears the test result of the previous one.
pub async fn set_mask(tx: &mut Tx, id: CredentialId, mask: &str, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update credentials set mask = $1, updated_at = $2, tested_at = null, test_outcome = null where id = $3")
        .bind(mask)
        .bind(at.0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Records a test result unless the secret changed after `record` was read. Returns whether it was recorded.
pub async fn set_test_result(tx: &mut Tx, record: &CredentialRecord, tested: &TestResult) -> Result<bool, StoreError> {
    let updated = sqlx::query("update credentials set tested_at = $1, test_outcome = $2 where id = $3 and updated_at = $4 and deleted_at is null")
        .bind(tested.at.0)
        .bind(tested.outcome.as_str())
        .bind(&record.id)
        .bind(record.updated_at)
        .execute(tx)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Marks a credential as deleted, frees its unique name and removes its secrets. The row is kept for the audit log.
pub async fn delete(tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
    sealed_secrets::delete(&mut *tx, id).await?;
    sqlx::query("update credentials set deleted_at = $1, unique_name = null where id = $2")
        .bind(Timestamp::now().0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

impl CredentialRecord {
    /// The times that determine the status.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle { expires_at: self.expires_at.map(Timestamp), ..Lifecycle::default() }
    }

    pub fn kind(&self) -> Result<CredentialKind, Error> {
        self.kind.parse().map_err(|_| self.unreadable())
    }

    pub fn id(&self) -> Result<CredentialId, Error> {
        self.id.parse().map_err(|_| self.unreadable())
    }

    pub fn unreadable(&self) -> Error {
        tracing::error!(credential = self.id, "stored credential has an invalid value");
        Error::Internal
    }
}
