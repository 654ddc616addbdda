//! The people of an organization as the page sees them: members, roles, invitations, sessions.

use serde::{Deserialize, Serialize};

use super::{
    id::{InvitationId, RoleId, SessionId, UserId},
    permission::Permissions,
    secret::RevealedSecret,
    time::Timestamp,
};

/// For how long the link of an invitation is good, in days.
pub const INVITATION_DAYS: i64 = 7;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRow {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What its holders may do.
    pub permissions: Permissions,
    /// How many members have it.
    pub members: i64,
    /// Whether every organization has it; such a role is never changed.
    pub is_built_in: bool,
}

/// Somebody who belongs to the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// Their role.
    pub role_id: RoleId,
    /// When they were shut out, if they are.
    pub disabled_at: Option<Timestamp>,
    /// When they were last here, to within a minute.
    pub last_seen_at: Option<Timestamp>,
    /// How many keys and credentials they made that are not deleted.
    pub keys: i64,
}

/// Somebody who was asked to join and has not done so yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRow {
    /// Its id.
    pub id: InvitationId,
    /// Whom it is for.
    pub email: String,
    /// The role that they will have.
    pub role_id: RoleId,
    /// The name of who invited them.
    pub invited_by: String,
    /// When its link ends.
    pub expires_at: Timestamp,
    /// What its link is good for now.
    pub state: InvitationState,
}

/// What an invitation's link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// Whoever has it can join.
    Open,
    /// It was given too long ago.
    Expired,
    /// Who sent it may not invite to this role any more.
    Void,
}

/// All that the members' page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// The members, by name.
    pub members: Vec<MemberRow>,
    /// The open invitations, newest first.
    pub invitations: Vec<InvitationRow>,
    /// Every role, in the order of the roles' page.
    pub roles: Vec<RoleRow>,
    /// Who asks.
    pub viewer: UserId,
}

impl People {
    /// A role's name.
    pub fn role_name(&self, id: RoleId) -> String {
        self.roles.iter().find(|role| role.id == id).map(|role| role.name.clone()).unwrap_or_default()
    }
}

/// The one-time link of an invitation, for whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationLink {
    /// Whom it is for.
    pub email: String,
    /// The link.
    pub link: RevealedSecret,
}

/// What an invitation says to whoever has its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The organization's name.
    pub organization: String,
    /// The name of who invites.
    pub invited_by: String,
    /// What they will sign in with.
    pub email: String,
}

/// Somebody's being signed in, in one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// The browser, in words: “Chrome on Linux”.
    pub browser: String,
    /// From which address it was begun.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub last_seen_at: Timestamp,
}
