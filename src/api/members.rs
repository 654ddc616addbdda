//! Members and invitations.

use leptos::prelude::*;

use latchkey_types::{
    budget::Budget,
    codec::Json,
    error::Error,
    id::{InvitationId, RoleId, UserId},
    member::{InvitationLink, MembersPageData},
    receipt::{Done, WithReceipt},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{budgets, invitations, members};

/// Returns members, pending invitations and roles. Needs *Manage Members*.
#[server(prefix = "/fn", endpoint = "members/list", protocol = Json)]
pub async fn members_page() -> Result<MembersPageData, Error> {
    request_context::answer(async |call: RequestContext| members::list(&call.state, &call.actor()?).await).await
}

/// Returns the names of the members who can give the user a permission. Needs *Manage Members*.
#[server(prefix = "/fn", endpoint = "members/grantors", protocol = Json)]
pub async fn grantors(permission: String) -> Result<Vec<String>, Error> {
    request_context::answer(async move |call: RequestContext| members::grantors(&call.state, &call.actor()?, &permission).await).await
}

/// Changes the role of a member. Needs *Manage Members* and every permission of both roles.
///
/// # Errors
/// `Conflict` at `role` for the user's own role and for the role of the last active owner.
#[server(prefix = "/fn", endpoint = "members/set-role", protocol = Json)]
pub async fn set_role(id: UserId, role: RoleId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| members::set_role(&call.state, &call.actor()?, id, role).await).await
}

/// Disables a member. The member's keys are disabled, or transferred to the receiver. Needs *Manage Members* and every permission of the
/// member's and the receiver's role.
///
/// # Errors
/// `Conflict` at `member` for the user's own account and for the last active owner; `Invalid` at `receiver`.
#[server(prefix = "/fn", endpoint = "members/disable", protocol = Json)]
pub async fn disable_member(id: UserId, receiver: Option<UserId>) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| members::disable(&call.state, &call.actor()?, id, receiver).await).await
}

/// Enables a member. Needs *Manage Members* and every permission of the member's role.
#[server(prefix = "/fn", endpoint = "members/enable", protocol = Json)]
pub async fn enable_member(id: UserId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| members::enable(&call.state, &call.actor()?, id).await).await
}

/// Sets the budget of the calls of language models with all of a member's keys; `None` removes it. Needs *Manage Members* and every permission of
/// the member's role.
#[server(prefix = "/fn", endpoint = "members/set-budget", protocol = Json)]
pub async fn set_member_budget(user: UserId, budget: Option<Budget>) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| budgets::set_member_budget(&call.state, &call.actor()?, user, budget).await).await
}

/// Invites a new member. Only this response contains the link. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `Invalid` or `Conflict` at `email`; `NotFound` for the role.
#[server(prefix = "/fn", endpoint = "invitations/create", protocol = Json)]
pub async fn invite(email: String, role: RoleId) -> Result<InvitationLink, Error> {
    request_context::answer(async move |call: RequestContext| invitations::invite(&call.state, &call.actor()?, &email, role).await).await
}

/// Replaces the link of an invitation. Needs *Manage Members* and every permission of the role.
#[server(prefix = "/fn", endpoint = "invitations/renew", protocol = Json)]
pub async fn renew_invitation(id: InvitationId) -> Result<InvitationLink, Error> {
    request_context::answer(async move |call: RequestContext| invitations::renew(&call.state, &call.actor()?, id).await).await
}

/// Withdraws an invitation. Needs *Manage Members* and every permission of the role.
#[server(prefix = "/fn", endpoint = "invitations/withdraw", protocol = Json)]
pub async fn withdraw_invitation(id: InvitationId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| invitations::withdraw(&call.state, &call.actor()?, id).await).await
}
