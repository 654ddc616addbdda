//! The rules for roles. An actor can create, change or delete only roles whose permissions they hold.

use super::{Core, actor::Actor, audit::Event};
use crate::actor::reload_actor;
use latchkey_store::{self as store, Tx, roles::RoleRecord};
use latchkey_types::{
    error::Error,
    id::RoleId,
    member::RoleRow,
    permission::{Permission, Permissions},
    validate,
};

/// The requested name and permissions of a role, not yet validated.
#[derive(Debug, Clone)]
pub struct RoleDraft {
    pub name: String,
    /// Permissions in their stored form, such as `manage_api_keys`.
    pub permissions: Vec<String>,
}

impl RoleDraft {
    /// The name and permissions, if the actor may grant these permissions.
    fn validate(&self, actor: &Actor) -> Result<(String, Permissions), Error> {
        let unknown = |word: &String| Error::invalid("permissions", format!("Unknown permission “{word}”."));
        let permissions = self.permissions.iter().map(|word| word.parse().map_err(|_| unknown(word))).collect::<Result<Vec<_>, _>>()?;
        let permissions = Permissions::of(&permissions);
        actor.require_all(permissions)?;
        Ok((validate::name("name", &self.name)?, permissions))
    }
}

/// The organization's roles, built-in roles first. Needs *Manage Roles*.
pub async fn list(core: &Core, actor: &Actor) -> Result<Vec<RoleRow>, Error> {
    actor.require(Permission::ManageRoles)?;
    store::roles::list(core.store.read()?, actor.organization).await?.iter().map(RoleRecord::row).collect()
}

/// Creates a role. Needs *Manage Roles* and every permission of the new role.
pub async fn create(core: &Core, actor: &Actor, draft: RoleDraft) -> Result<RoleRow, Error> {
    actor.require(Permission::ManageRoles)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageRoles).await?;
                let (name, permissions) = draft.validate(&actor)?;
                let id = RoleId::new();
                store::roles::insert(tx, id, actor.organization, &name, permissions).await.map_err(name_taken)?;
                auditor.record(tx, Event::new(&actor, "role.created", "role", id, &name).with("permissions", permissions.to_list())).await?;
                store::roles::find(tx, actor.organization, id).await?.ok_or(Error::Internal)
            })
        })
        .await?;
    record.row()
}

/// Updates a role, effective immediately. Needs *Manage Roles* and every permission of the role before and after the change.
///
/// # Errors
/// `Conflict` at `role` for a built-in role.
pub async fn edit(core: &Core, actor: &Actor, id: RoleId, draft: RoleDraft) -> Result<RoleRow, Error> {
    actor.require(Permission::ManageRoles)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageRoles).await?;
                let before = find_editable(tx, &actor, id).await?;
                let (name, permissions) = draft.validate(&actor)?;
                store::roles::update(tx, id, &name, permissions).await.map_err(name_taken)?;
                // Keys have the permissions of their creators, so any verdict may change.
                store::verdict_changes::record(tx, None).await?;
                let event = Event::new(&actor, "role.changed", "role", id, &name)
                    .with("name_before", before.name)
                    .with("permissions_before", before.permissions)
                    .with("permissions", permissions.to_list());
                auditor.record(tx, event).await?;
                store::roles::find(tx, actor.organization, id).await?.ok_or(Error::Internal)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    record.row()
}

/// Deletes an unused role. Needs *Manage Roles* and every permission of the role.
///
/// # Errors
/// `Conflict` at `role` for a built-in role, and while members, open invitations, project members, templates or valid project keys use it.
pub async fn delete(core: &Core, actor: &Actor, id: RoleId) -> Result<(), Error> {
    actor.require(Permission::ManageRoles)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageRoles).await?;
                let role = find_editable(tx, &actor, id).await?;
                require_unused(&role)?;
                store::roles::delete(tx, id).await?;
                // Invalid project keys may still refer to the role, and lose its permissions.
                store::verdict_changes::record(tx, None).await?;
                Ok(auditor.record(tx, Event::new(&actor, "role.deleted", "role", id, &role.name)).await?)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    Ok(())
}

/// A role that the actor may change or delete.
async fn find_editable(tx: &mut Tx, actor: &Actor, id: RoleId) -> Result<RoleRecord, Error> {
    let role = store::roles::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
    if role.is_built_in() {
        return Err(Error::conflict("role", "Built-in roles can't be changed or deleted. Create a new role instead."));
    }
    actor.require_all(role.allows())?;
    Ok(role)
}

/// Requires that nothing uses the role.
fn require_unused(role: &RoleRecord) -> Result<(), Error> {
    let users = [
        (role.members, "A member has", "members have", "Assign another role first."),
        (role.invitations, "An open invitation uses", "open invitations use", "Withdraw open invitations first."),
        (role.in_projects, "A project member has", "project members have", "Assign another role in the project first."),
        (role.templates, "A key template uses", "key templates use", "Choose another role for it first."),
        (role.issued, "A valid project key has", "valid project keys have", "Revoke project keys first, or wait until they expire."),
    ];
    let Some((count, one, many, advice)) = users.into_iter().find(|(count, ..)| *count > 0) else { return Ok(()) };
    let subject = if count == 1 { one.to_owned() } else { format!("{count} {many}") };
    Err(Error::conflict("role", format!("{subject} this role. {advice}")))
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A role with this name already exists.")
}
