//! The life cycle of issued keys: the reveal, and the end of their validity.

use super::{Connection, Store, StoreError, Tx, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{KeyId, OrganizationId, ProjectId, UserId},
    time::Timestamp,
};

/// An issued key, before or after its reveal.
#[derive(Debug, sqlx::FromRow)]
pub struct IssuedKeyRow {
    /// The template's name.
    pub name: String,
    pub holder: UserId,
    pub project_id: ProjectId,
    /// The name of its role; `None` if the role was deleted.
    pub role: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub revealed_at: Option<Timestamp>,
}

/// The organization's issued key with this id, unless the key or its project was deleted.
pub async fn find(db: &mut Connection, organization: OrganizationId, id: KeyId) -> Result<Option<IssuedKeyRow>, StoreError> {
    let sql = "select k.name, k.created_by as holder, i.project_id, r.name as role, k.expires_at, k.revoked_at, i.revealed_at from issued_keys i \
         join api_keys k on k.id = i.key_id join projects p on p.id = i.project_id \
         left join roles r on r.id = i.role_id and r.organization_id = k.organization_id \
         where k.organization_id = $1 and k.id = $2 and k.deleted_at is null and p.deleted_at is null";
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// Stores the digest of a token that was just signed, and when and with which key it was signed.
///
/// # Errors
/// [`StoreError::Duplicate`] if the digest exists already.
pub async fn set_revealed(tx: &mut Tx, id: KeyId, digest: &[u8], signing_kid: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update api_keys set digest = $1 where id = $2").bind(digest).bind(id).execute(&mut *tx).await?;
    let sql = "update issued_keys set revealed_at = $1, signing_kid = $2 where key_id = $3";
    sqlx::query(sql).bind(now).bind(signing_kid).bind(id).execute(&mut *tx).await?;
    tx.touch_added(VerdictChange::Key(digest.to_vec()));
    Ok(())
}

/// An unexpired token whose key is no longer valid, with the times at which it became invalid.
#[derive(Debug, sqlx::FromRow)]
pub struct InvalidatedToken {
    pub id: KeyId,
    pub revoked_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub holder_disabled_at: Option<Timestamp>,
}

/// The project's unexpired tokens that are no longer valid, in the order in which their keys were issued.
pub async fn invalidated_tokens(store: &Store, project: ProjectId, now: Timestamp) -> Result<Vec<InvalidatedToken>, StoreError> {
    let sql = "select k.id, k.revoked_at, k.deleted_at, k.disabled_at, u.disabled_at as holder_disabled_at from issued_keys i \
         join api_keys k on k.id = i.key_id join users u on u.id = k.created_by \
         where i.project_id = $1 and i.revealed_at is not null and (k.expires_at is null or k.expires_at > $2) \
         and coalesce(k.revoked_at, k.deleted_at, k.disabled_at, u.disabled_at) is not null order by k.number";
    Ok(sqlx::query_as(sql).bind(project).bind(now).fetch_all(store.read()?).await?)
}
