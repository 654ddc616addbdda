//! Invitations: links whose recipient becomes a member.

use latchkey_types::{
    error::Error,
    member::{InvitationRow, InvitationState},
    permission::{Permission, Permissions},
};
use sqlx::{AssertSqlSafe, Executor};

use super::{Store, StoreError, Tx, fold};
use latchkey_types::{
    id::{InvitationId, OrganizationId, RoleId, UserId},
    time::Timestamp,
};

/// An open invitation, with the sender's current permissions.
#[derive(Debug, sqlx::FromRow)]
pub struct InvitationRecord {
    pub id: String,
    pub organization_id: String,
    /// The organization's name.
    pub organization: String,
    pub email: String,
    pub role_id: String,
    pub role: String,
    /// The role's permissions, separated by spaces.
    pub permissions: String,
    /// The sender's name.
    pub sender: String,
    /// Unix milliseconds.
    pub sender_disabled_at: Option<i64>,
    /// The sender's current permissions, separated by spaces.
    pub sender_permissions: String,
    /// Unix milliseconds.
    pub expires_at: i64,
}

const INVITATION: &str = "select i.id, i.organization_id, o.name as organization, i.email, i.role_id, r.name as role, r.permissions, \
     u.name as sender, u.disabled_at as sender_disabled_at, s.permissions as sender_permissions, i.expires_at from invitations i \
     join organizations o on o.id = i.organization_id join roles r on r.id = i.role_id join users u on u.id = i.created_by \
     join roles s on s.id = u.role_id where i.open_email is not null";

/// An organization's open invitations, newest first.
pub async fn list(store: &Store, organization: OrganizationId) -> Result<Vec<InvitationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.organization_id = $1 order by i.created_at desc, i.id desc"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).fetch_all(store.read()?).await?)
}

/// The organization's open invitation with this id.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: InvitationId) -> Result<Option<InvitationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.organization_id = $1 and i.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(tx).await?)
}

/// The open invitation whose token has this digest.
pub async fn find_by_digest(db: impl Executor<'_, Database = sqlx::Any>, digest: &[u8]) -> Result<Option<InvitationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{INVITATION} and i.digest = $1"));
    Ok(sqlx::query_as(sql).bind(digest).fetch_optional(db).await?)
}

pub struct NewInvitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub role: RoleId,
    pub email: String,
    /// SHA-256 of the token in the link.
    pub digest: [u8; 32],
    pub created_by: UserId,
    pub expires_at: Timestamp,
}

/// [`StoreError::Duplicate`] if there is an open invitation for this email address.
pub async fn insert(tx: &mut Tx, new: &NewInvitation) -> Result<(), StoreError> {
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

/// Replaces an invitation's token and expiry; `by` becomes its sender.
pub async fn renew(tx: &mut Tx, id: InvitationId, digest: &[u8], by: UserId, expires_at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update invitations set digest = $1, created_by = $2, expires_at = $3 where id = $4")
        .bind(digest)
        .bind(by.to_string())
        .bind(expires_at.0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn accept(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    let sql = "update invitations set open_email = null, accepted_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now().0).bind(id).execute(tx).await?;
    Ok(())
}

pub async fn withdraw(tx: &mut Tx, id: InvitationId) -> Result<(), StoreError> {
    let sql = "update invitations set open_email = null, withdrawn_at = $1 where id = $2";
    sqlx::query(sql).bind(Timestamp::now().0).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

impl InvitationRecord {
    /// The current state of the link. It is void unless the sender still may send it: the sender's permissions are checked again when the
    /// invitation is accepted.
    pub fn state(&self, now: Timestamp) -> InvitationState {
        let sender = Permissions::parse_list(&self.sender_permissions);
        let may_send = self.sender_disabled_at.is_none() && sender.has(Permission::ManageMembers) && sender.first_missing(self.allows()).is_none();
        match (may_send, self.expires_at <= now.0) {
            (false, _) => InvitationState::Void,
            (true, true) => InvitationState::Expired,
            (true, false) => InvitationState::Open,
        }
    }

    pub fn allows(&self) -> Permissions {
        Permissions::parse_list(&self.permissions)
    }

    pub fn row(&self, now: Timestamp) -> Result<InvitationRow, Error> {
        Ok(InvitationRow {
            id: self.id.parse().map_err(|_| Error::Internal)?,
            email: self.email.clone(),
            role_id: self.role_id.parse().map_err(|_| Error::Internal)?,
            invited_by: self.sender.clone(),
            expires_at: Timestamp(self.expires_at),
            state: self.state(now),
        })
    }
}
