//! Roles: named sets of permissions.

use sqlx::{AssertSqlSafe, Executor};

use super::{Error, Tx, fold};
use crate::model::{
    id::{OrganizationId, RoleId},
    permission::Permissions,
    time::Timestamp,
};

/// A role, and who has it.
#[derive(Debug, sqlx::FromRow)]
pub struct RoleRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Words, separated by blanks.
    pub permissions: String,
    /// How many members have it, disabled ones included.
    pub members: i64,
    /// How many invitations that were neither accepted nor withdrawn are to it.
    pub invitations: i64,
    /// How many members of projects that stand have it there.
    pub in_projects: i64,
    /// How many templates that stand give it to their keys.
    pub templates: i64,
    /// How many keys of projects have it that are neither taken back nor past their end.
    pub issued: i64,
}

/// With the moment as `$1`.
const ROLE: &str = "select r.id, r.name, r.permissions, (select count(*) from users u where u.role_id = r.id) as members, \
     (select count(*) from invitations i where i.role_id = r.id and i.open_email is not null) as invitations, \
     (select count(*) from project_members m join projects p on p.id = m.project_id where m.role_id = r.id and p.deleted_at is null) as in_projects, \
     (select count(*) from templates t join projects p on p.id = t.project_id \
     where t.role_id = r.id and t.deleted_at is null and p.deleted_at is null) as templates, \
     (select count(*) from issued_keys i join api_keys k on k.id = i.key_id where i.role_id = r.id and k.revoked_at is null \
     and k.deleted_at is null and (k.expires_at is null or k.expires_at > $1)) as issued from roles r";

/// An organization's roles, the oldest first: so the built-in ones lead.
///
/// # Errors
/// What the database says.
pub async fn list(db: impl Executor<'_, Database = sqlx::Any>, organization: OrganizationId) -> Result<Vec<RoleRecord>, Error> {
    let sql = AssertSqlSafe(format!("{ROLE} where r.organization_id = $2 order by r.created_at, r.id"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now().0).bind(organization.to_string()).fetch_all(db).await?)
}

/// The organization's role with this id.
///
/// # Errors
/// What the database says.
pub async fn find(db: impl Executor<'_, Database = sqlx::Any>, organization: OrganizationId, id: RoleId) -> Result<Option<RoleRecord>, Error> {
    let sql = AssertSqlSafe(format!("{ROLE} where r.organization_id = $2 and r.id = $3"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now().0).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// Makes a role.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken.
pub async fn insert(tx: &mut Tx, id: RoleId, organization: OrganizationId, name: &str, permissions: Permissions) -> Result<(), Error> {
    sqlx::query("insert into roles (id, organization_id, name, name_folded, permissions, created_at) values ($1, $2, $3, $4, $5, $6)")
        .bind(id.to_string())
        .bind(organization.to_string())
        .bind(name)
        .bind(fold(name))
        .bind(permissions.words())
        .bind(Timestamp::now().0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Changes a role.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken.
pub async fn update(tx: &mut Tx, id: RoleId, name: &str, permissions: Permissions) -> Result<(), Error> {
    sqlx::query("update roles set name = $1, name_folded = $2, permissions = $3 where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(permissions.words())
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes a role that nobody has, with the invitations to it that were accepted or withdrawn: the log tells of those.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, id: RoleId) -> Result<(), Error> {
    sqlx::query("delete from invitations where role_id = $1 and open_email is null").bind(id.to_string()).execute(&mut *tx).await?;
    sqlx::query("delete from roles where id = $1").bind(id.to_string()).execute(tx).await?;
    Ok(())
}
