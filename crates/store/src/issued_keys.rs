//! Issued keys: the data of a project key that other API keys do not have.

use super::{Connection, StoreError, Tx, columns::Columns, fold, verdict_changes::VerdictChange};
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
pub(super) async fn digests_of_template(db: &mut Connection, template: TemplateId) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "select k.digest from issued_keys i join api_keys k on k.id = i.key_id \
         where i.template_id = $1 and i.revealed_at is not null and k.revoked_at is null and k.deleted_at is null";
    Ok(sqlx::query_scalar(sql).bind(template).fetch_all(db).await?)
}

/// Stores an issued key. It has no token until it is revealed, so its digest is random.
pub async fn insert(tx: &mut Tx, issued: &NewIssuedKey) -> Result<(), StoreError> {
    let digest: [u8; 32] = random::bytes();
    Columns::new()
        .set("id", issued.id)
        .set("organization_id", issued.organization)
        .set("kind", KeyKind::Project)
        .set("name", &issued.name)
        .set("name_folded", fold(&issued.name))
        .set("digest", digest.as_slice())
        .set("mask", KeyKind::Project.spec().mask.apply(""))
        .set("scopes", "")
        .set("created_by", issued.holder)
        .set("created_at", issued.created_at)
        .set("expires_at", issued.expires_at)
        .set_sql("number", tx.next_number("api_keys", "number"))
        .insert(tx, "api_keys")
        .await?;
    Columns::new()
        .set("key_id", issued.id)
        .set("project_id", issued.project)
        .set("template_id", issued.template)
        .set("request_id", issued.request)
        .set("role_id", issued.role)
        .set("fields", &issued.fields)
        .set("approved_by", issued.approved_by)
        .insert(tx, "issued_keys")
        .await
}

/// The data of an issued key that importing it as a project secret needs.
#[derive(Debug, sqlx::FromRow)]
pub struct ImportSource {
    pub name: String,
    /// HMAC of its token's digest; random until the key is revealed.
    pub digest: Vec<u8>,
    /// The information fields, as JSON.
    pub fields: String,
    pub revealed_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// The organization's issued key with this id if `holder` holds it.
pub async fn find_held(db: &mut Connection, organization: OrganizationId, holder: UserId, id: KeyId) -> Result<Option<ImportSource>, StoreError> {
    let sql = "select k.name, k.digest, i.fields, i.revealed_at, k.expires_at, k.disabled_at, k.revoked_at \
         from issued_keys i join api_keys k on k.id = i.key_id \
         where k.organization_id = $1 and k.created_by = $2 and k.id = $3 and k.deleted_at is null";
    Ok(sqlx::query_as(sql).bind(organization).bind(holder).bind(id).fetch_optional(db).await?)
}

/// The number of a project's keys that are neither revoked nor expired.
pub async fn count_in_use(db: &mut Connection, project: ProjectId) -> Result<i64, StoreError> {
    let sql = "select count(*) from issued_keys i join api_keys k on k.id = i.key_id where i.project_id = $1 \
         and k.revoked_at is null and k.deleted_at is null and (k.expires_at is null or k.expires_at > $2)";
    Ok(sqlx::query_scalar(sql).bind(project).bind(Timestamp::now()).fetch_one(db).await?)
}

/// Revokes all keys of a project that are not revoked. Returns holder and name of each key that was valid until now.
pub async fn revoke_all(tx: &mut Tx, project: ProjectId) -> Result<Vec<(UserId, String)>, StoreError> {
    let now = Timestamp::now();
    let sql = "select k.created_by, k.name from issued_keys i join api_keys k on k.id = i.key_id where i.project_id = $1 \
         and k.revoked_at is null and k.deleted_at is null and (k.expires_at is null or k.expires_at > $2) order by k.number";
    let revoked = sqlx::query_as(sql).bind(project).bind(now).fetch_all(&mut *tx).await?;
    let sql = "update api_keys set revoked_at = $1 where revoked_at is null and deleted_at is null \
         and id in (select key_id from issued_keys where project_id = $2)";
    if sqlx::query(sql).bind(now).bind(project).execute(&mut *tx).await?.rows_affected() > 0 {
        tx.touch(VerdictChange::Project(project));
    }
    Ok(revoked)
}
