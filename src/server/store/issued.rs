//! Issued keys: what a project key is beside an API key.

use super::{Error, Tx, fold};
use crate::{
    model::{
        id::{KeyId, KeyRequestId, OrganizationId, ProjectId, RoleId, TemplateId, UserId},
        policy::KeyKind,
        time::Timestamp,
    },
    server::random,
};

/// A key to be issued.
#[derive(Debug, Clone)]
pub struct NewIssued {
    /// Its id.
    pub id: KeyId,
    /// The tenant.
    pub organization: OrganizationId,
    /// What it gives access to.
    pub project: ProjectId,
    /// By which template.
    pub template: TemplateId,
    /// Upon which request.
    pub request: KeyRequestId,
    /// The template's name.
    pub name: String,
    /// Its role in the project.
    pub role: RoleId,
    /// The template's information fields, as JSON.
    pub fields: String,
    /// Whose it is.
    pub holder: UserId,
    /// Who granted it.
    pub approved_by: UserId,
    /// When it is issued.
    pub created_at: Timestamp,
    /// When it ends: a whole second, as the token has it.
    pub expires_at: Option<Timestamp>,
}

/// The digests of a template's keys that can be presented.
///
/// # Errors
/// What the database says.
pub async fn digests_of_template(tx: &mut Tx, template: TemplateId) -> Result<Vec<Vec<u8>>, Error> {
    let sql = "select k.digest from issued_keys i join api_keys k on k.id = i.key_id \
         where i.template_id = $1 and i.revealed_at is not null and k.revoked_at is null and k.deleted_at is null";
    Ok(sqlx::query_scalar(sql).bind(template.to_string()).fetch_all(tx).await?)
}

/// Stores an issued key. It has no token yet: its digest is random.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, issued: &NewIssued) -> Result<(), Error> {
    let digest: [u8; 32] = random::bytes();
    sqlx::query(
        // Writers come one at a time, so the next number is free.
        "insert into api_keys (id, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at, expires_at, number) \
         select $1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, coalesce(max(number), 0) + 1 from api_keys",
    )
    .bind(issued.id.to_string())
    .bind(issued.organization.to_string())
    .bind(KeyKind::Project.word())
    .bind(&issued.name)
    .bind(fold(&issued.name))
    .bind(digest.as_slice())
    .bind(KeyKind::Project.policy().mask.apply(""))
    .bind(issued.holder.to_string())
    .bind(issued.created_at.0)
    .bind(issued.expires_at.map(|at| at.0))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into issued_keys (key_id, project_id, template_id, request_id, role_id, fields, approved_by) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(issued.id.to_string())
    .bind(issued.project.to_string())
    .bind(issued.template.to_string())
    .bind(issued.request.to_string())
    .bind(issued.role.to_string())
    .bind(&issued.fields)
    .bind(issued.approved_by.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

/// What an import needs of a key.
#[derive(Debug, sqlx::FromRow)]
pub struct HeldKey {
    /// Its name.
    pub name: String,
    /// HMAC of its token's digest; random until it was revealed.
    pub digest: Vec<u8>,
    /// Its information fields, as JSON.
    pub fields: String,
    /// Unix milliseconds.
    pub revealed_at: Option<i64>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
}

/// The organization's issued key with this id that this person holds.
///
/// # Errors
/// What the database says.
pub async fn held(db: &mut Tx, organization: OrganizationId, holder: UserId, id: KeyId) -> Result<Option<HeldKey>, Error> {
    let sql = "select k.name, k.digest, i.fields, i.revealed_at, k.expires_at, k.disabled_at, k.revoked_at \
         from issued_keys i join api_keys k on k.id = i.key_id \
         where k.organization_id = $1 and k.created_by = $2 and k.id = $3 and k.deleted_at is null";
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(holder.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// Takes back every key of a project that is not taken back yet. Answers how many.
///
/// # Errors
/// What the database says.
pub async fn revoke_all(tx: &mut Tx, project: ProjectId) -> Result<Vec<(String, String)>, Error> {
    let now = Timestamp::now().0;
    let sql = "select k.created_by, k.name from issued_keys i join api_keys k on k.id = i.key_id where i.project_id = $1 \
         and k.revoked_at is null and k.deleted_at is null and (k.expires_at is null or k.expires_at > $2) order by k.number";
    let revoked = sqlx::query_as(sql).bind(project.to_string()).bind(now).fetch_all(&mut *tx).await?;
    let sql = "update api_keys set revoked_at = $1 where revoked_at is null and deleted_at is null \
         and id in (select key_id from issued_keys where project_id = $2)";
    sqlx::query(sql).bind(now).bind(project.to_string()).execute(tx).await?;
    Ok(revoked)
}
