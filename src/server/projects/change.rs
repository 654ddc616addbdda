//! Making and changing projects.

use super::Reached;
use crate::{
    model::{
        fault::Fault,
        id::{ProjectId, UserId},
        notice::NoticeEvent,
        permission::Permission,
        project::{ProjectRow, WantedProject},
        text,
    },
    server::{
        actor::Actor,
        audit::Event,
        members, notices,
        state::AppState,
        store::{self, Tx, notices::NewNotice},
    },
};

/// What somebody typed, checked.
fn checked(wanted: &WantedProject) -> Result<WantedProject, Fault> {
    Ok(WantedProject {
        name: text::name("name", &wanted.name)?,
        description: text::description("description", &wanted.description)?,
        visibility: wanted.visibility,
    })
}

/// Makes a project; who makes it is its first member, with the role that they have in the organization. Needs *Manage Projects*.
///
/// # Errors
/// `Invalid` at `name` or `description`; `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create(state: &AppState, actor: &Actor, wanted: WantedProject) -> Result<ProjectRow, Fault> {
    actor.require(Permission::ManageProjects)?;
    let wanted = checked(&wanted)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageProjects).await?;
                let maker = store::members::find(&mut *tx, actor.organization, actor.user).await?.ok_or(Fault::SignedOut)?;
                let id = ProjectId::new();
                store::projects::insert(tx, id, actor.organization, &wanted, actor.user).await.map_err(name_taken)?;
                let role = maker.role_id.parse().map_err(|_| Fault::Internal)?;
                store::project_members::insert(tx, id, actor.user, role, actor.user).await?;
                auditor.record(tx, Event::new(&actor, "project.created", "project", id, &wanted.name)).await?;
                super::reach(tx, &actor, id).await?.row()
            })
        })
        .await
}

/// Changes a project. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Invalid` at `name` or `description`; `Conflict` at `name`; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn edit(state: &AppState, actor: &Actor, id: ProjectId, wanted: WantedProject) -> Result<ProjectRow, Fault> {
    actor.require(Permission::ManageProjects)?;
    let wanted = checked(&wanted);
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, before) = super::managed_now(tx, &actor, id).await?;
                // What it is about is judged before what it is to be.
                let wanted = wanted?;
                store::projects::update(tx, id, &wanted).await.map_err(name_taken)?;
                let event = Event::new(&actor, "project.edited", "project", id, &wanted.name)
                    .with("name_before", before.record.name)
                    .with("visibility_before", before.record.visibility)
                    .with("visibility", wanted.visibility.word());
                auditor.record(tx, event).await?;
                super::reach(tx, &actor, id).await?.row()
            })
        })
        .await
}

/// Deletes a project for good. Its open requests are closed, every key of it is taken back at once, and who asked or held one is told; its
/// secrets are removed. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn delete(state: &AppState, actor: &Actor, id: ProjectId) -> Result<(), Fault> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = super::managed_now(tx, &actor, id).await?;
                let person = store::members::find(&mut *tx, actor.organization, actor.user).await?.ok_or(Fault::SignedOut)?.name;
                let closed = store::projects::close_requests(tx, id, actor.user).await?;
                tell_each(tx, &actor, &project, &person, NoticeEvent::Closed, &closed).await?;
                let revoked = store::issued::revoke_all(tx, id).await?;
                tell_each(tx, &actor, &project, &person, NoticeEvent::Revoked, &revoked).await?;
                store::projects::delete(tx, id).await?;
                // Any of its keys may be known.
                store::changes::note(tx, None).await?;
                let event = Event::new(&actor, "project.deleted", "project", id, &project.record.name)
                    .with("requests_closed", closed.len())
                    .with("keys_revoked", revoked.len());
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await?;
    state.verifier.forget(None);
    Ok(())
}

/// Tells people, each with the template that it is about, but not the actor themself.
async fn tell_each(
    tx: &mut Tx,
    actor: &Actor,
    project: &Reached,
    person: &str,
    event: NoticeEvent,
    people: &[(String, String)],
) -> Result<(), Fault> {
    for (user, template) in people {
        let user: UserId = user.parse().map_err(|_| Fault::Internal)?;
        let notice = NewNotice {
            event,
            project_id: project.id,
            project: project.record.name.clone(),
            template: template.clone(),
            person: person.to_owned(),
            word: String::new(),
        };
        if user != actor.user {
            notices::tell(tx, &[user], &notice).await?;
        }
    }
    Ok(())
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "A project has this name already.")
}
