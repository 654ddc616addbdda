//! An organization's users as its members.

use sqlx::{AssertSqlSafe, Executor};

use super::{Error, Store, Tx, fold};
use crate::model::{
    id::{OrganizationId, RoleId, UserId},
    permission::BUILT_IN_ROLES,
    policy::{CredentialKind, KeyKind},
    time::Timestamp,
};

/// A member.
#[derive(Debug, sqlx::FromRow)]
pub struct MemberRecord {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// Their role.
    pub role_id: String,
    /// Its name.
    pub role: String,
    /// Its permissions, as words.
    pub permissions: String,
    /// Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Unix milliseconds; at most a minute behind.
    pub last_seen_at: Option<i64>,
    /// How many keys and credentials they made that are not deleted.
    pub keys: i64,
}

const MEMBER: &str = "select u.id, u.name, u.email, u.role_id, r.name as role, r.permissions, u.disabled_at, u.last_seen_at, \
     (select count(*) from api_keys k where k.created_by = u.id and k.deleted_at is null) \
     + (select count(*) from credentials c where c.created_by = u.id and c.deleted_at is null) as keys \
     from users u join roles r on r.id = u.role_id where u.organization_id = $1";

/// An organization's members, by name.
///
/// # Errors
/// What the database says.
pub async fn list(store: &Store, organization: OrganizationId) -> Result<Vec<MemberRecord>, Error> {
    let sql = AssertSqlSafe(format!("{MEMBER} order by u.name_folded{}, u.id", store.bytewise()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(store.read()?).await?)
}

/// The organization's member with this id.
///
/// # Errors
/// What the database says.
pub async fn find(db: impl Executor<'_, Database = sqlx::Any>, organization: OrganizationId, id: UserId) -> Result<Option<MemberRecord>, Error> {
    let sql = AssertSqlSafe(format!("{MEMBER} and u.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// The organization's members who may come in, each with what their role permits, as words.
///
/// # Errors
/// What the database says.
pub async fn active(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<(String, String)>, Error> {
    let sql = "select u.id, r.permissions from users u join roles r on r.id = u.role_id where u.organization_id = $1 and u.disabled_at is null";
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(tx).await?)
}

/// Whether the organization has a member with this address, whatever its case.
///
/// # Errors
/// What the database says.
pub async fn has_email(tx: &mut Tx, organization: OrganizationId, email: &str) -> Result<bool, Error> {
    let sql = "select count(*) from users where organization_id = $1 and email_folded = $2";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization.to_string()).bind(fold(email)).fetch_one(tx).await? > 0)
}

/// Whether the organization has an owner who may sign in.
///
/// # Errors
/// What the database says.
pub async fn has_active_owner(tx: &mut Tx, organization: OrganizationId) -> Result<bool, Error> {
    let sql = "select count(*) from users u join roles r on r.id = u.role_id where u.organization_id = $1 and r.name = $2 and u.disabled_at is null";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization.to_string()).bind(BUILT_IN_ROLES[0].name).fetch_one(tx).await? > 0)
}

/// Gives a member another role.
///
/// # Errors
/// What the database says.
pub async fn set_role(tx: &mut Tx, id: UserId, role: RoleId) -> Result<(), Error> {
    sqlx::query("update users set role_id = $1 where id = $2").bind(role.to_string()).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Shuts a member out, or lets them in again.
///
/// # Errors
/// What the database says.
pub async fn set_disabled(tx: &mut Tx, id: UserId, at: Option<Timestamp>) -> Result<(), Error> {
    sqlx::query("update users set disabled_at = $1 where id = $2").bind(at.map(|at| at.0)).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Makes one member's keys and credentials another's, but not the keys that act for who holds them: whoever leaves may know their secrets,
/// and the token of a project key names its holder.
/// A storage credential stays behind where the other has one of that provider: the unique name, which holds its user's id, would stand
/// twice. Answers how many went over.
///
/// # Errors
/// What the database says.
pub async fn hand_over(tx: &mut Tx, from: UserId, to: UserId) -> Result<u64, Error> {
    let (from, to) = (from.to_string(), to.to_string());
    let keys = sqlx::query("update api_keys set created_by = $1 where created_by = $2 and deleted_at is null and kind <> $3 and kind <> $4")
        .bind(&to)
        .bind(&from)
        .bind(KeyKind::Platform.word())
        .bind(KeyKind::Project.word())
        .execute(&mut *tx)
        .await?;
    let others = sqlx::query("update credentials set created_by = $1 where created_by = $2 and deleted_at is null and kind <> $3")
        .bind(&to)
        .bind(&from)
        .bind(CredentialKind::Storage.word())
        .execute(&mut *tx)
        .await?;
    let storage = sqlx::query(
        "update credentials set created_by = $1, unique_name = replace(unique_name, $2, $1) \
         where created_by = $2 and deleted_at is null and kind = $3 and not exists (select 1 from credentials other \
         where other.organization_id = credentials.organization_id and other.kind = credentials.kind \
         and other.unique_name = replace(credentials.unique_name, $2, $1))",
    )
    .bind(&to)
    .bind(&from)
    .bind(CredentialKind::Storage.word())
    .execute(tx)
    .await?;
    Ok(keys.rows_affected() + others.rows_affected() + storage.rows_affected())
}
