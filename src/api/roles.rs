//! Roles.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::RoleId,
    member::RoleRow,
    receipt::{Done, WithReceipt},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::roles::{self, RoleDraft};

/// Returns the organization's roles, built-in roles first. Needs *Manage Roles*.
#[server(prefix = "/fn", endpoint = "roles/list", protocol = Json)]
pub async fn list_roles() -> Result<Vec<RoleRow>, Error> {
    request_context::answer(async |call: RequestContext| roles::list(&call.state, &call.actor()?).await).await
}

/// Creates a role. Needs *Manage Roles* and every permission of the new role.
#[server(prefix = "/fn", endpoint = "roles/create", protocol = Json)]
pub async fn create_role(name: String, permissions: Vec<String>) -> Result<RoleRow, Error> {
    request_context::answer(async move |call: RequestContext| roles::create(&call.state, &call.actor()?, &RoleDraft { name, permissions }).await)
        .await
}

/// Changes a role, effective immediately. Needs *Manage Roles* and every permission that the role has before or after the change.
///
/// # Errors
/// `Invalid` at `name` or `permissions`; `Conflict` at `name`, or at `role` for a built-in role.
#[server(prefix = "/fn", endpoint = "roles/edit", protocol = Json)]
pub async fn edit_role(id: RoleId, name: String, permissions: Vec<String>) -> Result<WithReceipt<RoleRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        roles::edit(&call.state, &call.actor()?, id, &RoleDraft { name, permissions }).await
    })
    .await
}

/// Deletes an unused role. Needs *Manage Roles* and every permission of the role.
///
/// # Errors
/// `Conflict` at `role` for a built-in role and for a role that is in use.
#[server(prefix = "/fn", endpoint = "roles/delete", protocol = Json)]
pub async fn delete_role(id: RoleId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| roles::delete(&call.state, &call.actor()?, id).await).await
}
