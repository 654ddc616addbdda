//! Access requests.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Fault,
    id::{KeyRequestId, ProjectId, TemplateId},
    key_template::KeyTiles,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, Call};
#[cfg(feature = "ssr")]
use latchkey_core::access_requests as rules;

/// Returns a project's templates with the state of the user's request and key for each. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "requests/tiles", input = Json, output = Json)]
pub async fn read_tiles(project: ProjectId) -> Result<KeyTiles, Fault> {
    request_context::answer(async move |call: Call| rules::tiles(&call.state, &call.actor()?, project).await).await
}

/// Requests a key. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "requests/ask", input = Json, output = Json)]
pub async fn ask_for_key(template: TemplateId) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| rules::ask(&call.state, &call.actor()?, template).await).await
}

/// Withdraws the user's own request. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "requests/withdraw", input = Json, output = Json)]
pub async fn withdraw_request(id: KeyRequestId) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| rules::withdraw(&call.state, &call.actor()?, id).await).await
}

/// Approves a request and issues the key. Needs *Manage Projects*, in the organization and in the project, and every permission of the
/// template's role.
#[server(prefix = "/fn", endpoint = "requests/approve", input = Json, output = Json)]
pub async fn approve_request(id: KeyRequestId) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| rules::approve(&call.state, &call.actor()?, id).await).await
}

/// Rejects a request, with an optional reason. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "requests/reject", input = Json, output = Json)]
pub async fn reject_request(id: KeyRequestId, word: String) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| rules::reject(&call.state, &call.actor()?, id, &word).await).await
}
