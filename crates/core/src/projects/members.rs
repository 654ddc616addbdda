//! Project members. An actor can assign or remove only roles whose permissions they hold.

use super::{ProjectAccess, find_managed, managers};
use crate::{Core, actor::Actor, audit::Event, change::Change};
use latchkey_store::{self as store, Connection, fold, project_members::ProjectMemberRecord, roles::RoleRecord};
use latchkey_types::{
    error::Error,
    id::{ProjectId, RoleId, UserId},
    permission::Permission,
    project::{Candidate, ProjectMember, RoleOption},
};

/// The members of a project, by name. Email addresses are included only for managers of the project.
pub(super) async fn list_in(db: &mut Connection, actor: &Actor, project: &ProjectAccess) -> Result<Vec<ProjectMember>, Error> {
    let is_managed = project.permissions.has(Permission::ManageProjects);
    let mut all = store::project_members::all(db, project.id).await?;
    all.sort_by_cached_key(|member| fold(&member.name));
    let rows = all.into_iter().map(|member| ProjectMember {
        user: member.user_id,
        permissions: member.permissions,
        is_you: member.user_id == actor.user,
        name: member.name,
        email: is_managed.then_some(member.email),
        role_id: member.role_id,
        role: member.role,
        added_at: member.added_at,
        is_disabled: member.disabled_at.is_some(),
    });
    Ok(rows.collect())
}

/// The organization's members who can be added to a project, by name.
pub(super) async fn candidates(db: &mut Connection, actor: &Actor, project: ProjectId) -> Result<Vec<Candidate>, Error> {
    let mut all = store::project_members::candidates(db, actor.organization, project).await?;
    all.sort_by_cached_key(|(_, name, email)| (fold(name), email.clone()));
    Ok(all.into_iter().map(|(user, name, email)| Candidate { user, name, email }).collect())
}

/// The roles that the actor may assign.
pub(super) async fn assignable_roles(db: &mut Connection, actor: &Actor) -> Result<Vec<RoleOption>, Error> {
    let all = store::roles::list(db, actor.organization).await?;
    let assignable = all.into_iter().filter(|role| actor.permissions.first_missing(role.permissions).is_none());
    Ok(assignable.map(|role| RoleOption { id: role.id, name: role.name }).collect())
}

/// Adds an active member of the organization to a project. Needs *Manage Projects*, in the organization and in the project, and every
/// permission of the role.
///
/// # Errors
/// `Conflict` at `user` if the user is already a member of the project.
pub async fn add(core: &Core, actor: &Actor, project: ProjectId, user: UserId, role: RoleId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let member = store::members::find(&mut change.tx, change.actor.organization, user).await?;
    let member = member.filter(|member| member.disabled_at.is_none()).ok_or(Error::NotFound)?;
    let role = find_assignable_role(&mut change.tx, &change.actor, role).await?;
    let added = store::project_members::insert(&mut change.tx, project.id, user, role.id, change.actor.user).await;
    added.map_err(|error| error.or_conflict("user", &format!("{} is already a member of this project.", member.name)))?;
    let event = event(&change, "project.member_added", &project, user, &member.name).with("role", role.name);
    change.commit([event]).await
}

/// Changes a member's role in a project, effective immediately. Needs *Manage Projects*, in the organization and in the project, and every
/// permission of both roles.
///
/// # Errors
/// `Conflict` at `member` for the last active manager of the project.
pub async fn set_role(core: &Core, actor: &Actor, project: ProjectId, user: UserId, role: RoleId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let member = find_changeable_member(&mut change.tx, &change.actor, &project, user).await?;
    let role = find_assignable_role(&mut change.tx, &change.actor, role).await?;
    let had_manager = !managers(&mut change.tx, project.id).await?.is_empty();
    store::project_members::set_role(&mut change.tx, project.id, user, role.id).await?;
    require_manager(&mut change.tx, &project, had_manager).await?;
    let event = event(&change, "project.member_role_changed", &project, user, &member.name).with("from", member.role).with("to", role.name);
    change.commit([event]).await
}

/// Removes a member from a project. Keys that they hold remain valid. Needs *Manage Projects*, in the organization and in the project, and
/// every permission of the member's role in the project.
///
/// # Errors
/// `Conflict` at `member` for the last active manager of the project.
pub async fn remove(core: &Core, actor: &Actor, project: ProjectId, user: UserId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let member = find_changeable_member(&mut change.tx, &change.actor, &project, user).await?;
    let had_manager = !managers(&mut change.tx, project.id).await?.is_empty();
    store::project_members::delete(&mut change.tx, project.id, user).await?;
    require_manager(&mut change.tx, &project, had_manager).await?;
    let event = event(&change, "project.member_removed", &project, user, &member.name).with("role", member.role);
    change.commit([event]).await
}

fn event(change: &Change, action: &'static str, project: &ProjectAccess, user: UserId, name: &str) -> Event {
    change.event(action, "user", user, name).with("project", project.id.to_string()).with("project_name", project.record.name.as_str())
}

/// A project member, if the actor has every permission of their role.
async fn find_changeable_member(db: &mut Connection, actor: &Actor, project: &ProjectAccess, user: UserId) -> Result<ProjectMemberRecord, Error> {
    let member = store::project_members::all(db, project.id).await?.into_iter().find(|member| member.user_id == user).ok_or(Error::NotFound)?;
    actor.require_all(member.permissions)?;
    Ok(member)
}

async fn find_assignable_role(db: &mut Connection, actor: &Actor, role: RoleId) -> Result<RoleRecord, Error> {
    let role = store::roles::find(db, actor.organization, role).await?.ok_or(Error::NotFound)?;
    actor.require_all(role.permissions)?;
    Ok(role)
}

/// Fails, and so rolls the transaction back, if the project has lost its last active manager.
async fn require_manager(db: &mut Connection, project: &ProjectAccess, had_manager: bool) -> Result<(), Error> {
    if !had_manager || !managers(db, project.id).await?.is_empty() {
        return Ok(());
    }
    Err(Error::conflict("member", "This is the last active manager of the project. Give another member a role with “Manage Projects” first."))
}
