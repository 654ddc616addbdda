//! Issued keys: the data of a project key that other API keys do not have.

use super::{StoreError, Tx, fold};
use latchkey_crypto::random;
use latchkey_types::{
    id::{AccessRequestId, KeyId, OrganizationId, ProjectId, RoleId, TemplateId, UserId},
    key_kind::KeyKind,
    time::Timestamp,
};

#[derive(Debug, Clone)]
pub struct NewIssuedKey {
    pub id: KeyId,
    pub organization: OrganizationId,
    pub project: ProjectId,
    pub template: TemplateId,
    /// The access request that led to this key.
    pub request: AccessRequestId,
    pub name: String,
    pub role: RoleId,
    /// The template's information fields, as JSON.
    pub fields: String,
    pub holder: UserId,
    /// The user who approved the request.
    pub approved_by: UserId,
    pub created_at: Timestamp,
    /// Whole seconds, because the token's `exp` has no finer resolution.
    pub expires_at: Option<Timestamp>,
}

/// The digests of a template's keys that are revealed and neither revoked nor deleted.
pub async fn digests_of_template(tx: &mut Tx, template: TemplateId) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "select k.digest from issued_keys i join api_keys k on k.id = i.key_id \
         where i.template_id = $1 and i.revealed_at is not null and k.revoked_at is null and k.deleted_at is null";
    Ok(sqlx::query_scalar(sql).bind(template.to_string()).fetch_all(tx).await?)
}

/// Stores an issued key. It has no token until it is revealed, so its digest is random.
pub async fn insert(tx: &mut Tx, issued: &NewIssuedKey) -> Result<(), StoreError> {
    let digest: [u8; 32] = random::bytes();
    sqlx::query(
        // Write transactions are serialized, so the next number is free.
        "insert into api_keys (id, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at, expires_at, number) \
         select $1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, coalesce(max(number), 0) + 1 from api_keys",
    )
    .bind(issued.id.to_string())
    .bind(issued.organization.to_string())
    .bind(KeyKind::Project.as_str())
    .bind(&issued.name)
    .bind(fold(&issued.name))
    .bind(digest.as_slice())
    .bind(KeyKind::Project.spec().mask.apply(""))
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

/// The data of an issued key that importing it as a project secret needs.
#[derive(Debug, sqlx::FromRow)]
pub struct ImportSource {
    pub name: String,
    /// HMAC of its token's digest; random until the key is revealed.
    pub digest: Vec<u8>,
    /// The information fields, as JSON.
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

/// The organization's issued key with this id if `holder` holds it.
pub async fn find_held(db: &mut Tx, organization: OrganizationId, holder: UserId, id: KeyId) -> Result<Option<ImportSource>, StoreError> {
    let sql = "select k.name, k.digest, i.fields, i.revealed_at, k.expires_at, k.disabled_at, k.revoked_at \
         from issued_keys i join api_keys k on k.id = i.key_id \
         where k.organization_id = $1 and k.created_by = $2 and k.id = $3 and k.deleted_at is null";
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(holder.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// Revokes all keys of a project that are not revoked. Returns holder and name of each key that was valid until now.
pub async fn revoke_all(tx: &mut Tx, project: ProjectId) -> Result<Vec<(String, String)>, StoreError> {
    let now = Timestamp::now().0;
    let sql = "select k.created_by, k.name from issued_keys i join api_keys k on k.id = i.key_id where i.project_id = $1 \
         and k.revoked_at is null and k.deleted_at is null and (k.expires_at is null or k.expires_at > $2) order by k.number";
    let revoked = sqlx::query_as(sql).bind(project.to_string()).bind(now).fetch_all(&mut *tx).await?;
    let sql = "update api_keys set revoked_at = $1 where revoked_at is null and deleted_at is null \
         and id in (select key_id from issued_keys where project_id = $2)";
    sqlx::query(sql).bind(now).bind(project.to_string()).execute(tx).await?;
    Ok(revoked)
}
