//! Access requests.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::{AccessRequestId, ProjectId, TemplateId},
    key_template::KeyCards,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::access_requests as rules;

/// Returns a project's templates with the state of the user's request and key for each. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "access-requests/cards", protocol = Json)]
pub async fn list_key_cards(project: ProjectId) -> Result<KeyCards, Error> {
    request_context::answer(async move |call: RequestContext| rules::cards(&call.state, &call.actor()?, project).await).await
}

/// Requests a key. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "access-requests/create", protocol = Json)]
pub async fn request_key(template: TemplateId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::create(&call.state, &call.actor()?, template).await).await
}

/// Withdraws the user's own request. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "access-requests/withdraw", protocol = Json)]
pub async fn withdraw_request(id: AccessRequestId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::withdraw(&call.state, &call.actor()?, id).await).await
}

/// Approves a request and issues the key. Needs *Manage Projects*, in the organization and in the project, and every permission of the
/// template's role.
#[server(prefix = "/fn", endpoint = "access-requests/approve", protocol = Json)]
pub async fn approve_request(id: AccessRequestId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::approve(&call.state, &call.actor()?, id).await).await
}

/// Rejects a request, with an optional reason. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "access-requests/reject", protocol = Json)]
pub async fn reject_request(id: AccessRequestId, comment: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::reject(&call.state, &call.actor()?, id, &comment).await).await
}
