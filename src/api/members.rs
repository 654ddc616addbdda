//! Members and invitations.

use leptos::prelude::*;

use crate::model::{
    fault::Fault,
    id::{InvitationId, RoleId, UserId},
    people::{InvitationLink, People},
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::{invitations, members};

/// Members, open invitations and roles. Needs *Manage Members*.
///
/// # Errors
/// `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "members/list", input = Json, output = Json)]
pub async fn list_people() -> Result<People, Fault> {
    context::answer(async |call: Call| members::list(&call.state, &call.actor()?).await).await
}

/// Gives a member another role. Needs *Manage Members* and every permission of both roles.
///
/// # Errors
/// `Conflict` at `role` for one's own and for the last active owner's; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "members/set-role", input = Json, output = Json)]
pub async fn set_role(id: UserId, role: RoleId) -> Result<(), Fault> {
    context::answer(async move |call: Call| members::set_role(&call.state, &call.actor()?, id, role).await).await
}

/// Shuts a member out; their keys rest, or become the receiver's. Needs *Manage Members* and every permission of the member's role, and
/// of the receiver's.
///
/// # Errors
/// `Conflict` at `member` for oneself and for the last active owner; `Invalid` at `receiver`; `NotFound`, `SignedOut`, `Forbidden`,
/// `Unavailable`.
#[server(prefix = "/fn", endpoint = "members/disable", input = Json, output = Json)]
pub async fn disable_member(id: UserId, receiver: Option<UserId>) -> Result<(), Fault> {
    context::answer(async move |call: Call| members::disable(&call.state, &call.actor()?, id, receiver).await).await
}

/// Lets a member in again. Needs *Manage Members* and every permission of the member's role.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "members/enable", input = Json, output = Json)]
pub async fn enable_member(id: UserId) -> Result<(), Fault> {
    context::answer(async move |call: Call| members::enable(&call.state, &call.actor()?, id).await).await
}

/// Invites somebody; the link is in this answer and nowhere else. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `Invalid` or `Conflict` at `email`; `NotFound` for the role; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "invitations/create", input = Json, output = Json)]
pub async fn invite(email: String, role: RoleId) -> Result<InvitationLink, Fault> {
    context::answer(async move |call: Call| invitations::invite(&call.state, &call.actor()?, &email, role).await).await
}

/// Gives an invitation another link. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "invitations/renew", input = Json, output = Json)]
pub async fn renew_invitation(id: InvitationId) -> Result<InvitationLink, Fault> {
    context::answer(async move |call: Call| invitations::renew(&call.state, &call.actor()?, id).await).await
}

/// Takes an invitation back. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "invitations/withdraw", input = Json, output = Json)]
pub async fn withdraw_invitation(id: InvitationId) -> Result<(), Fault> {
    context::answer(async move |call: Call| invitations::withdraw(&call.state, &call.actor()?, id).await).await
}
