//! Projects, their members and their open requests.

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{OrganizationId, ProjectId, UserId},
    permission::Permissions,
    project::{ProjectRequest, Visibility},
    time::Timestamp,
};

/// A project as seen by one reader.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProjectRecord {
    pub id: ProjectId,
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
    /// The creator's name.
    pub creator: String,
    pub created_at: Timestamp,
    /// The name of the reader's role in the project; `None` if they are not a member.
    pub role: Option<String>,
    pub role_permissions: Option<Permissions>,
    /// Number of open access requests.
    pub open_requests: i64,
}

const PROJECT: &str = "select p.id, p.name, p.description, p.visibility, u.name as creator, p.created_at, r.name as role, \
     r.permissions as role_permissions, (select count(*) from access_requests q where q.project_id = p.id and q.open_by is not null) as open_requests \
     from projects p join users u on u.id = p.created_by left join project_members m on m.project_id = p.id and m.user_id = $2 \
     left join roles r on r.id = m.role_id where p.organization_id = $1";

/// The organization's project with this id, as seen by `reader`, unless it was deleted.
pub async fn find(db: &mut Connection, organization: OrganizationId, reader: UserId, id: ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{PROJECT} and p.id = $3 and p.deleted_at is null"));
    Ok(sqlx::query_as(sql).bind(organization).bind(reader).bind(id).fetch_optional(db).await?)
}

/// Like [`find`], but also returns deleted projects.
pub async fn find_including_deleted(
    db: &mut Connection,
    organization: OrganizationId,
    reader: UserId,
    id: ProjectId,
) -> Result<Option<ProjectRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{PROJECT} and p.id = $3"));
    Ok(sqlx::query_as(sql).bind(organization).bind(reader).bind(id).fetch_optional(db).await?)
}

/// The organization's projects, sorted by name, as seen by `reader`. The caller filters those that the reader may see.
pub async fn all(store: &Store, organization: OrganizationId, reader: UserId) -> Result<Vec<ProjectRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{PROJECT} and p.deleted_at is null order by p.name_folded{}, p.id", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization).bind(reader).fetch_all(store.read()?).await?)
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, id: ProjectId, organization: OrganizationId, values: &ProjectRequest, created_by: UserId) -> Result<(), StoreError> {
    let folded = fold(&values.name);
    Columns::new()
        .set("id", id)
        .set("organization_id", organization)
        .set("name", &values.name)
        .set("name_folded", &folded)
        .set("unique_name", &folded)
        .set("description", &values.description)
        .set("visibility", values.visibility)
        .set("created_by", created_by)
        .set("created_at", Timestamp::now())
        .insert(tx, "projects")
        .await
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, id: ProjectId, values: &ProjectRequest) -> Result<(), StoreError> {
    sqlx::query("update projects set name = $1, name_folded = $2, unique_name = $2, description = $3, visibility = $4 where id = $5")
        .bind(&values.name)
        .bind(fold(&values.name))
        .bind(&values.description)
        .bind(values.visibility)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Marks a project as deleted, frees its name and removes its secrets. The row is kept for references to it.
pub async fn delete(tx: &mut Tx, id: ProjectId) -> Result<(), StoreError> {
    sqlx::query("delete from project_secrets where project_id = $1").bind(id).execute(&mut *tx).await?;
    let sql = "update projects set deleted_at = $1, unique_name = null where id = $2";
    sqlx::query(sql).bind(Timestamp::now()).bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Project(id));
    Ok(())
}

/// Closes a project's open requests. Returns the requester and the template's name of each.
pub async fn close_requests(tx: &mut Tx, id: ProjectId, by: UserId) -> Result<Vec<(UserId, String)>, StoreError> {
    let sql = "select q.user_id, t.name from access_requests q join key_templates t on t.id = q.template_id \
         where q.project_id = $1 and q.open_by is not null order by q.requested_at, q.id";
    let open = sqlx::query_as(sql).bind(id).fetch_all(&mut *tx).await?;
    let sql =
        "update access_requests set open_by = null, state = 'closed', decided_at = $1, decided_by = $2 where project_id = $3 and open_by is not null";
    sqlx::query(sql).bind(Timestamp::now()).bind(by).bind(id).execute(tx).await?;
    Ok(open)
}

/// A project's members who are not disabled: id, then the permissions of their role in the project and of that in the organization.
pub async fn active_members(db: &mut Connection, project: ProjectId) -> Result<Vec<(UserId, Permissions, Permissions)>, StoreError> {
    let sql = "select u.id, r.permissions, o.permissions from project_members m join users u on u.id = m.user_id join roles r on r.id = m.role_id \
         join roles o on o.id = u.role_id where m.project_id = $1 and u.disabled_at is null order by m.added_at, u.id";
    Ok(sqlx::query_as(sql).bind(project).fetch_all(db).await?)
}
