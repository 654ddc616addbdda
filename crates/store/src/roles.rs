//! Roles: named sets of permissions.

use sqlx::AssertSqlSafe;

use super::{Connection, StoreError, Tx, fold, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{OrganizationId, RoleId},
    member::RoleRow,
    permission::{BUILT_IN_ROLES, Permissions},
    time::Timestamp,
};

/// A role, with counts of what uses it.
#[derive(Debug, sqlx::FromRow)]
pub struct RoleRecord {
    pub id: RoleId,
    pub name: String,
    pub permissions: Permissions,
    /// Number of members with this role, including disabled ones.
    pub members: i64,
    /// Number of open invitations to this role.
    pub invitations: i64,
    /// Number of memberships with this role in projects that are not deleted.
    pub in_projects: i64,
    /// Number of templates, not deleted, whose keys get this role.
    pub templates: i64,
    /// Number of project keys with this role that are neither revoked, deleted nor expired.
    pub issued: i64,
}

/// `$1` is the current time.
const ROLE: &str = "select r.id, r.name, r.permissions, (select count(*) from users u where u.role_id = r.id) as members, \
     (select count(*) from invitations i where i.role_id = r.id and i.open_email is not null) as invitations, \
     (select count(*) from project_members m join projects p on p.id = m.project_id where m.role_id = r.id and p.deleted_at is null) as in_projects, \
     (select count(*) from key_templates t join projects p on p.id = t.project_id \
     where t.role_id = r.id and t.deleted_at is null and p.deleted_at is null) as templates, \
     (select count(*) from issued_keys i join api_keys k on k.id = i.key_id where i.role_id = r.id and k.revoked_at is null \
     and k.deleted_at is null and (k.expires_at is null or k.expires_at > $1)) as issued from roles r";

/// An organization's roles, oldest first, so that the built-in roles come first.
pub async fn list(db: &mut Connection, organization: OrganizationId) -> Result<Vec<RoleRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{ROLE} where r.organization_id = $2 order by r.created_at, r.id"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now()).bind(organization).fetch_all(db).await?)
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: RoleId) -> Result<Option<RoleRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{ROLE} where r.organization_id = $2 and r.id = $3"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now()).bind(organization).bind(id).fetch_optional(db).await?)
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, id: RoleId, organization: OrganizationId, name: &str, permissions: Permissions) -> Result<(), StoreError> {
    sqlx::query("insert into roles (id, organization_id, name, name_folded, permissions, created_at) values ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(organization)
        .bind(name)
        .bind(fold(name))
        .bind(permissions)
        .bind(Timestamp::now())
        .execute(tx)
        .await?;
    Ok(())
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, id: RoleId, name: &str, permissions: Permissions) -> Result<(), StoreError> {
    sqlx::query("update roles set name = $1, name_folded = $2, permissions = $3 where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(permissions)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    tx.touch(VerdictChange::Role(id));
    Ok(())
}

/// Deletes a role without members, and its closed invitations, which the audit log still records.
pub async fn delete(tx: &mut Tx, id: RoleId) -> Result<(), StoreError> {
    sqlx::query("delete from invitations where role_id = $1 and open_email is null").bind(id).execute(&mut *tx).await?;
    sqlx::query("delete from roles where id = $1").bind(id).execute(&mut *tx).await?;
    // Invalid project keys may still refer to the role, and lose its permissions.
    tx.touch(VerdictChange::Role(id));
    Ok(())
}

impl RoleRecord {
    pub const fn allows(&self) -> Permissions {
        self.permissions
    }

    pub fn is_built_in(&self) -> bool {
        BUILT_IN_ROLES.iter().any(|role| role.name == self.name)
    }

    pub fn row(&self) -> RoleRow {
        RoleRow { id: self.id, name: self.name.clone(), permissions: self.permissions, members: self.members, is_built_in: self.is_built_in() }
    }
}
