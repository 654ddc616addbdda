//! The rules for projects: visibility and permissions in a project.

mod change;
pub mod import;
pub mod members;
pub mod nodes;
pub mod secrets;

pub use change::{create, delete, edit};

use super::{Core, actor::Actor};
use latchkey_store::{self as store, Connection, projects::ProjectRecord};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, ProjectId, UserId},
    permission::{Permission, Permissions},
    project::{IN_PROJECT, ManagedResources, ProjectResources, ProjectRow, Visibility},
};

/// A project that is visible to an actor, with the actor's permissions in it.
#[derive(Debug, Clone)]
pub struct ProjectAccess {
    pub id: ProjectId,
    /// Includes the actor's role in the project.
    pub record: ProjectRecord,
    /// The actor's permissions in the project.
    pub permissions: Permissions,
}

impl ProjectAccess {
    /// `None` if the project is not visible to the actor.
    ///
    /// A permission in a project requires the same permission in the organization, and is granted by the role in the project.
    /// *Manage Members* in the organization grants every project permission without a role in the project; *View Project* is granted in
    /// projects that are visible to the organization.
    fn new(actor: &Actor, record: ProjectRecord) -> Option<Self> {
        let role_permissions = record.role_permissions.unwrap_or_default();
        let is_granted = |permission: Permission| {
            role_permissions.has(permission)
                || actor.permissions.has(Permission::ManageMembers)
                || (permission == Permission::ViewProject && record.visibility == Visibility::Organization)
        };
        let permissions: Vec<_> = IN_PROJECT.into_iter().filter(|permission| is_granted(*permission) && actor.permissions.has(*permission)).collect();
        (!permissions.is_empty()).then(|| Self { id: record.id, record, permissions: Permissions::of(&permissions) })
    }

    /// Requires a permission in the project.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.permissions.has(permission) { Ok(()) } else { Err(Error::forbidden(permission)) }
    }

    /// The project as lists show it. The number of pending requests is 0 for members who do not manage the project.
    pub fn row(&self) -> ProjectRow {
        let record = &self.record;
        let is_managed = self.permissions.has(Permission::ManageProjects);
        ProjectRow {
            id: self.id,
            name: record.name.clone(),
            description: record.description.clone(),
            visibility: record.visibility,
            created_by: record.creator.clone(),
            created_at: record.created_at,
            role: record.role.clone(),
            permissions: self.permissions,
            waiting: if is_managed { record.open_requests } else { 0 },
        }
    }
}

/// A project that is visible to the actor. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn find_visible(db: &mut Connection, actor: &Actor, id: ProjectId) -> Result<ProjectAccess, Error> {
    actor.require(Permission::ViewProject)?;
    let access = find_access(db, actor, id).await?;
    access.require(Permission::ViewProject)?;
    Ok(access)
}

/// Requires that the project is visible to the actor, or was until it was deleted. Needs *View Project*, in the organization and in the
/// project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn require_visible_or_deleted(db: &mut Connection, actor: &Actor, id: ProjectId) -> Result<(), Error> {
    actor.require(Permission::ViewProject)?;
    let record = store::projects::find_including_deleted(db, actor.organization, actor.user, id).await?.ok_or(Error::NotFound)?;
    ProjectAccess::new(actor, record).ok_or(Error::NotFound)?.require(Permission::ViewProject)
}

/// A project that the actor manages. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn find_managed(db: &mut Connection, actor: &Actor, id: ProjectId) -> Result<ProjectAccess, Error> {
    actor.require(Permission::ManageProjects)?;
    let access = find_access(db, actor, id).await?;
    access.require(Permission::ManageProjects)?;
    Ok(access)
}

async fn find_access(db: &mut Connection, actor: &Actor, id: ProjectId) -> Result<ProjectAccess, Error> {
    let record = store::projects::find(db, actor.organization, actor.user, id).await?.ok_or(Error::NotFound)?;
    ProjectAccess::new(actor, record).ok_or(Error::NotFound)
}

/// The projects that are visible to the actor, by name. Needs *View Project*.
pub async fn list(core: &Core, actor: &Actor) -> Result<Vec<ProjectRow>, Error> {
    actor.require(Permission::ViewProject)?;
    let all = store::projects::all(&core.store, actor.organization, actor.user).await?;
    Ok(all.into_iter().filter_map(|record| ProjectAccess::new(actor, record)).map(|access| access.row()).collect())
}

/// One project. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn get(core: &Core, actor: &Actor, id: ProjectId) -> Result<ProjectRow, Error> {
    Ok(find_visible(&mut *core.store.connection().await?, actor, id).await?.row())
}

/// The members and nodes of a project; for its managers also its secrets, and the users and roles that they can add. Needs *View Project*, in
/// the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn resources(core: &Core, actor: &Actor, id: ProjectId) -> Result<ProjectResources, Error> {
    let mut db = core.store.connection().await?;
    let project = find_visible(&mut db, actor, id).await?;
    let managed = if project.permissions.has(Permission::ManageProjects) {
        Some(ManagedResources {
            candidates: members::candidates(&mut db, actor, id).await?,
            roles: members::assignable_roles(&mut db, actor).await?,
            secrets: secrets::list_in(&mut db, id).await?,
            keys: store::issued_keys::count_in_use(&mut db, id).await?,
        })
    } else {
        None
    };
    Ok(ProjectResources { members: members::list_in(&mut db, actor, &project).await?, nodes: nodes::list_in(&mut db, id).await?, managed })
}

/// The users who are notified of access requests: the managers of the project or, if it has none, the users who manage both the
/// organization's members and its projects.
pub async fn approvers(db: &mut Connection, organization: OrganizationId, project: ProjectId) -> Result<Vec<UserId>, Error> {
    let managers = managers(db, project).await?;
    if !managers.is_empty() {
        return Ok(managers);
    }
    let required = Permissions::of(&[Permission::ManageMembers, Permission::ManageProjects]);
    let all = store::members::active(db, organization).await?;
    Ok(all.into_iter().filter(|(_, permissions)| permissions.first_missing(required).is_none()).map(|(id, _)| id).collect())
}

/// The active members who manage a project, and can approve or reject access requests.
pub async fn managers(db: &mut Connection, project: ProjectId) -> Result<Vec<UserId>, Error> {
    let can_manage = |permissions: &Permissions| permissions.has(Permission::ManageProjects);
    let members = store::projects::active_members(db, project).await?;
    let managers = members.into_iter().filter(|(_, in_project, in_organization)| can_manage(in_project) && can_manage(in_organization));
    Ok(managers.map(|(id, _, _)| id).collect())
}
