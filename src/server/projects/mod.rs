//! The rules for projects: who sees them, and what they may do there.

mod change;
pub mod import;
pub mod members;
pub mod nodes;
pub mod secrets;

pub use change::{create, delete, edit};

use super::{
    actor::Actor,
    members::as_they_stand,
    state::AppState,
    store::{self, Tx, projects::ProjectRecord},
};
use crate::model::{
    fault::Fault,
    id::{OrganizationId, ProjectId, UserId},
    permission::{Permission, Permissions},
    project::{Belongings, IN_PROJECT, ManagedBelongings, ProjectRow, Visibility},
    time::Timestamp,
};

/// A project that somebody sees, and what they may do in it.
#[derive(Debug, Clone)]
pub struct Reached {
    /// Its id.
    pub id: ProjectId,
    /// The project, as it is to them.
    pub record: ProjectRecord,
    /// What they may do in it.
    pub permissions: Permissions,
}

impl Reached {
    /// `None` for one that they don't see.
    ///
    /// In a project people may do what their role there lets them, and never more than their role in the organization does. Whoever
    /// manages the organization's members is in every project with all of that, whatever role they were given in it, and what everyone sees
    /// nobody is kept from seeing.
    fn new(actor: &Actor, record: ProjectRecord) -> Result<Option<Self>, Fault> {
        let visibility: Visibility = record.visibility.parse().map_err(|_| Fault::Internal)?;
        let of_role = Permissions::from_words(record.role_permissions.as_deref().unwrap_or_default());
        let is_given = |permission: Permission| {
            of_role.has(permission)
                || actor.permissions.has(Permission::ManageMembers)
                || (permission == Permission::ViewProject && visibility == Visibility::Organization)
        };
        let permissions: Vec<_> = IN_PROJECT.into_iter().filter(|permission| is_given(*permission) && actor.permissions.has(*permission)).collect();
        let id = record.id.parse().map_err(|_| Fault::Internal)?;
        Ok((!permissions.is_empty()).then(|| Self { id, record, permissions: Permissions::of(&permissions) }))
    }

    /// Goes on only with this permission in the project.
    ///
    /// # Errors
    /// `Forbidden`, naming it.
    pub fn require(&self, permission: Permission) -> Result<(), Fault> {
        if self.permissions.has(permission) { Ok(()) } else { Err(Fault::forbidden(permission)) }
    }

    /// What lists show of it.
    ///
    /// # Errors
    /// `Internal` when a stored word is none of ours.
    pub fn row(&self) -> Result<ProjectRow, Fault> {
        let record = &self.record;
        let is_managed = self.permissions.has(Permission::ManageProjects);
        Ok(ProjectRow {
            id: self.id,
            name: record.name.clone(),
            description: record.description.clone(),
            visibility: record.visibility.parse().map_err(|_| Fault::Internal)?,
            created_by: record.creator.clone(),
            created_at: Timestamp(record.created_at),
            role: record.role.clone(),
            permissions: self.permissions,
            waiting: if is_managed { record.waiting } else { 0 },
        })
    }
}

/// A project that the actor sees. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for one that they don't see; `Forbidden`, `Unavailable`.
pub async fn seen(db: &mut Tx, actor: &Actor, id: ProjectId) -> Result<Reached, Fault> {
    actor.require(Permission::ViewProject)?;
    let reached = reach(db, actor, id).await?;
    reached.require(Permission::ViewProject)?;
    Ok(reached)
}

/// Goes on only where the actor sees a project, or saw it until it was deleted. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for one that they don't see; `Forbidden`, `Unavailable`.
pub async fn require_seen_ever(db: &mut Tx, actor: &Actor, id: ProjectId) -> Result<(), Fault> {
    actor.require(Permission::ViewProject)?;
    let record = store::projects::find_ever(db, actor.organization, actor.user, id).await?.ok_or(Fault::NotFound)?;
    Reached::new(actor, record)?.ok_or(Fault::NotFound)?.require(Permission::ViewProject)
}

