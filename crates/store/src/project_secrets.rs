//! Encrypted secrets of projects.

use sqlx::AssertSqlSafe;

use super::{Connection, StoreError, Tx, columns::Columns, fold, placeholders, sealed_secrets::SealedSecret};
use latchkey_types::{
    id::{KeyId, OrganizationId, ProjectId, ProjectSecretId, UserId},
    project::SecretRow,
    time::Timestamp,
};

/// The metadata of a secret.
#[derive(Debug, sqlx::FromRow)]
pub struct ProjectSecretRecord {
    pub id: ProjectSecretId,
    pub name: String,
    /// The creator's name.
    pub creator: String,
    pub updated_at: Timestamp,
    /// The name of the project key that it was imported from.
    pub key: Option<String>,
}

/// A data key and the values that its encryption is bound to.
#[derive(sqlx::FromRow)]
pub struct WrappedKey {
    /// The secret's id.
    pub id: ProjectSecretId,
    pub organization_id: OrganizationId,
    /// The data key, wrapped under the master key.
    pub wrapped_key: Vec<u8>,
}

const SECRET: &str = "select s.id, s.name, u.name as creator, s.updated_at, k.name as key from project_secrets s \
     join users u on u.id = s.created_by left join api_keys k on k.id = s.key_id where s.project_id = $1";

/// A project's secrets, in no particular order.
pub async fn all(db: &mut Connection, project: ProjectId) -> Result<Vec<ProjectSecretRecord>, StoreError> {
    Ok(sqlx::query_as(SECRET).bind(project).fetch_all(db).await?)
}

pub async fn find(db: &mut Connection, project: ProjectId, id: ProjectSecretId) -> Result<Option<ProjectSecretRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SECRET} and s.id = $2"));
    Ok(sqlx::query_as(sql).bind(project).bind(id).fetch_optional(db).await?)
}

/// The project's secret with this name, ignoring case.
pub async fn find_named(db: &mut Connection, project: ProjectId, name: &str) -> Result<Option<ProjectSecretRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SECRET} and s.name_folded = $2"));
    Ok(sqlx::query_as(sql).bind(project).bind(fold(name)).fetch_optional(db).await?)
}

/// Which of these names the project's secrets already use, ignoring case.
pub async fn taken(db: &mut Connection, project: ProjectId, names: &[String]) -> Result<Vec<String>, StoreError> {
    let sql =
        AssertSqlSafe(format!("select name_folded from project_secrets where project_id = $1 and name_folded in ({})", placeholders(2, names.len())));
    let query = names.iter().fold(sqlx::query_scalar(sql).bind(project), |query, name| query.bind(fold(name)));
    let folded: Vec<String> = query.fetch_all(db).await?;
    Ok(names.iter().filter(|name| folded.contains(&fold(name))).cloned().collect())
}

/// The encrypted value of a secret.
pub async fn sealed(db: &mut Connection, id: ProjectSecretId) -> Result<Option<SealedSecret>, StoreError> {
    let sql = "select id as owner_id, 'value' as field, wrapped_key, ciphertext from project_secrets where id = $1";
    Ok(sqlx::query_as(sql).bind(id).fetch_optional(db).await?)
}

pub struct NewProjectSecret {
    pub id: ProjectSecretId,
    pub project: ProjectId,
    pub name: String,
    pub sealed: SealedSecret,
    pub created_by: UserId,
    /// The project key that it is imported from.
    pub key: Option<KeyId>,
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, secret: &NewProjectSecret) -> Result<(), StoreError> {
    let now = Timestamp::now();
    Columns::new()
        .set("id", secret.id)
        .set("project_id", secret.project)
        .set("name", &secret.name)
        .set("name_folded", fold(&secret.name))
        .set("wrapped_key", &secret.sealed.wrapped_key)
        .set("ciphertext", &secret.sealed.ciphertext)
        .set("created_by", secret.created_by)
        .set("created_at", now)
        .set("updated_at", now)
        .set("key_id", secret.key)
        .insert(tx, "project_secrets")
        .await
}

/// Replaces a secret's value. It then no longer counts as imported.
pub async fn replace(tx: &mut Tx, id: ProjectSecretId, sealed: &SealedSecret) -> Result<(), StoreError> {
    sqlx::query("update project_secrets set wrapped_key = $1, ciphertext = $2, updated_at = $3, key_id = null where id = $4")
        .bind(&sealed.wrapped_key)
        .bind(&sealed.ciphertext)
        .bind(Timestamp::now())
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes a secret's row.
pub async fn delete(tx: &mut Tx, id: ProjectSecretId) -> Result<(), StoreError> {
    sqlx::query("delete from project_secrets where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// At most `limit` data keys that follow this secret's, or the first ones, in the order of ids.
pub async fn keys_after(db: &mut Connection, after: Option<ProjectSecretId>, limit: i64) -> Result<Vec<WrappedKey>, StoreError> {
    let sql = "select s.id, p.organization_id, s.wrapped_key from project_secrets s join projects p on p.id = s.project_id \
         where s.id > coalesce($1, '') order by s.id limit $2";
    Ok(sqlx::query_as(sql).bind(after).bind(limit).fetch_all(db).await?)
}

/// Replaces a data key with its newly wrapped form.
pub async fn replace_key(tx: &mut Tx, key: &WrappedKey) -> Result<(), StoreError> {
    sqlx::query("update project_secrets set wrapped_key = $1 where id = $2").bind(&key.wrapped_key).bind(key.id).execute(tx).await?;
    Ok(())
}

impl ProjectSecretRecord {
    pub fn row(self) -> SecretRow {
        SecretRow { id: self.id, name: self.name, created_by: self.creator, updated_at: self.updated_at, imported_from: self.key }
    }
}
