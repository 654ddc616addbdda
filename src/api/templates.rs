//! Templates of project keys.

use leptos::prelude::*;

use crate::model::{
    fault::Fault,
    id::{FieldId, ProjectId, TemplateId},
    template::{Edit, FieldRow, FieldValue, TemplateDesk, TemplateRow, TemplateValue},
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::templates as rules;

/// All that the page of a project's templates shows. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/desk", input = Json, output = Json)]
pub async fn read_desk(project: ProjectId) -> Result<TemplateDesk, Fault> {
    context::answer(async move |call: Call| rules::desk(&call.state, &call.actor()?, project).await).await
}

/// Makes a template, to be edited. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `project` or `role`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/create", input = Json, output = Json)]
pub async fn create_template(project: ProjectId) -> Result<TemplateRow, Fault> {
    context::answer(async move |call: Call| rules::create(&call.state, &call.actor()?, project).await).await
}

/// Changes one value of a template. Needs *Manage Projects*, in the organization and in the project, and for a role every permission of it.
///
/// # Errors
/// `Invalid` or `Conflict` at the value; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/edit", input = Json, output = Json)]
pub async fn edit_template(id: TemplateId, edit: Edit<TemplateValue>) -> Result<TemplateRow, Fault> {
    context::answer(async move |call: Call| rules::edit(&call.state, &call.actor()?, id, edit).await).await
}

/// Deletes a template for good, and closes its open requests. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/delete", input = Json, output = Json)]
pub async fn delete_template(id: TemplateId) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::delete(&call.state, &call.actor()?, id).await).await
}

/// Adds a field to a template, to be edited. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `template`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/add-field", input = Json, output = Json)]
pub async fn add_field(template: TemplateId) -> Result<FieldRow, Fault> {
    context::answer(async move |call: Call| rules::add_field(&call.state, &call.actor()?, template).await).await
}

/// Changes one value of a field. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Invalid` or `Conflict` at the value; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/edit-field", input = Json, output = Json)]
pub async fn edit_field(id: FieldId, edit: Edit<FieldValue>) -> Result<FieldRow, Fault> {
    context::answer(async move |call: Call| rules::edit_field(&call.state, &call.actor()?, id, edit).await).await
}

/// Deletes a field. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "templates/delete-field", input = Json, output = Json)]
pub async fn delete_field(id: FieldId) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::delete_field(&call.state, &call.actor()?, id).await).await
}
