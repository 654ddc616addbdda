//! Project members. An actor can assign or remove only roles whose permissions they hold.

use super::{ProjectAccess, find_managed_for_update, managers};
use crate::{Core, actor::Actor, audit::Event};
use latchkey_store::{self as store, Tx, fold, project_members::ProjectMemberRecord, roles::RoleRecord};
use latchkey_types::{
    error::Error,
    id::{ProjectId, RoleId, UserId},
    permission::Permission,
    project::{Candidate, ProjectMember, RoleOption},
    time::Timestamp,
};

/// The members of a project, by name. Email addresses are included only for managers of the project.
pub(super) async fn list_in(db: &mut Tx, actor: &Actor, project: &ProjectAccess) -> Result<Vec<ProjectMember>, Error> {
    let is_managed = project.permissions.has(Permission::ManageProjects);
    let own = actor.user.to_string();
    let mut all = store::project_members::all(db, project.id).await?;
    all.sort_by_cached_key(|member| fold(&member.name));
    let rows = all.into_iter().map(|member| {
        Ok(ProjectMember {
            user: member.user_id.parse().map_err(|_| Error::Internal)?,
            permissions: member.allows(),
            is_you: member.user_id == own,
            name: member.name,
            email: is_managed.then_some(member.email),
            role_id: member.role_id.parse().map_err(|_| Error::Internal)?,
            role: member.role,
            added_at: Timestamp(member.added_at),
            is_disabled: member.disabled_at.is_some(),
        })
    });
    rows.collect()
}

/// The organization's members who can be added to a project, by name.
pub(super) async fn candidates(db: &mut Tx, actor: &Actor, project: ProjectId) -> Result<Vec<Candidate>, Error> {
    let mut all = store::project_members::candidates(db, actor.organization, project).await?;
    all.sort_by_cached_key(|(_, name, email)| (fold(name), email.clone()));
    all.into_iter().map(|(user, name, email)| Ok(Candidate { user: user.parse().map_err(|_| Error::Internal)?, name, email })).collect()
}

/// The roles that the actor may assign.
pub(super) async fn assignable_roles(db: &mut Tx, actor: &Actor) -> Result<Vec<RoleOption>, Error> {
    let all = store::roles::list(db, actor.organization).await?;
    let assignable = all.into_iter().filter(|role| actor.permissions.first_missing(role.allows()).is_none());
    assignable.map(|role| Ok(RoleOption { id: role.id.parse().map_err(|_| Error::Internal)?, name: role.name })).collect()
}

/// Adds an active member of the organization to a project. Needs *Manage Projects*, in the organization and in the project, and every
/// permission of the role.
///
/// # Errors
/// `Conflict` at `user` if the user is already a member of the project.
pub async fn add(core: &Core, actor: &Actor, project: ProjectId, user: UserId, role: RoleId) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = find_managed_for_update(tx, &actor, project).await?;
                let member = store::members::find(&mut *tx, actor.organization, user).await?;
                let member = member.filter(|member| member.disabled_at.is_none()).ok_or(Error::NotFound)?;
                let role = find_assignable_role(tx, &actor, role).await?;
                let role_id = role.id.parse().map_err(|_| Error::Internal)?;
                let added = store::project_members::insert(tx, project.id, user, role_id, actor.user).await;
                added.map_err(|error| error.or_conflict("user", &format!("{} is already a member of this project.", member.name)))?;
                let event = event(&actor, "project.member_added", &project, user, &member.name).with("role", role.name);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

/// Changes a member's role in a project, effective immediately. Needs *Manage Projects*, in the organization and in the project, and every
/// permission of both roles.
///
/// # Errors
/// `Conflict` at `member` for the last active manager of the project.
pub async fn set_role(core: &Core, actor: &Actor, project: ProjectId, user: UserId, role: RoleId) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = find_managed_for_update(tx, &actor, project).await?;
                let member = find_changeable_member(tx, &actor, &project, user).await?;
                let role = find_assignable_role(tx, &actor, role).await?;
                let had_manager = !managers(tx, project.id).await?.is_empty();
                store::project_members::set_role(tx, project.id, user, role.id.parse().map_err(|_| Error::Internal)?).await?;
                require_manager(tx, &project, had_manager).await?;
                let event =
                    event(&actor, "project.member_role_changed", &project, user, &member.name).with("from", member.role).with("to", role.name);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

/// Removes a member from a project. Keys that they hold remain valid. Needs *Manage Projects*, in the organization and in the project, and
/// every permission of the member's role in the project.
///
/// # Errors
/// `Conflict` at `member` for the last active manager of the project.
pub async fn remove(core: &Core, actor: &Actor, project: ProjectId, user: UserId) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = find_managed_for_update(tx, &actor, project).await?;
                let member = find_changeable_member(tx, &actor, &project, user).await?;
                let had_manager = !managers(tx, project.id).await?.is_empty();
                store::project_members::delete(tx, project.id, user).await?;
                require_manager(tx, &project, had_manager).await?;
                let event = event(&actor, "project.member_removed", &project, user, &member.name).with("role", member.role);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

fn event(actor: &Actor, action: &'static str, project: &ProjectAccess, user: UserId, name: &str) -> Event {
    Event::new(actor, action, "user", user, name).with("project", project.id.to_string()).with("project_name", project.record.name.as_str())
}

/// A project member, if the actor has every permission of their role.
async fn find_changeable_member(tx: &mut Tx, actor: &Actor, project: &ProjectAccess, user: UserId) -> Result<ProjectMemberRecord, Error> {
    let id = user.to_string();
    let member = store::project_members::all(tx, project.id).await?.into_iter().find(|member| member.user_id == id).ok_or(Error::NotFound)?;
    actor.require_all(member.allows())?;
    Ok(member)
}

async fn find_assignable_role(tx: &mut Tx, actor: &Actor, role: RoleId) -> Result<RoleRecord, Error> {
    let role = store::roles::find(tx, actor.organization, role).await?.ok_or(Error::NotFound)?;
    actor.require_all(role.allows())?;
    Ok(role)
}

/// Fails, and so rolls the transaction back, if the project has lost its last active manager.
async fn require_manager(tx: &mut Tx, project: &ProjectAccess, had_manager: bool) -> Result<(), Error> {
    if !had_manager || !managers(tx, project.id).await?.is_empty() {
        return Ok(());
    }
    Err(Error::conflict("member", "This is the last active manager of the project. Give another member a role with “Manage Projects” first."))
}
