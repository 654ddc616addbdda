//! Keys that others made, without their secrets: those are in [`super::sealed`].

use sqlx::{AssertSqlSafe, Executor};

use super::{Error, Store, Tx, are_numbered, fold, sealed};
use crate::model::{
    id::{CredentialId, OrganizationId, UserId},
    key::Tested,
    policy::CredentialKind,
    time::Timestamp,
};

/// A credential as the rules and the lists need it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CredentialRecord {
    /// Its id.
    pub id: String,
    /// By which opened lists know it.
    pub number: i64,
    /// Whose it is.
    pub organization_id: String,
    /// Its kind's word.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The storage provider's word.
    pub provider: Option<String>,
    /// Its region there.
    pub region: Option<String>,
    /// What may be shown of its secret.
    pub mask: String,
    /// Who stored it.
    pub created_by: String,
    /// Their name.
    pub creator: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; goes on with each change of its value.
    pub updated_at: i64,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub last_used_at: Option<i64>,
    /// Unix milliseconds.
    pub tested_at: Option<i64>,
    /// How that test went.
    pub test_outcome: Option<String>,
}

const SELECT: &str = "select k.id, k.number, k.organization_id, k.kind, k.name, k.provider, k.region, k.mask, k.created_by, u.name as creator, \
     k.created_at, k.updated_at, k.expires_at, k.last_used_at, k.tested_at, k.test_outcome \
     from credentials k join users u on u.id = k.created_by where k.deleted_at is null";

/// A credential to be stored.
pub struct NewCredential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its kind.
    pub kind: CredentialKind,
    /// Its name.
    pub name: String,
    /// What of it may stand once only.
    pub unique_name: String,
    /// The storage provider's word.
    pub provider: Option<&'static str>,
    /// Its region there.
    pub region: Option<String>,
    /// What may be shown of its secret.
    pub mask: String,
    /// Who stores it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Stores a credential.
///
/// # Errors
/// [`Error::Duplicate`] when what is unique about it stands already.
pub async fn insert(tx: &mut Tx, new: &NewCredential) -> Result<(), Error> {
    sqlx::query(
        // Writers come one at a time, so the next number is free.
        "insert into credentials (id, organization_id, kind, name, name_folded, unique_name, provider, region, mask, created_by, \
         created_at, updated_at, expires_at, number) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, coalesce(max(number), 0) + 1 from credentials",
    )
    .bind(new.id.to_string())
    .bind(new.organization.to_string())
    .bind(new.kind.word())
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

/// The organization's credential with this id, unless it was deleted.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: impl Executor<'_, Database = sqlx::Any>,
    organization: OrganizationId,
    id: CredentialId,
) -> Result<Option<CredentialRecord>, Error> {
    let sql = AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// Those of the organization's credentials with these numbers that still stand, in no order.
///
/// # Errors
/// What the database says.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<CredentialRecord>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!("{SELECT} and {}", are_numbered(numbers.len())));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization.to_string()), |query, number| query.bind(*number));
    Ok(query.fetch_all(store.read()?).await?)
}

/// Every credential of a kind that the organization can link to, by name.
///
/// # Errors
/// What the database says.
pub async fn of_kind(store: &Store, organization: OrganizationId, kind: CredentialKind) -> Result<Vec<CredentialRecord>, Error> {
    let sql = AssertSqlSafe(format!("{SELECT} and k.organization_id = $1 and k.kind = $2 order by k.name_folded{}, k.number", store.bytewise()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(kind.word()).fetch_all(store.read()?).await?)
}

/// Gives a credential another name, which is unique.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken.
pub async fn rename(tx: &mut Tx, id: CredentialId, name: &str) -> Result<(), Error> {
    sqlx::query("update credentials set name = $1, name_folded = $2, unique_name = $2 where id = $3")
        .bind(name)
        .bind(fold(name))
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes that its value is another: what was found out about the old one no longer holds.
///
/// # Errors
/// What the database says.
pub async fn set_mask(tx: &mut Tx, id: CredentialId, mask: &str, at: Timestamp) -> Result<(), Error> {
    sqlx::query("update credentials set mask = $1, updated_at = $2, tested_at = null, test_outcome = null where id = $3")
        .bind(mask)
        .bind(at.0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes how a test went, unless the value has changed since it was read. Answers whether it was noted.
///
/// # Errors
/// What the database says.
pub async fn set_tested(tx: &mut Tx, record: &CredentialRecord, tested: &Tested) -> Result<bool, Error> {
    let noted = sqlx::query("update credentials set tested_at = $1, test_outcome = $2 where id = $3 and updated_at = $4 and deleted_at is null")
        .bind(tested.at.0)
        .bind(tested.outcome.word())
        .bind(&record.id)
        .bind(record.updated_at)
        .execute(tx)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// Deletes a credential: its row stays for the log, what was unique about it is free, its secrets are gone.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, id: CredentialId) -> Result<(), Error> {
    sealed::delete(&mut *tx, id).await?;
    sqlx::query("update credentials set deleted_at = $1, unique_name = null where id = $2")
        .bind(Timestamp::now().0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}
