//! Projects.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::ProjectId,
    project::{ProjectRequest, ProjectRow},
    receipt::{Done, WithReceipt},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::projects as rules;

/// Returns the projects that the user can see. Needs *View Project*.
#[server(prefix = "/fn", endpoint = "projects/list", protocol = Json)]
pub async fn projects() -> Result<Vec<ProjectRow>, Error> {
    request_context::answer(async |call: RequestContext| rules::list(&call.state, &call.actor()?).await).await
}

/// Returns one project. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/get", protocol = Json)]
pub async fn project(id: ProjectId) -> Result<ProjectRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::get(&call.state, &call.actor()?, id).await).await
}

/// Creates a project. Needs *Manage Projects*.
#[server(prefix = "/fn", endpoint = "projects/create", protocol = Json)]
pub async fn create_project(request: ProjectRequest) -> Result<ProjectRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::create(&call.state, &call.actor()?, request).await).await
}

/// Changes a project; with the values `before` that an editor displayed, only those that differ from them. Needs *Manage Projects*, in the
/// organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/edit", protocol = Json)]
pub async fn edit_project(id: ProjectId, before: Option<ProjectRequest>, request: ProjectRequest) -> Result<ProjectRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::edit(&call.state, &call.actor()?, id, before, request).await).await
}

/// Deletes a project permanently, closes its pending requests and revokes its keys. Needs *Manage Projects*, in the organization and in
/// the project.
#[server(prefix = "/fn", endpoint = "projects/delete", protocol = Json)]
pub async fn delete_project(id: ProjectId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| rules::delete(&call.state, &call.actor()?, id).await).await
}
