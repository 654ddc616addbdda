//! Members, roles, invitations and sessions of an organization.

use serde::{Deserialize, Serialize};

use super::{
    budget::BudgetState,
    id::{InvitationId, RoleId, SessionId, UserId},
    permission::{Permissions, role_label},
    secret::RevealedSecret,
    time::Timestamp,
};

/// Validity of an invitation link, in days.
pub const INVITATION_DAYS: i64 = 7;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRow {
    pub id: RoleId,
    pub name: String,
    pub permissions: Permissions,
    /// Number of members with this role.
    pub members: i64,
    /// Built-in roles exist in every organization and cannot be changed.
    pub is_built_in: bool,
}

/// A member of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role_id: RoleId,
    /// When the member was disabled; `None` if active.
    pub disabled_at: Option<Timestamp>,
    /// Last request with a session, accurate to a minute.
    pub last_seen_at: Option<Timestamp>,
    /// Number of keys and credentials that the member created and that are not deleted.
    pub keys: i64,
    /// The budget of the calls of language models with all of the member's keys, and what is spent of it.
    pub budget: Option<BudgetState>,
}

/// A pending invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRow {
    pub id: InvitationId,
    /// Address of the invited person.
    pub email: String,
    /// Role of the new member.
    pub role_id: RoleId,
    /// Name of the inviting member.
    pub invited_by: String,
    /// When the link expires.
    pub expires_at: Timestamp,
    pub state: InvitationState,
}

/// State of an invitation link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// The link can be used.
    Open,
    /// The link is older than [`INVITATION_DAYS`].
    Expired,
    /// The inviting member no longer has the permission to invite to this role.
    Void,
}

/// Data of the members page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersPageData {
    /// Sorted by name.
    pub members: Vec<MemberRow>,
    /// Pending invitations, newest first.
    pub invitations: Vec<InvitationRow>,
    /// In the order of the roles page.
    pub roles: Vec<RoleRow>,
    /// The signed-in user.
    pub viewer: UserId,
}

impl MembersPageData {
    /// Label of a role; empty for an unknown id.
    pub fn role_label(&self, id: RoleId) -> String {
        self.roles.iter().find(|role| role.id == id).map(|role| role_label(&role.name)).unwrap_or_default()
    }
}

/// The one-time link of an invitation, for the inviting member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationLink {
    pub email: String,
    pub link: RevealedSecret,
}

/// Content of an invitation, for the person who opens its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationOffer {
    /// Name of the organization.
    pub organization: String,
    /// Name of the inviting member.
    pub invited_by: String,
    pub email: String,
}

/// A session in one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: SessionId,
    /// Whether it is the session of this request.
    pub is_this: bool,
    /// Browser and system, such as “Chrome on Linux”.
    pub browser: String,
    /// Client address at sign-in.
    pub address: String,
    pub created_at: Timestamp,
    /// Accurate to a minute.
    pub last_seen_at: Timestamp,
}
