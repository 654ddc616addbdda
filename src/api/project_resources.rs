//! Members, nodes and secrets of a project.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::{KeyId, ProjectId, ProjectSecretId, RoleId, UserId},
    project::{NodeRow, ProjectResources, SecretRow},
    secret::TypedSecret,
    secret_import::SecretNamePreview,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::projects::{self as rules, import as import_rules, members, nodes, secrets};

/// Returns members and nodes of a project, and for its managers also its secrets. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/resources", protocol = Json)]
pub async fn list_project_resources(id: ProjectId) -> Result<ProjectResources, Error> {
    request_context::answer(async move |call: RequestContext| rules::resources(&call.state, &call.actor()?, id).await).await
}

/// Adds an active member of the organization to a project. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/add-member", protocol = Json)]
pub async fn add_project_member(id: ProjectId, user: UserId, role: RoleId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| members::add(&call.state, &call.actor()?, id, user, role).await).await
}

/// Changes the role of a member in a project. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/set-member-role", protocol = Json)]
pub async fn set_project_role(id: ProjectId, user: UserId, role: RoleId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| members::set_role(&call.state, &call.actor()?, id, user, role).await).await
}

/// Removes a member from a project. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/remove-member", protocol = Json)]
pub async fn remove_project_member(id: ProjectId, user: UserId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| members::remove(&call.state, &call.actor()?, id, user).await).await
}

/// Adds a node to a project. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/create-node", protocol = Json)]
pub async fn create_node(id: ProjectId, name: String) -> Result<NodeRow, Error> {
    request_context::answer(async move |call: RequestContext| nodes::create(&call.state, &call.actor()?, id, &name).await).await
}

/// Renames a node. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/rename-node", protocol = Json)]
pub async fn rename_node(id: ProjectId, node: i64, name: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| nodes::rename(&call.state, &call.actor()?, id, node, &name).await).await
}

/// Deletes a node. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/delete-node", protocol = Json)]
pub async fn delete_node(id: ProjectId, node: i64) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| nodes::delete(&call.state, &call.actor()?, id, node).await).await
}

/// Creates a secret of a project. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/create-secret", protocol = Json)]
pub async fn create_secret(id: ProjectId, name: String, value: TypedSecret) -> Result<SecretRow, Error> {
    request_context::answer(async move |call: RequestContext| secrets::create(&call.state, &call.actor()?, id, &name, &value).await).await
}

/// Replaces the value of a secret. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/replace-secret", protocol = Json)]
pub async fn replace_secret(id: ProjectId, secret: ProjectSecretId, value: TypedSecret) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| secrets::replace(&call.state, &call.actor()?, id, secret, &value).await).await
}

/// Deletes a secret permanently. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/delete-secret", protocol = Json)]
pub async fn delete_secret(id: ProjectId, secret: ProjectSecretId) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| secrets::delete(&call.state, &call.actor()?, id, secret).await).await
}

/// Returns the names of the secrets that an import of the key would create, and which of them exist. The user must hold the key. Needs
/// *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/import-preview", protocol = Json)]
pub async fn preview_import(key: KeyId, project: ProjectId, prefix: String) -> Result<Vec<SecretNamePreview>, Error> {
    request_context::answer(async move |call: RequestContext| import_rules::preview(&call.state, &call.actor()?, key, project, &prefix).await).await
}

/// Imports a key and its fields as secrets of a project: all of them or none. The user must hold the key. Needs *Manage Projects*, in the
/// organization and in the project.
#[server(prefix = "/fn", endpoint = "projects/import", protocol = Json)]
pub async fn import_key(key: KeyId, token: TypedSecret, project: ProjectId, prefix: String) -> Result<Vec<SecretRow>, Error> {
    request_context::answer(async move |call: RequestContext| import_rules::import(&call.state, &call.actor()?, key, &token, project, &prefix).await)
        .await
}
