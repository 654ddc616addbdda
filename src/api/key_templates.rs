//! Key templates.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::{FieldId, ProjectId, TemplateId},
    key_template::{FieldRow, FieldValue, StandardField, TemplateRow, TemplateValue, TemplatesPageData, ValueEdit},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::key_templates as rules;

/// Returns the data of a project's templates page. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "templates/page", protocol = Json)]
pub async fn templates_page(project: ProjectId) -> Result<TemplatesPageData, Error> {
    request_context::answer(async move |call: RequestContext| rules::page(&call.state, &call.actor()?, project).await).await
}

/// Creates a draft of a template with default values. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "templates/create", protocol = Json)]
pub async fn create_template(project: ProjectId) -> Result<TemplateRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::create(&call.state, &call.actor()?, project).await).await
}

/// Changes one value of a template. Needs *Manage Projects*, in the organization and in the project; to
/// change the role, also every permission of the new role.
#[server(prefix = "/fn", endpoint = "templates/edit", protocol = Json)]
pub async fn edit_template(id: TemplateId, edit: ValueEdit<TemplateValue>) -> Result<TemplateRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::edit(&call.state, &call.actor()?, id, edit).await).await
}

/// Deletes a template permanently and closes its pending requests. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "templates/delete", protocol = Json)]
pub async fn delete_template(id: TemplateId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::delete(&call.state, &call.actor()?, id).await).await
}

/// Adds a field with default values to a template, or a standard field. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "templates/add-field", protocol = Json)]
pub async fn add_field(template: TemplateId, standard: Option<StandardField>) -> Result<FieldRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::add_field(&call.state, &call.actor()?, template, standard).await).await
}

/// Changes one value of a field. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "templates/edit-field", protocol = Json)]
pub async fn edit_field(id: FieldId, edit: ValueEdit<FieldValue>) -> Result<FieldRow, Error> {
    request_context::answer(async move |call: RequestContext| rules::edit_field(&call.state, &call.actor()?, id, edit).await).await
}

/// Deletes a field. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "templates/delete-field", protocol = Json)]
pub async fn delete_field(id: FieldId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::delete_field(&call.state, &call.actor()?, id).await).await
}
