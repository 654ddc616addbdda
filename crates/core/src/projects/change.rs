//! Creates, updates and deletes projects.

use super::ProjectAccess;
use crate::{Core, actor::Actor, notifications};
use latchkey_store::{self as store, Tx, notifications::NewNotification};
use latchkey_types::{
    error::Error,
    id::{ProjectId, UserId},
    notification::NotificationEvent,
    permission::Permission,
    project::{ProjectRequest, ProjectRow},
    validate,
};

fn validate(request: &ProjectRequest) -> Result<ProjectRequest, Error> {
    Ok(ProjectRequest {
        name: validate::name("name", &request.name)?,
        description: validate::description("description", &request.description)?,
        visibility: request.visibility,
    })
}

/// Creates a project. Its creator becomes its first member, with their role in the organization. Needs *Manage Projects*.
pub async fn create(core: &Core, actor: &Actor, request: ProjectRequest) -> Result<ProjectRow, Error> {
    actor.require(Permission::ManageProjects)?;
    let request = validate(&request)?;
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let creator = store::members::find(&mut change.tx, change.actor.organization, change.actor.user).await?.ok_or(Error::SignedOut)?;
    let id = ProjectId::new();
    store::projects::insert(&mut change.tx, id, change.actor.organization, &request, change.actor.user).await.map_err(name_taken)?;
    store::project_members::insert(&mut change.tx, id, change.actor.user, creator.role_id, change.actor.user).await?;
    let created = super::find_access(&mut change.tx, &change.actor, id).await?.row();
    let event = change.event("project.created", "project", id, &request.name);
    change.commit([event]).await?;
    Ok(created)
}

/// Updates a project. Needs *Manage Projects*, in the organization and in the project.
pub async fn edit(core: &Core, actor: &Actor, id: ProjectId, request: ProjectRequest) -> Result<ProjectRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let before = super::find_managed(&mut change.tx, &change.actor, id).await?;
    // Permission (403) and existence (404) take precedence over validation errors.
    let request = validate(&request)?;
    store::projects::update(&mut change.tx, id, &request).await.map_err(name_taken)?;
    let edited = super::find_access(&mut change.tx, &change.actor, id).await?.row();
    let event = change
        .event("project.edited", "project", id, &request.name)
        .with("name_before", before.record.name)
        .with("visibility_before", before.record.visibility.as_str())
        .with("visibility", request.visibility.as_str());
    change.commit([event]).await?;
    Ok(edited)
}

/// Deletes a project permanently. Its open requests are closed and its keys revoked immediately, with notifications to requesters and holders;
/// its secrets are removed. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, id: ProjectId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = super::find_managed(&mut change.tx, &change.actor, id).await?;
    let actor_name = store::members::find(&mut change.tx, change.actor.organization, change.actor.user).await?.ok_or(Error::SignedOut)?.name;
    let closed = store::projects::close_requests(&mut change.tx, id, change.actor.user).await?;
    notify_each(&mut change.tx, &change.actor, &project, &actor_name, NotificationEvent::Closed, &closed).await?;
    let revoked = store::issued_keys::revoke_all(&mut change.tx, id).await?;
    notify_each(&mut change.tx, &change.actor, &project, &actor_name, NotificationEvent::Revoked, &revoked).await?;
    store::projects::delete(&mut change.tx, id).await?;
    let event = change
        .event("project.deleted", "project", id, &project.record.name)
        .with("requests_closed", closed.len())
        .with("keys_revoked", revoked.len());
    change.commit([event]).await
}

/// Notifies users except the actor. `recipients` are pairs of user id and template name.
async fn notify_each(
    tx: &mut Tx,
    actor: &Actor,
    project: &ProjectAccess,
    actor_name: &str,
    event: NotificationEvent,
    recipients: &[(UserId, String)],
) -> Result<(), Error> {
    for (user, template) in recipients {
        let notice = NewNotification {
            event,
            project_id: project.id,
            project: project.record.name.clone(),
            template: template.clone(),
            actor_name: actor_name.to_owned(),
            comment: String::new(),
        };
        if *user != actor.user {
            notifications::notify(tx, &[*user], &notice).await?;
        }
    }
    Ok(())
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A project with this name already exists.")
}
