//! Projects and who belongs to them.

use sqlx::AssertSqlSafe;

use super::{Error, Store, Tx, fold};
use crate::model::{
    id::{OrganizationId, ProjectId, RoleId, UserId},
    project::WantedProject,
    time::Timestamp,
};

/// A project, and what it is to one reader.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProjectRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who sees it: a word.
    pub visibility: String,
    /// The name of who made it.
    pub creator: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// The name of the reader's role in it, if they are its member.
    pub role: Option<String>,
    /// That role's permissions, as words.
    pub role_permissions: Option<String>,
    /// How many requests wait to be decided.
    pub waiting: i64,
}

const PROJECT: &str = "select p.id, p.name, p.description, p.visibility, u.name as creator, p.created_at, r.name as role, \
     r.permissions as role_permissions, (select count(*) from key_requests q where q.project_id = p.id and q.open_by is not null) as waiting \
     from projects p join users u on u.id = p.created_by left join project_members m on m.project_id = p.id and m.user_id = $2 \
     left join roles r on r.id = m.role_id where p.organization_id = $1 and p.deleted_at is null";

/// The organization's project with this id, as it is to this reader.
///
/// # Errors
/// What the database says.
pub async fn find(db: &mut Tx, organization: OrganizationId, reader: UserId, id: ProjectId) -> Result<Option<ProjectRecord>, Error> {
    let sql = AssertSqlSafe(format!("{PROJECT} and p.id = $3"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(reader.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// The organization's projects, by name, as they are to this reader; who may see which is for the rule to say.
///
/// # Errors
/// What the database says.
pub async fn all(store: &Store, organization: OrganizationId, reader: UserId) -> Result<Vec<ProjectRecord>, Error> {
    let sql = AssertSqlSafe(format!("{PROJECT} order by p.name_folded{}, p.id", store.bytewise()));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(reader.to_string()).fetch_all(store.read()?).await?)
}

/// Stores a project.
///
/// # Errors
/// [`Error::Duplicate`] when its name is taken.
pub async fn insert(tx: &mut Tx, id: ProjectId, organization: OrganizationId, wanted: &WantedProject, created_by: UserId) -> Result<(), Error> {
    sqlx::query(
        "insert into projects (id, organization_id, name, name_folded, unique_name, description, visibility, created_by, created_at) \
         values ($1, $2, $3, $4, $4, $5, $6, $7, $8)",
    )
    .bind(id.to_string())
    .bind(organization.to_string())
    .bind(&wanted.name)
    .bind(fold(&wanted.name))
    .bind(&wanted.description)
    .bind(wanted.visibility.word())
    .bind(created_by.to_string())
    .bind(Timestamp::now().0)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes somebody a project's member.
///
/// # Errors
/// [`Error::Duplicate`] when they are one.
pub async fn insert_member(tx: &mut Tx, project: ProjectId, user: UserId, role: RoleId, added_by: UserId) -> Result<(), Error> {
    sqlx::query("insert into project_members (project_id, user_id, role_id, added_by, added_at) values ($1, $2, $3, $4, $5)")
        .bind(project.to_string())
        .bind(user.to_string())
        .bind(role.to_string())
        .bind(added_by.to_string())
        .bind(Timestamp::now().0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Those of a project's members who may come in, each with the permissions of their role in the project and in the organization, as words.
///
/// # Errors
/// What the database says.
pub async fn active_members(tx: &mut Tx, project: ProjectId) -> Result<Vec<(String, String, String)>, Error> {
    let sql = "select u.id, r.permissions, o.permissions from project_members m join users u on u.id = m.user_id join roles r on r.id = m.role_id \
         join roles o on o.id = u.role_id where m.project_id = $1 and u.disabled_at is null order by m.added_at, u.id";
    Ok(sqlx::query_as(sql).bind(project.to_string()).fetch_all(tx).await?)
}
