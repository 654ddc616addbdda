//! Project nodes.

use super::{Connection, StoreError, Tx, fold};
use latchkey_types::{
    id::{ProjectId, UserId},
    project::NodeRow,
    time::Timestamp,
};

#[derive(Debug, sqlx::FromRow)]
pub struct NodeRecord {
    /// Number within the project.
    pub id: i64,
    pub name: String,
    /// The creator's name.
    pub creator: String,
    pub created_at: Timestamp,
}

/// A project's nodes, ordered by number.
pub async fn all(db: &mut Connection, project: ProjectId) -> Result<Vec<NodeRecord>, StoreError> {
    let sql = "select n.id, n.name, u.name as creator, n.created_at from project_nodes n join users u on u.id = n.created_by \
         where n.project_id = $1 and n.deleted_at is null order by n.id";
    Ok(sqlx::query_as(sql).bind(project).fetch_all(db).await?)
}

/// Creates a node. Returns its number, which is never reused in the project.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, project: ProjectId, name: &str, created_by: UserId) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "insert into project_nodes (project_id, id, name, name_folded, unique_name, created_by, created_at) \
         select $1, coalesce(max(id), 0) + 1, $2, $3, $3, $4, $5 from project_nodes where project_id = $1 returning id",
    )
    .bind(project)
    .bind(name)
    .bind(fold(name))
    .bind(created_by)
    .bind(Timestamp::now())
    .fetch_one(tx)
    .await?;
    Ok(id)
}

/// The name of a project's node; `None` if there is no such node.
pub async fn name(db: &mut Connection, project: ProjectId, id: i64) -> Result<Option<String>, StoreError> {
    let sql = "select name from project_nodes where project_id = $1 and id = $2 and deleted_at is null";
    Ok(sqlx::query_scalar(sql).bind(project).bind(id).fetch_optional(db).await?)
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn rename(tx: &mut Tx, project: ProjectId, id: i64, name: &str) -> Result<(), StoreError> {
    let sql = "update project_nodes set name = $1, name_folded = $2, unique_name = $2 where project_id = $3 and id = $4";
    sqlx::query(sql).bind(name).bind(fold(name)).bind(project).bind(id).execute(tx).await?;
    Ok(())
}

/// Deletes a node; its number is never reused.
pub async fn delete(tx: &mut Tx, project: ProjectId, id: i64) -> Result<(), StoreError> {
    let sql = "update project_nodes set deleted_at = $1, unique_name = null where project_id = $2 and id = $3";
    sqlx::query(sql).bind(Timestamp::now()).bind(project).bind(id).execute(tx).await?;
    Ok(())
}

impl From<NodeRecord> for NodeRow {
    fn from(node: NodeRecord) -> Self {
        Self { id: node.id, name: node.name, created_by: node.creator, created_at: node.created_at }
    }
}