/// A project that the actor manages, for reading. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for one that they don't see; `Forbidden`, `Unavailable`.
pub async fn managed(db: &mut Tx, actor: &Actor, id: ProjectId) -> Result<Reached, Fault> {
    actor.require(Permission::ManageProjects)?;
    let reached = reach(db, actor, id).await?;
    reached.require(Permission::ManageProjects)?;
    Ok(reached)
}

/// A project that the actor manages, inside the transaction that changes it: the actor, as they stand now, and the project. Needs
/// *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for one that they don't see; `SignedOut`, `Forbidden`, `Unavailable`.
pub async fn managed_now(tx: &mut Tx, actor: &Actor, id: ProjectId) -> Result<(Actor, Reached), Fault> {
    let actor = as_they_stand(tx, actor, Permission::ManageProjects).await?;
    let reached = managed(tx, &actor, id).await?;
    Ok((actor, reached))
}

async fn reach(db: &mut Tx, actor: &Actor, id: ProjectId) -> Result<Reached, Fault> {
    let record = store::projects::find(db, actor.organization, actor.user, id).await?.ok_or(Fault::NotFound)?;
    Reached::new(actor, record)?.ok_or(Fault::NotFound)
}

/// The projects that the actor sees, by name. Needs *View Project*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn list(state: &AppState, actor: &Actor) -> Result<Vec<ProjectRow>, Fault> {
    actor.require(Permission::ViewProject)?;
    let all = store::projects::all(&state.store, actor.organization, actor.user).await?;
    let reached = all.into_iter().filter_map(|record| Reached::new(actor, record).transpose());
    reached.map(|reached| reached.and_then(|reached| reached.row())).collect()
}

/// One project. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for one that they don't see; `Forbidden`, `Unavailable`.
pub async fn get(state: &AppState, actor: &Actor, id: ProjectId) -> Result<ProjectRow, Fault> {
    seen(&mut *state.store.read()?.acquire().await?, actor, id).await?.row()
}

/// Who and what belongs to a project; what those see alone who manage it, for them. Needs *View Project*, in the organization and in the
/// project.
///
/// # Errors
/// `NotFound` also for one that they don't see; `Forbidden`, `Unavailable`.
pub async fn belongings(state: &AppState, actor: &Actor, id: ProjectId) -> Result<Belongings, Fault> {
    let mut db = state.store.read()?.acquire().await?;
    let project = seen(&mut db, actor, id).await?;
    let managed = if project.permissions.has(Permission::ManageProjects) {
        Some(ManagedBelongings {
            candidates: members::candidates(&mut db, actor, id).await?,
            roles: members::roles(&mut db, actor).await?,
            secrets: secrets::of(&mut db, id).await?,
        })
    } else {
        None
    };
    Ok(Belongings { members: members::of(&mut db, actor, &project).await?, nodes: nodes::of(&mut db, id).await?, managed })
}

/// Who hears of requests: those who manage the project, or where it has nobody left who does, those who manage the organization's members.
///
/// # Errors
/// `Unavailable`.
pub async fn deciders(tx: &mut Tx, organization: OrganizationId, project: ProjectId) -> Result<Vec<UserId>, Fault> {
    let managers = managers(tx, project).await?;
    if !managers.is_empty() {
        return Ok(managers);
    }
    let decides = Permissions::of(&[Permission::ManageMembers, Permission::ManageProjects]);
    let all = store::members::active(tx, organization).await?;
    let deciding = all.iter().filter(|(_, words)| Permissions::from_words(words).first_missing(decides).is_none());
    deciding.map(|(id, _)| id.parse().map_err(|_| Fault::Internal)).collect()
}

/// The members of a project who manage it, and so decide on requests.
///
/// # Errors
/// `Unavailable`.
pub async fn managers(tx: &mut Tx, project: ProjectId) -> Result<Vec<UserId>, Fault> {
    let may = |words: &str| Permissions::from_words(words).has(Permission::ManageProjects);
    let members = store::projects::active_members(tx, project).await?;
    let deciding = members.iter().filter(|(_, there, here)| may(there) && may(here));
    deciding.map(|(id, _, _)| id.parse().map_err(|_| Fault::Internal)).collect()
}
