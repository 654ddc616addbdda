//! Members of projects.

use super::{Connection, StoreError, Tx};
use latchkey_types::{
    id::{OrganizationId, ProjectId, RoleId, UserId},
    permission::Permissions,
    time::Timestamp,
};

#[derive(Debug, sqlx::FromRow)]
pub struct ProjectMemberRecord {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    /// Role in the project.
    pub role_id: RoleId,
    pub role: String,
    /// The role's permissions.
    pub permissions: Permissions,
    pub added_at: Timestamp,
    /// When the user was disabled in the organization.
    pub disabled_at: Option<Timestamp>,
}

/// A project's members, in the order in which they were added.
pub async fn all(db: &mut Connection, project: ProjectId) -> Result<Vec<ProjectMemberRecord>, StoreError> {
    let sql = "select m.user_id, u.name, u.email, m.role_id, r.name as role, r.permissions, m.added_at, u.disabled_at \
         from project_members m join users u on u.id = m.user_id join roles r on r.id = m.role_id \
         where m.project_id = $1 order by m.added_at, m.user_id";
    Ok(sqlx::query_as(sql).bind(project).fetch_all(db).await?)
}

/// Active members of the organization who are not in the project: id, name and email address, in no particular order.
pub async fn candidates(db: &mut Connection, organization: OrganizationId, project: ProjectId) -> Result<Vec<(UserId, String, String)>, StoreError> {
    let sql = "select u.id, u.name, u.email from users u where u.organization_id = $1 and u.disabled_at is null \
         and not exists (select 1 from project_members m where m.project_id = $2 and m.user_id = u.id)";
    Ok(sqlx::query_as(sql).bind(organization).bind(project).fetch_all(db).await?)
}

pub async fn set_role(tx: &mut Tx, project: ProjectId, user: UserId, role: RoleId) -> Result<(), StoreError> {
    let sql = "update project_members set role_id = $1 where project_id = $2 and user_id = $3";
    sqlx::query(sql).bind(role).bind(project).bind(user).execute(tx).await?;
    Ok(())
}

/// [`StoreError::Duplicate`] if the user is a member already.
pub async fn insert(tx: &mut Tx, project: ProjectId, user: UserId, role: RoleId, added_by: UserId) -> Result<(), StoreError> {
    let sql = "insert into project_members (project_id, user_id, role_id, added_by, added_at) values ($1, $2, $3, $4, $5)";
    sqlx::query(sql).bind(project).bind(user).bind(role).bind(added_by).bind(Timestamp::now()).execute(tx).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, project: ProjectId, user: UserId) -> Result<(), StoreError> {
    let sql = "delete from project_members where project_id = $1 and user_id = $2";
    sqlx::query(sql).bind(project).bind(user).execute(tx).await?;
    Ok(())
}
