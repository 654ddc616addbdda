//! Users as members of an organization.

use sqlx::AssertSqlSafe;

use super::{
    Connection, Store, StoreError, Tx,
    budgets::{read_budget, stored_budget},
    fold, keys,
    verdict_changes::VerdictChange,
};
use latchkey_types::{
    budget::Budget,
    error::Error,
    id::{OrganizationId, RoleId, UserId},
    key_kind::{CredentialKind, KeyKind},
    member::MemberRow,
    permission::{BUILT_IN_ROLES, Permissions},
    time::Timestamp,
};

#[derive(Debug, sqlx::FromRow)]
pub struct MemberRecord {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role_id: RoleId,
    pub role: String,
    /// The role's permissions.
    pub permissions: Permissions,
    pub disabled_at: Option<Timestamp>,
    /// At most one minute behind.
    pub last_seen_at: Option<Timestamp>,
    /// Number of their keys and credentials that are not deleted.
    pub keys: i64,
    /// JSON: the budget of the calls of all of their keys.
    pub model_budget: Option<String>,
}

const MEMBER: &str = "select u.id, u.name, u.email, u.role_id, r.name as role, r.permissions, u.disabled_at, u.last_seen_at, u.model_budget, \
     (select count(*) from api_keys k where k.created_by = u.id and k.deleted_at is null) \
     + (select count(*) from credentials c where c.created_by = u.id and c.deleted_at is null) as keys \
     from users u join roles r on r.id = u.role_id where u.organization_id = $1";

/// An organization's members, sorted by name.
pub async fn list(store: &Store, organization: OrganizationId) -> Result<Vec<MemberRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MEMBER} order by u.name_folded{}, u.id", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?)
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: UserId) -> Result<Option<MemberRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{MEMBER} and u.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// The organization's active members: id, and the permissions of their role.
pub async fn active(db: &mut Connection, organization: OrganizationId) -> Result<Vec<(UserId, Permissions)>, StoreError> {
    let sql = "select u.id, r.permissions from users u join roles r on r.id = u.role_id where u.organization_id = $1 and u.disabled_at is null";
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(db).await?)
}

/// Whether the organization has a member with this email address, ignoring case.
pub async fn has_email(db: &mut Connection, organization: OrganizationId, email: &str) -> Result<bool, StoreError> {
    let sql = "select count(*) from users where organization_id = $1 and email_folded = $2";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization).bind(fold(email)).fetch_one(db).await? > 0)
}

/// Whether the organization has several members, or has invited somebody.
pub async fn has_invited(store: &Store, organization: OrganizationId) -> Result<bool, StoreError> {
    let sql = "select (select count(*) from users where organization_id = $1) + (select count(*) from invitations where organization_id = $1)";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization).fetch_one(store.read()?).await? > 1)
}

/// Whether the organization has an owner who is not disabled.
pub async fn has_active_owner(db: &mut Connection, organization: OrganizationId) -> Result<bool, StoreError> {
    let sql = "select count(*) from users u join roles r on r.id = u.role_id where u.organization_id = $1 and r.name = $2 and u.disabled_at is null";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization).bind(BUILT_IN_ROLES[0].name).fetch_one(db).await? > 0)
}

pub async fn set_role(tx: &mut Tx, id: UserId, role: RoleId) -> Result<(), StoreError> {
    sqlx::query("update users set role_id = $1 where id = $2").bind(role).bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Creator(id));
    Ok(())
}

/// The budgets of the organization's members, for the calls of language models with all of a member's keys.
pub async fn budgets(db: &mut Connection, organization: OrganizationId) -> Result<Vec<(UserId, Budget)>, StoreError> {
    let sql = "select id, model_budget from users where organization_id = $1 and model_budget is not null";
    let rows: Vec<(UserId, String)> = sqlx::query_as(sql).bind(organization).fetch_all(db).await?;
    let budgets = rows.into_iter().map(|(id, stored)| Ok(read_budget(Some(&stored))?.map(|budget| (id, budget))));
    budgets.filter_map(Result::transpose).collect()
}

/// Sets the budget of a member of the organization.
pub async fn set_budget(tx: &mut Tx, organization: OrganizationId, id: UserId, budget: Option<Budget>) -> Result<(), StoreError> {
    sqlx::query("update users set model_budget = $1 where id = $2").bind(stored_budget(budget)).bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Disables a member, or enables them with `None`.
pub async fn set_disabled(tx: &mut Tx, id: UserId, at: Option<Timestamp>) -> Result<(), StoreError> {
    sqlx::query("update users set disabled_at = $1 where id = $2").bind(at).bind(id).execute(&mut *tx).await?;
    match at {
        Some(_) => tx.touch(VerdictChange::Creator(id)),
        None => tx.touch_added(VerdictChange::Creator(id)),
    }
    Ok(())
}

/// Transfers a member's keys and credentials to another member. Returns how many were transferred.
///
/// Internal and project keys are excluded: they act for their holder, who may still know their secrets, and the token of a project key names
/// its holder. An external credential is not transferred if the recipient has one of the same provider, because its unique name, which
/// contains the user's id, would occur twice. The caller unlinks services from the member's external credentials first, with
/// [`super::services::unlink_external_of`], because only the holder may link them.
pub async fn transfer_keys(tx: &mut Tx, from: UserId, to: UserId) -> Result<u64, StoreError> {
    keys::locks::lock_of_creator(tx, from).await?;
    let transferred = sqlx::query("update api_keys set created_by = $1 where created_by = $2 and deleted_at is null and kind <> $3 and kind <> $4")
        .bind(to)
        .bind(from)
        .bind(KeyKind::Internal)
        .bind(KeyKind::Project)
        .execute(&mut *tx)
        .await?;
    let others = sqlx::query("update credentials set created_by = $1 where created_by = $2 and deleted_at is null and kind <> $3")
        .bind(to)
        .bind(from)
        .bind(CredentialKind::External)
        .execute(&mut *tx)
        .await?;
    let storage = sqlx::query(
        "update credentials set created_by = $1, unique_name = replace(unique_name, $2, $1) \
         where created_by = $2 and deleted_at is null and kind = $3 and not exists (select 1 from credentials other \
         where other.organization_id = credentials.organization_id and other.kind = credentials.kind \
         and other.unique_name = replace(credentials.unique_name, $2, $1))",
    )
    .bind(to)
    .bind(from)
    .bind(CredentialKind::External)
    .execute(&mut *tx)
    .await?;
    tx.touch(VerdictChange::Creator(from));
    Ok(transferred.rows_affected() + others.rows_affected() + storage.rows_affected())
}

impl MemberRecord {
    pub const fn allows(&self) -> Permissions {
        self.permissions
    }

    /// # Errors
    /// `Internal` if the stored budget cannot be read.
    pub fn budget(&self) -> Result<Option<Budget>, Error> {
        Ok(read_budget(self.model_budget.as_deref())?)
    }

    /// Without the budget, because what is spent of it is not stored with the member.
    pub fn row(&self) -> MemberRow {
        MemberRow {
            id: self.id,
            name: self.name.clone(),
            email: self.email.clone(),
            role_id: self.role_id,
            disabled_at: self.disabled_at,
            last_seen_at: self.last_seen_at,
            keys: self.keys,
            budget: None,
        }
    }
}
