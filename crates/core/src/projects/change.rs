//! Creates, updates and deletes projects.

use super::ProjectAccess;
use crate::actor::reload_actor;
use crate::{Core, actor::Actor, audit::Event, notifications};
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
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageProjects).await?;
                let creator = store::members::find(&mut *tx, actor.organization, actor.user).await?.ok_or(Error::SignedOut)?;
                let id = ProjectId::new();
                store::projects::insert(tx, id, actor.organization, &request, actor.user).await.map_err(name_taken)?;
                let role = creator.role_id.parse().map_err(|_| Error::Internal)?;
                store::project_members::insert(tx, id, actor.user, role, actor.user).await?;
                auditor.record(tx, Event::new(&actor, "project.created", "project", id, &request.name)).await?;
                super::find_access(tx, &actor, id).await?.row()
            })
        })
        .await
}

/// Updates a project. Needs *Manage Projects*, in the organization and in the project.
pub async fn edit(core: &Core, actor: &Actor, id: ProjectId, request: ProjectRequest) -> Result<ProjectRow, Error> {
    actor.require(Permission::ManageProjects)?;
    let request = validate(&request);
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, before) = super::find_managed_for_update(tx, &actor, id).await?;
                // Permission (403) and existence (404) take precedence over validation errors.
                let request = request?;
                store::projects::update(tx, id, &request).await.map_err(name_taken)?;
                let event = Event::new(&actor, "project.edited", "project", id, &request.name)
                    .with("name_before", before.record.name)
                    .with("visibility_before", before.record.visibility)
                    .with("visibility", request.visibility.as_str());
                auditor.record(tx, event).await?;
                super::find_access(tx, &actor, id).await?.row()
            })
        })
        .await
}

/// Deletes a project permanently. Its open requests are closed and its keys revoked immediately, with notifications to requesters and holders;
/// its secrets are removed. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, id: ProjectId) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = super::find_managed_for_update(tx, &actor, id).await?;
                let actor_name = store::members::find(&mut *tx, actor.organization, actor.user).await?.ok_or(Error::SignedOut)?.name;
                let closed = store::projects::close_requests(tx, id, actor.user).await?;
                notify_each(tx, &actor, &project, &actor_name, NotificationEvent::Closed, &closed).await?;
                let revoked = store::issued_keys::revoke_all(tx, id).await?;
                notify_each(tx, &actor, &project, &actor_name, NotificationEvent::Revoked, &revoked).await?;
                store::projects::delete(tx, id).await?;
                // Any of its keys may be cached.
                store::verdict_changes::record(tx, None).await?;
                let event = Event::new(&actor, "project.deleted", "project", id, &project.record.name)
                    .with("requests_closed", closed.len())
                    .with("keys_revoked", revoked.len());
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    Ok(())
}

/// Notifies users except the actor. `recipients` are pairs of user id and template name.
async fn notify_each(
    tx: &mut Tx,
    actor: &Actor,
    project: &ProjectAccess,
    actor_name: &str,
    event: NotificationEvent,
    recipients: &[(String, String)],
) -> Result<(), Error> {
    for (user, template) in recipients {
        let user: UserId = user.parse().map_err(|_| Error::Internal)?;
        let notice = NewNotification {
            event,
            project_id: project.id,
            project: project.record.name.clone(),
            template: template.clone(),
            actor_name: actor_name.to_owned(),
            comment: String::new(),
        };
        if user != actor.user {
            notifications::notify(tx, &[user], &notice).await?;
        }
    }
    Ok(())
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A project with this name already exists.")
}
