//! Creates and deletes key templates.

use super::{find_managed, read, roles, unused_name};
use crate::{Core, access_requests, actor::Actor, projects};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::{ProjectId, RoleId, TemplateId},
    key_template::{TEMPLATES_MAX, TemplateRoleOption, TemplateRow},
    permission::Permission,
};

/// Creates a draft of a template with an unused name and default values, to be edited afterwards. Its role is the least privileged one that the
/// actor may assign and that includes *View Project*. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `project` if it has [`TEMPLATES_MAX`] templates, at `role` if there is no role that the actor may assign.
pub async fn create(core: &Core, actor: &Actor, project: ProjectId) -> Result<TemplateRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let access = projects::find_managed(&mut change.tx, &change.actor, project).await?;
    let all = store::key_templates::of_project(&mut change.tx, project).await?;
    if all.len() >= TEMPLATES_MAX {
        return Err(Error::conflict("project", format!("A project has at most {TEMPLATES_MAX} templates. Delete one first.")));
    }
    let role = first_role(&roles(&mut change.tx, &change.actor).await?);
    let role = role.ok_or_else(|| Error::conflict("role", "There is no role that you can assign to a key."))?;
    let (id, name) = (TemplateId::new(), unused_name("New template", all.iter().map(|template| template.name.as_str())));
    store::key_templates::insert(&mut change.tx, id, project, &name, role, change.actor.user).await?;
    let created = read(&mut change.tx, &change.actor, id).await?;
    let event = change.event("template.created", "template", id, &name).with("project", access.record.name);
    change.commit([event]).await?;
    Ok(created)
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
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, template) = find_managed(&mut change.tx, &change.actor, id).await?;
    let mut events = access_requests::close_all(&mut change, &access, id).await?;
    store::key_templates::delete(&mut change.tx, id).await?;
    let event = change
        .event("template.deleted", "template", id, &template.name)
        .with("project", access.record.name)
        .with("closed_requests", events.len())
        .with("keys", template.keys);
    events.push(event);
    change.commit(events).await
}
