//! Invitations: links whose recipient becomes a member.

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold};
use latchkey_types::{
    id::{InvitationId, OrganizationId, RoleId, UserId},
    member::{InvitationRow, InvitationState},
    permission::{Permission, Permissions},
    time::Timestamp,
};

/// An open invitation, with the sender's current permissions.
#[derive(Debug, sqlx::FromRow)]
pub struct InvitationRecord {
    pub id: InvitationId,
    pub organization_id: OrganizationId,
    /// The organization's name.
    pub organization: String,
    pub email: String,
    pub role_id: RoleId,
    pub role: String,
    /// The role's permissions.
    pub permissions: Permissions,
    /// The sender's name.
    pub sender: String,
    pub sender_disabled_at: Option<Timestamp>,
    /// The sender's current permissions.
    pub sender_permissions: Permissions,
    pub expires_at: Timestamp,
}

const INVITATION: &str = "select i.id, i.organization_id, o.name as organization, i.email, i.role_id, r.name as role, r.permissions, \
     u.name as sender, u.disabled_at as sender_disabled_at, s.permissions as sender_permissions, i.expires_at from invitations i \
     join organizations o on o.id = i.organization_id join roles r on r.id = i.role_id join users u on u.id = i.created_by \
     join roles s on s.id = u.role_id where i.open_email is not null";

/// An organization's open invitations, newest first.
pub async fn list(store: &Store, organization: OrganizationId) -> Result<Vec<InvitationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.organization_id = $1 order by i.created_at desc, i.id desc"));
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?)
}

/// The organization's open invitation with this id.
pub async fn find(db: &mut Connection, organization: OrganizationId, id: InvitationId) -> Result<Option<InvitationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.organization_id = $1 and i.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// The open invitation whose token has this digest.
pub async fn find_by_digest(db: &mut Connection, digest: &[u8]) -> Result<Option<InvitationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.digest = $1"));
    Ok(sqlx::query_as(sql).bind(digest).fetch_optional(db).await?)
}

pub struct NewInvitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub role: RoleId,
    pub email: String,
    /// HMAC-SHA256 of the token in the link.
    pub digest: [u8; 32],
    pub created_by: UserId,
    pub expires_at: Timestamp,
}

/// [`StoreError::Duplicate`] if there is an open invitation for this email address.
pub async fn insert(tx: &mut Tx, new: &NewInvitation) -> Result<(), StoreError> {
    Columns::new()
        .set("id", new.id)
        .set("organization_id", new.organization)
        .set("role_id", new.role)
        .set("email", &new.email)
        .set("open_email", fold(&new.email))
        .set("digest", new.digest.as_slice())
        .set("created_by", new.created_by)
        .set("created_at", Timestamp::now())
        .set("expires_at", new.expires_at)
        .insert(tx, "invitations")
        .await
}

/// Replaces an invitation's token and expiry; `by` becomes its sender.
pub async fn renew(tx: &mut Tx, id: InvitationId, digest: &[u8], by: UserId, expires_at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update invitations set digest = $1, created_by = $2, expires_at = $3 where id = $4")
        .bind(digest)
        .bind(by)
        .bind(expires_at)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn accept(tx: &mut Tx, id: InvitationId) -> Result<(), StoreError> {
    let sql = "update invitations set open_email = null, accepted_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now()).bind(id).execute(tx).await?;
    Ok(())
}

pub async fn withdraw(tx: &mut Tx, id: InvitationId) -> Result<(), StoreError> {
    let sql = "update invitations set open_email = null, withdrawn_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now()).bind(id).execute(tx).await?;
    Ok(())
}

impl InvitationRecord {
    /// The current state of the link. It is void unless the sender still may send it: the sender's permissions are checked again when the
    /// invitation is accepted.
    pub fn state(&self, now: Timestamp) -> InvitationState {
        let sender = self.sender_permissions;
        let may_send = self.sender_disabled_at.is_none() && sender.has(Permission::ManageMembers) && sender.first_missing(self.permissions).is_none();
        match (may_send, self.expires_at <= now) {
            (false, _) => InvitationState::Void,
            (true, true) => InvitationState::Expired,
            (true, false) => InvitationState::Open,
        }
    }

    pub fn row(&self, now: Timestamp) -> InvitationRow {
        InvitationRow {
            id: self.id,
            email: self.email.clone(),
            role_id: self.role_id,
            invited_by: self.sender.clone(),
            expires_at: self.expires_at,
            state: self.state(now),
        }
    }
}
