//! The rules for roles. Nobody makes, changes or deletes one that holds a permission which they lack themselves.

use super::{
    actor::Actor,
    audit::Event,
    members,
    state::AppState,
    store::{self, Tx, roles::RoleRecord},
};
use crate::model::{
    fault::Fault,
    id::RoleId,
    people::RoleRow,
    permission::{BUILT_IN_ROLES, Permission, Permissions},
    text,
};

/// A role as somebody wants it.
#[derive(Debug, Clone)]
pub struct RoleDraft {
    /// Its name.
    pub name: String,
    /// Permissions, by their words.
    pub permissions: Vec<String>,
}

impl RoleDraft {
    /// The permissions and the name, if the actor may hand these out.
    fn check(&self, actor: &Actor) -> Result<(String, Permissions), Fault> {
        let unknown = |word: &String| Fault::invalid("permissions", format!("“{word}” is no permission."));
        let permissions = self.permissions.iter().map(|word| word.parse().map_err(|_| unknown(word))).collect::<Result<Vec<_>, _>>()?;
        let permissions = Permissions::of(&permissions);
        actor.require_all(permissions)?;
        Ok((text::name("name", &self.name)?, permissions))
    }
}

impl RoleRecord {
    /// What its holders may do.
    pub fn allows(&self) -> Permissions {
        Permissions::from_words(&self.permissions)
    }

    fn is_built_in(&self) -> bool {
        BUILT_IN_ROLES.iter().any(|role| role.name == self.name)
    }

    /// Reads the stored words.
    ///
    /// # Errors
    /// `Internal` when its id is none of ours.
    pub fn row(&self) -> Result<RoleRow, Fault> {
        Ok(RoleRow {
            id: self.id.parse().map_err(|_| Fault::Internal)?,
            name: self.name.clone(),
            permissions: self.allows(),
            members: self.members,
            is_built_in: self.is_built_in(),
        })
    }
}

/// The organization's roles, the built-in ones first. Needs *Manage Roles*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn list(state: &AppState, actor: &Actor) -> Result<Vec<RoleRow>, Fault> {
    actor.require(Permission::ManageRoles)?;
    store::roles::list(state.store.read()?, actor.organization).await?.iter().map(RoleRecord::row).collect()
}

/// Makes a role. Needs *Manage Roles* and every permission of the new role.
///
/// # Errors
/// `Invalid` at `name` or `permissions`; `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create(state: &AppState, actor: &Actor, draft: RoleDraft) -> Result<RoleRow, Fault> {
    actor.require(Permission::ManageRoles)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageRoles).await?;
                let (name, permissions) = draft.check(&actor)?;
                let id = RoleId::new();
                store::roles::insert(tx, id, actor.organization, &name, permissions).await.map_err(name_taken)?;
                auditor.record(tx, Event::new(&actor, "role.created", "role", id, &name).with("permissions", permissions.words())).await?;
                store::roles::find(tx, actor.organization, id).await?.ok_or(Fault::Internal)
            })
        })
        .await?;
    record.row()
}

/// Changes a role; it counts at once. Needs *Manage Roles* and every permission that the role has or is to have.
///
/// # Errors
/// `NotFound`; `Conflict` at `role` for a built-in one, at `name` for a name that is taken; `Invalid` at `name` or `permissions`;
/// `Forbidden`, `Unavailable`.
pub async fn edit(state: &AppState, actor: &Actor, id: RoleId, draft: RoleDraft) -> Result<RoleRow, Fault> {
    actor.require(Permission::ManageRoles)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageRoles).await?;
                let before = own(tx, &actor, id).await?;
                let (name, permissions) = draft.check(&actor)?;
                store::roles::update(tx, id, &name, permissions).await.map_err(name_taken)?;
                // Keys do what their makers may do.
                store::changes::note(tx, None).await?;
                let event = Event::new(&actor, "role.changed", "role", id, &name)
                    .with("name_before", before.name)
                    .with("permissions_before", before.permissions)
                    .with("permissions", permissions.words());
                auditor.record(tx, event).await?;
                store::roles::find(tx, actor.organization, id).await?.ok_or(Fault::Internal)
            })
        })
        .await?;
    state.verifier.forget(None);
    record.row()
}

/// Deletes a role that nobody has. Needs *Manage Roles* and every permission of the role.
///
/// # Errors
/// `NotFound`; `Conflict` at `role` for a built-in one, and while members, open invitations, or what stands in projects have it; `Forbidden`, `Unavailable`.
pub async fn delete(state: &AppState, actor: &Actor, id: RoleId) -> Result<(), Fault> {
    actor.require(Permission::ManageRoles)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageRoles).await?;
                let role = own(tx, &actor, id).await?;
                require_unused(&role)?;
                store::roles::delete(tx, id).await?;
                // Keys of projects may have it: it permits them nothing any more.
                store::changes::note(tx, None).await?;
                Ok(auditor.record(tx, Event::new(&actor, "role.deleted", "role", id, &role.name)).await?)
            })
        })
        .await?;
    state.verifier.forget(None);
    Ok(())
}

/// The role, if the actor may change it.
async fn own(tx: &mut Tx, actor: &Actor, id: RoleId) -> Result<RoleRecord, Fault> {
    let role = store::roles::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if role.is_built_in() {
        return Err(Fault::conflict("role", "Every organization has this role, so it can't be changed or deleted. Make a role like it instead."));
    }
    actor.require_all(role.allows())?;
    Ok(role)
}

/// Goes on only with a role that nothing has that stands.
fn require_unused(role: &RoleRecord) -> Result<(), Fault> {
    let users = [
        (role.members, "A member has", "members have", "Give them another one first."),
        (role.invitations, "An open invitation is to", "open invitations are to", "Withdraw what is open first."),
        (role.in_projects, "A member of a project has", "members of projects have", "Give them another one there first."),
        (role.templates, "A template of a project gives", "templates of projects give", "Choose another one there first."),
        (role.issued, "A project key that is good has", "project keys that are good have", "Revoke them first, or wait for their end."),
    ];
    let Some((count, one, many, advice)) = users.into_iter().find(|(count, ..)| *count > 0) else { return Ok(()) };
    let who = if count == 1 { one.to_owned() } else { format!("{count} {many}") };
    Err(Fault::conflict("role", format!("{who} this role. {advice}")))
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "A role has this name already.")
}
