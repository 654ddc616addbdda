//! Making and changing projects.

use crate::{
    model::{
        fault::Fault,
        id::ProjectId,
        permission::Permission,
        project::{ProjectRow, WantedProject},
        text,
    },
    server::{actor::Actor, audit::Event, members, state::AppState, store},
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
                store::projects::insert_member(tx, id, actor.user, role, actor.user).await?;
                auditor.record(tx, Event::new(&actor, "project.created", "project", id, &wanted.name)).await?;
                super::reach(tx, &actor, id).await?.row()
            })
        })
        .await
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "A project has this name already.")
}
