//! The rules for key templates: predefined settings that project keys are issued with.

mod change;
mod edit;
mod fields;

pub use change::{create, delete};
pub use edit::edit;
pub use fields::{add_field, delete_field, edit_field};

use super::{
    Core,
    actor::Actor,
    projects::{self, ProjectAccess},
};
use latchkey_store::{
    self as store, Connection, fold,
    key_templates::{FieldRecord, TemplateRecord},
};
use latchkey_types::{
    error::Error,
    id::{ProjectId, TemplateId},
    key_template::{FieldRow, NodeOption, TemplateRoleOption, TemplateRow, TemplatesPageData},
};

/// A project's templates with their fields, oldest first.
pub async fn of_project(db: &mut Connection, project: ProjectId) -> Result<Vec<(TemplateRecord, Vec<FieldRow>)>, Error> {
    let templates = store::key_templates::of_project(db, project).await?;
    let mut fields = store::key_templates::fields_of_project(db, project).await?;
    let with_fields = |template: TemplateRecord| {
        let own: Vec<_> = fields.extract_if(.., |field| field.template_id == template.id).map(FieldRecord::row).collect();
        (template, own)
    };
    Ok(templates.into_iter().map(with_fields).collect())
}

/// All data of a project's template page. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn page(core: &Core, actor: &Actor, project: ProjectId) -> Result<TemplatesPageData, Error> {
    let mut db = core.store.connection().await?;
    let access = projects::find_managed(&mut db, actor, project).await?;
    let templates = of_project(&mut db, project).await?;
    let nodes = store::project_nodes::all(&mut db, project).await?;
    let requests = super::access_requests::open_requests(&mut db, project).await?;
    let (_, currency) = store::organizations::settings(&mut db, actor.organization).await?;
    let roles = roles(&mut db, actor).await?;
    Ok(TemplatesPageData {
        project: access.row(),
        templates: templates.into_iter().map(|(template, fields)| template.row(fields)).collect(),
        roles,
        nodes: nodes.into_iter().map(|node| NodeOption { id: node.id, name: node.name }).collect(),
        requests,
        currency,
    })
}

/// The organization's roles, and which of them the actor may assign.
async fn roles(db: &mut Connection, actor: &Actor) -> Result<Vec<TemplateRoleOption>, Error> {
    let roles = store::roles::list(db, actor.organization).await?;
    let choice = |role: store::roles::RoleRecord| {
        let can_grant = actor.permissions.first_missing(role.permissions).is_none();
        TemplateRoleOption { id: role.id, name: role.name, permissions: role.permissions, can_grant }
    };
    Ok(roles.into_iter().map(choice).collect())
}

/// A template that is not deleted, of a project that the actor manages, with that project.
async fn find_managed(db: &mut Connection, actor: &Actor, id: TemplateId) -> Result<(ProjectAccess, TemplateRecord), Error> {
    let template = store::key_templates::find(db, actor.organization, id).await?.ok_or(Error::NotFound)?;
    let access = projects::find_managed(db, actor, template.project_id).await?;
    if template.deleted_at.is_some() {
        return Err(Error::NotFound);
    }
    Ok((access, template))
}

/// A template with its fields.
async fn read(db: &mut Connection, actor: &Actor, id: TemplateId) -> Result<TemplateRow, Error> {
    let template = store::key_templates::find(db, actor.organization, id).await?.ok_or(Error::Internal)?;
    let fields = store::key_templates::fields(db, id).await?.into_iter().map(FieldRecord::row).collect();
    Ok(template.row(fields))
}

/// The first of `New …`, `New … 2` and so on that is not taken, ignoring case.
fn unused_name<'a>(first: &str, taken: impl Iterator<Item = &'a str>) -> String {
    let taken: Vec<_> = taken.map(fold).collect();
    let names = (1..).map(|number| if number == 1 { first.to_owned() } else { format!("{first} {number}") });
    names.into_iter().find(|name| !taken.contains(&fold(name))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_names_are_numbered() {
        assert_eq!(unused_name("New template", [].into_iter()), "New template");
        assert_eq!(unused_name("New template", ["NEW TEMPLATE", "New template 2", "New template 4"].into_iter()), "New template 3");
    }
}
