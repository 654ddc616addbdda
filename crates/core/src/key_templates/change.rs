//! Creates and deletes key templates.

use super::{find_managed_for_update, read, require, roles, unused_name};
use crate::{Core, access_requests, actor::Actor, audit::Event, projects};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::{ProjectId, RoleId, TemplateId},
    key_template::{TEMPLATES_MAX, TemplateRoleOption, TemplateRow},
    permission::Permission,
};

/// Creates a template with an unused name and default values, to be edited afterwards. Its role is the least privileged one that the actor may
/// assign and that includes *View Project*. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `project` if it has [`TEMPLATES_MAX`] templates, at `role` if there is no role that the actor may assign.
pub async fn create(core: &Core, actor: &Actor, project: ProjectId) -> Result<TemplateRow, Error> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access) = projects::find_managed_for_update(tx, &actor, project).await?;
                let all = store::key_templates::of_project(tx, project).await?;
                if all.len() >= TEMPLATES_MAX {
                    return Err(Error::conflict("project", format!("A project has at most {TEMPLATES_MAX} templates. Delete one first.")));
                }
                let role = first_role(&roles(tx, &actor).await?);
                let role = role.ok_or_else(|| Error::conflict("role", "There is no role that you can assign to a key."))?;
                let (id, name) = (TemplateId::new(), unused_name("New template", all.iter().map(|template| template.name.as_str())));
                store::key_templates::insert(tx, id, project, &name, role, actor.user).await?;
                let event = Event::new(&actor, "template.created", "template", id, &name).with("project", access.record.name);
                auditor.record(tx, event).await?;
                read(tx, &actor, id).await
            })
        })
        .await
}

/// The assignable role with the fewest permissions, preferring roles with *View Project*.
fn first_role(roles: &[TemplateRoleOption]) -> Option<RoleId> {
    let lacks_view = |role: &TemplateRoleOption| !role.permissions.has(Permission::ViewProject);
    let assignable = roles.iter().filter(|role| role.can_grant);
    assignable.min_by_key(|role| (lacks_view(role), role.permissions.iter().count())).map(|role| role.id)
}

/// Deletes a template permanently. Its open requests are closed and the requesters notified; issued keys remain valid. Needs
/// *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, id: TemplateId) -> Result<(), Error> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, template) = find_managed_for_update(tx, &actor, id).await?;
                let closed = access_requests::close_all(tx, &auditor, &actor, &access, id).await?;
                store::key_templates::delete(tx, id).await?;
                let event = Event::new(&actor, "template.deleted", "template", id, &template.name)
                    .with("project", access.record.name)
                    .with("closed_requests", closed)
                    .with("keys", template.keys);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}
