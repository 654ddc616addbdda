//! Making and deleting templates.

use super::{fresh_name, managed_now, read, require, roles};
use crate::{
    model::{
        fault::Fault,
        id::{ProjectId, RoleId, TemplateId},
        permission::Permission,
        template::{RoleChoice, TEMPLATES_MAX, TemplateRow},
    },
    server::{actor::Actor, audit::Event, projects, requests, state::AppState, store},
};

/// Makes a template with a name that no other has and nothing else, to be edited. Its role is the least that sees the project, of those
/// that the actor may give. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `project` when it has [`TEMPLATES_MAX`], at `role` when there is no role to give; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn create(state: &AppState, actor: &Actor, project: ProjectId) -> Result<TemplateRow, Fault> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached) = projects::managed_now(tx, &actor, project).await?;
                let all = store::templates::of_project(tx, project).await?;
                if all.len() >= TEMPLATES_MAX {
                    return Err(Fault::conflict(
                        "project",
                        format!("A project has at most {TEMPLATES_MAX} templates. Delete one that nobody needs."),
                    ));
                }
                let role = first_role(&roles(tx, &actor).await?);
                let role = role.ok_or_else(|| Fault::conflict("role", "There is no role that you could give to a key."))?;
                let (id, name) = (TemplateId::new(), fresh_name("New template", all.iter().map(|template| template.name.as_str())));
                store::templates::insert(tx, id, project, &name, role, actor.user).await?;
                let event = Event::new(&actor, "template.created", "template", id, &name).with("project", reached.record.name);
                auditor.record(tx, event).await?;
                read(tx, &actor, id).await
            })
        })
        .await
}

/// Of the roles that may be given the one with the fewest permissions that sees the project; else the one with the fewest.
fn first_role(roles: &[RoleChoice]) -> Option<RoleId> {
    let blind = |role: &RoleChoice| !role.permissions.has(Permission::ViewProject);
    let given = roles.iter().filter(|role| role.may_give);
    given.min_by_key(|role| (blind(role), role.permissions.iter().count())).map(|role| role.id)
}

/// Deletes a template for good. Its open requests are closed, and who asked hears of it; keys that were issued stay as they are. Needs
/// *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn delete(state: &AppState, actor: &Actor, id: TemplateId) -> Result<(), Fault> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, template) = managed_now(tx, &actor, id).await?;
                let closed = requests::close_all(tx, &auditor, &actor, &reached, id).await?;
                store::templates::delete(tx, id).await?;
                let event = Event::new(&actor, "template.deleted", "template", id, &template.name)
                    .with("project", reached.record.name)
                    .with("closed_requests", closed)
                    .with("keys", template.keys);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}
