//! Users as members of an organization.

use latchkey_types::{error::Error, member::MemberRow, permission::Permissions};
use sqlx::{AssertSqlSafe, Executor};

use super::{Store, StoreError, Tx, fold};
use latchkey_types::{
    id::{OrganizationId, RoleId, UserId},
    key_kind::{CredentialKind, KeyKind},
    permission::BUILT_IN_ROLES,
    time::Timestamp,
};

#[derive(Debug, sqlx::FromRow)]
pub struct MemberRecord {
    pub id: String,
    pub name: String,
    pub email: String,
    pub role_id: String,
    pub role: String,
    /// The role's permissions, separated by spaces.
    pub permissions: String,
    /// Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Unix milliseconds; at most one minute behind.
    pub last_seen_at: Option<i64>,
    /// Number of their keys and credentials that are not deleted.
    pub keys: i64,
}

const MEMBER: &str = "select u.id, u.name, u.email, u.role_id, r.name as role, r.permissions, u.disabled_at, u.last_seen_at, \
     (select count(*) from api_keys k where k.created_by = u.id and k.deleted_at is null) \
     + (select count(*) from credentials c where c.created_by = u.id and c.deleted_at is null) as keys \
     from users u join roles r on r.id = u.role_id where u.organization_id = $1";

/// An organization's members, sorted by name.
pub async fn list(store: &Store, organization: OrganizationId) -> Result<Vec<MemberRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MEMBER} order by u.name_folded{}, u.id", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(store.read()?).await?)
}

pub async fn find(db: impl Executor<'_, Database = sqlx::Any>, organization: OrganizationId, id: UserId) -> Result<Option<MemberRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MEMBER} and u.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// The organization's active members: id, and the permissions of their role separated by spaces.
pub async fn active(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "select u.id, r.permissions from users u join roles r on r.id = u.role_id where u.organization_id = $1 and u.disabled_at is null";
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(tx).await?)
}

/// Whether the organization has a member with this email address, ignoring case.
pub async fn has_email(tx: &mut Tx, organization: OrganizationId, email: &str) -> Result<bool, StoreError> {
    let sql = "select count(*) from users where organization_id = $1 and email_folded = $2";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization.to_string()).bind(fold(email)).fetch_one(tx).await? > 0)
}

/// Whether the organization has an owner who is not disabled.
pub async fn has_active_owner(tx: &mut Tx, organization: OrganizationId) -> Result<bool, StoreError> {
    let sql = "select count(*) from users u join roles r on r.id = u.role_id where u.organization_id = $1 and r.name = $2 and u.disabled_at is null";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization.to_string()).bind(BUILT_IN_ROLES[0].name).fetch_one(tx).await? > 0)
}

pub async fn set_role(tx: &mut Tx, id: UserId, role: RoleId) -> Result<(), StoreError> {
    sqlx::query("update users set role_id = $1 where id = $2").bind(role.to_string()).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Disables a member, or enables them with `None`.
pub async fn set_disabled(tx: &mut Tx, id: UserId, at: Option<Timestamp>) -> Result<(), StoreError> {
    sqlx::query("update users set disabled_at = $1 where id = $2").bind(at.map(|at| at.0)).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Transfers a member's keys and credentials to another member. Returns how many were transferred.
///
/// Internal and project keys are excluded: they act for their holder, who may still know their secrets, and the token of a project key names
/// its holder. An external credential is not transferred if the recipient has one of the same provider, because its unique name, which
/// contains the user's id, would occur twice.
pub async fn transfer_keys(tx: &mut Tx, from: UserId, to: UserId) -> Result<u64, StoreError> {
    let (from, to) = (from.to_string(), to.to_string());
    let keys = sqlx::query("update api_keys set created_by = $1 where created_by = $2 and deleted_at is null and kind <> $3 and kind <> $4")
        .bind(&to)
        .bind(&from)
        .bind(KeyKind::Internal.as_str())
        .bind(KeyKind::Project.as_str())
        .execute(&mut *tx)
        .await?;
    let others = sqlx::query("update credentials set created_by = $1 where created_by = $2 and deleted_at is null and kind <> $3")
        .bind(&to)
        .bind(&from)
        .bind(CredentialKind::External.as_str())
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
    .bind(CredentialKind::External.as_str())
    .execute(tx)
    .await?;
    Ok(keys.rows_affected() + others.rows_affected() + storage.rows_affected())
}

impl MemberRecord {
    pub fn allows(&self) -> Permissions {
        Permissions::parse_list(&self.permissions)
    }

    pub fn row(&self) -> Result<MemberRow, Error> {
        Ok(MemberRow {
            id: self.id.parse().map_err(|_| Error::Internal)?,
            name: self.name.clone(),
            email: self.email.clone(),
            role_id: self.role_id.parse().map_err(|_| Error::Internal)?,
            disabled_at: self.disabled_at.map(Timestamp),
            last_seen_at: self.last_seen_at.map(Timestamp),
            keys: self.keys,
        })
    }
}
