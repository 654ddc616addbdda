//! Invitations: links that make their reader a member.

use sqlx::{AssertSqlSafe, Executor};

use super::{Error, Store, Tx, fold};
use crate::model::{
    id::{InvitationId, OrganizationId, RoleId, UserId},
    time::Timestamp,
};

/// An invitation that stands, with what it offers and whether its sender may still offer it.
#[derive(Debug, sqlx::FromRow)]
pub struct InvitationRecord {
    /// Its id.
    pub id: String,
    /// Whose member it makes.
    pub organization_id: String,
    /// That organization's name.
    pub organization: String,
    /// Whom it is for.
    pub email: String,
    /// The role that they will have.
    pub role_id: String,
    /// Its name.
    pub role: String,
    /// Its permissions, as words.
    pub permissions: String,
    /// The name of who sent it.
    pub sender: String,
    /// When the sender was shut out.
    pub sender_disabled_at: Option<i64>,
    /// What the sender may do now, as words.
    pub sender_permissions: String,
    /// Unix milliseconds.
    pub expires_at: i64,
}

const INVITATION: &str = "select i.id, i.organization_id, o.name as organization, i.email, i.role_id, r.name as role, r.permissions, \
     u.name as sender, u.disabled_at as sender_disabled_at, s.permissions as sender_permissions, i.expires_at from invitations i \
     join organizations o on o.id = i.organization_id join roles r on r.id = i.role_id join users u on u.id = i.created_by \
     join roles s on s.id = u.role_id where i.open_email is not null";

/// An organization's invitations that stand, newest first.
///
/// # Errors
/// What the database says.
pub async fn list(store: &Store, organization: OrganizationId) -> Result<Vec<InvitationRecord>, Error> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.organization_id = $1 order by i.created_at desc, i.id desc"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(store.read()?).await?)
}

/// The organization's invitation with this id, if it stands.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: InvitationId) -> Result<Option<InvitationRecord>, Error> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.organization_id = $1 and i.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(tx).await?)
}

/// The invitation whose link holds what has this digest, if it stands.
///
/// # Errors
/// What the database says.
pub async fn find_by_digest(db: impl Executor<'_, Database = sqlx::Any>, digest: &[u8]) -> Result<Option<InvitationRecord>, Error> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.digest = $1"));
    Ok(sqlx::query_as(sql).bind(digest).fetch_optional(db).await?)
}

/// An invitation to be stored.
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// Whose member it makes.
    pub organization: OrganizationId,
    /// The role that they will have.
    pub role: RoleId,
    /// Whom it is for.
    pub email: String,
    /// SHA-256 of what the link holds.
    pub digest: [u8; 32],
    /// Who sends it.
    pub created_by: UserId,
    /// When its link ends.
    pub expires_at: Timestamp,
}

/// Makes an invitation.
///
/// # Errors
/// [`Error::Duplicate`] when one for this address stands.
pub async fn insert(tx: &mut Tx, new: &NewInvitation) -> Result<(), Error> {
    sqlx::query(
        "insert into invitations (id, organization_id, role_id, email, open_email, digest, created_by, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.id.to_string())
    .bind(new.organization.to_string())
    .bind(new.role.to_string())
    .bind(&new.email)
    .bind(fold(&new.email))
    .bind(new.digest.as_slice())
    .bind(new.created_by.to_string())
    .bind(Timestamp::now().0)
    .bind(new.expires_at.0)
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives an invitation another link and another end; it is now this user's.
///
/// # Errors
/// What the database says.
pub async fn renew(tx: &mut Tx, id: InvitationId, digest: &[u8], by: UserId, expires_at: Timestamp) -> Result<(), Error> {
    sqlx::query("update invitations set digest = $1, created_by = $2, expires_at = $3 where id = $4")
        .bind(digest)
        .bind(by.to_string())
        .bind(expires_at.0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes that it was accepted.
///
/// # Errors
/// What the database says.
pub async fn accept(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let sql = "update invitations set open_email = null, accepted_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now().0).bind(id).execute(tx).await?;
    Ok(())
}

/// Notes that it was withdrawn.
///
/// # Errors
/// What the database says.
pub async fn withdraw(tx: &mut Tx, id: InvitationId) -> Result<(), Error> {
    let sql = "update invitations set open_email = null, withdrawn_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now().0).bind(id.to_string()).execute(tx).await?;
    Ok(())
}
