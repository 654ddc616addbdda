//! Creates, updates and deletes projects.

use super::Reached;
use crate::{Core, actor::Actor, audit::Event, members, notifications};
use latchkey_store::{self as store, Tx, notifications::NewNotice};
use latchkey_types::{
    error::Fault,
    id::{ProjectId, UserId},
    notification::NoticeEvent,
    permission::Permission,
    project::{ProjectRow, WantedProject},
    validate,
};

fn validate(request: &WantedProject) -> Result<WantedProject, Fault> {
    Ok(WantedProject {
        name: validate::name("name", &request.name)?,
        description: validate::description("description", &request.description)?,
        visibility: request.visibility,
    })
}

/// Creates a project. Its creator becomes its first member, with their role in the organization. Needs *Manage Projects*.
pub async fn create(core: &Core, actor: &Actor, request: WantedProject) -> Result<ProjectRow, Fault> {
    actor.require(Permission::ManageProjects)?;
    let request = validate(&request)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageProjects).await?;
                let creator = store::members::find(&mut *tx, actor.organization, actor.user).await?.ok_or(Fault::SignedOut)?;
                let id = ProjectId::new();
                store::projects::insert(tx, id, actor.organization, &request, actor.user).await.map_err(name_taken)?;
                let role = creator.role_id.parse().map_err(|_| Fault::Internal)?;
                store::project_members::insert(tx, id, actor.user, role, actor.user).await?;
                auditor.record(tx, Event::new(&actor, "project.created", "project", id, &request.name)).await?;
                super::reach(tx, &actor, id).await?.row()
            })
        })
        .await
}

/// Updates a project. Needs *Manage Projects*, in the organization and in the project.
pub async fn edit(core: &Core, actor: &Actor, id: ProjectId, request: WantedProject) -> Result<ProjectRow, Fault> {
    actor.require(Permission::ManageProjects)?;
    let request = validate(&request);
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, before) = super::managed_now(tx, &actor, id).await?;
                // Permission (403) and existence (404) take precedence over validation errors.
                let request = request?;
                store::projects::update(tx, id, &request).await.map_err(name_taken)?;
                let event = Event::new(&actor, "project.edited", "project", id, &request.name)
                    .with("name_before", before.record.name)
                    .with("visibility_before", before.record.visibility)
                    .with("visibility", request.visibility.word());
                auditor.record(tx, event).await?;
                super::reach(tx, &actor, id).await?.row()
            })
        })
        .await
}

/// Deletes a project permanently. Its open requests are closed and its keys revoked immediately, with notifications to requesters and holders;
/// its secrets are removed. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, id: ProjectId) -> Result<(), Fault> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = super::managed_now(tx, &actor, id).await?;
                let actor_name = store::members::find(&mut *tx, actor.organization, actor.user).await?.ok_or(Fault::SignedOut)?.name;
                let closed = store::projects::close_requests(tx, id, actor.user).await?;
                notify_each(tx, &actor, &project, &actor_name, NoticeEvent::Closed, &closed).await?;
                let revoked = store::issued_keys::revoke_all(tx, id).await?;
                notify_each(tx, &actor, &project, &actor_name, NoticeEvent::Revoked, &revoked).await?;
                store::projects::delete(tx, id).await?;
                // Any of its keys may be cached.
                store::changes::note(tx, None).await?;
                let event = Event::new(&actor, "project.deleted", "project", id, &project.record.name)
                    .with("requests_closed", closed.len())
                    .with("keys_revoked", revoked.len());
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await?;
    core.verifier.forget(None);
    Ok(())
}

/// Notifies users except the actor. `recipients` are pairs of user id and template name.
async fn notify_each(
    tx: &mut Tx,
    actor: &Actor,
    project: &Reached,
    actor_name: &str,
    event: NoticeEvent,
    recipients: &[(String, String)],
) -> Result<(), Fault> {
    for (user, template) in recipients {
        let user: UserId = user.parse().map_err(|_| Fault::Internal)?;
        let notice = NewNotice {
            event,
            project_id: project.id,
            project: project.record.name.clone(),
            template: template.clone(),
            person: actor_name.to_owned(),
            word: String::new(),
        };
        if user != actor.user {
            notifications::tell(tx, &[user], &notice).await?;
        }
    }
    Ok(())
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "A project with this name already exists.")
}
