//! The rules for roles. An actor can create, change or delete only roles whose permissions they hold.

use super::{Core, actor::Actor};
use latchkey_store::{self as store, Connection, roles::RoleRecord};
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
    let roles = store::roles::list(&mut *core.store.connection().await?, actor.organization).await?;
    Ok(roles.iter().map(RoleRecord::row).collect())
}

/// Creates a role. Needs *Manage Roles* and every permission of the new role.
pub async fn create(core: &Core, actor: &Actor, draft: &RoleDraft) -> Result<RoleRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageRoles]).await?;
    let (name, permissions) = draft.validate(&change.actor)?;
    let (id, organization) = (RoleId::new(), change.actor.organization);
    store::roles::insert(&mut change.tx, id, organization, &name, permissions).await.map_err(name_taken)?;
    let record = store::roles::find(&mut change.tx, organization, id).await?.ok_or(Error::Internal)?;
    let event = change.event("role.created", "role", id, &name).with("permissions", permissions.to_list());
    change.commit([event]).await?;
    Ok(record.row())
}

/// Updates a role, effective immediately. Needs *Manage Roles* and every permission of the role before and after the change.
///
/// # Errors
/// `Conflict` at `role` for a built-in role.
pub async fn edit(core: &Core, actor: &Actor, id: RoleId, draft: &RoleDraft) -> Result<RoleRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageRoles]).await?;
    let before = find_editable(&mut change.tx, &change.actor, id).await?;
    let (name, permissions) = draft.validate(&change.actor)?;
    store::roles::update(&mut change.tx, id, &name, permissions).await.map_err(name_taken)?;
    let record = store::roles::find(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::Internal)?;
    let event = change
        .event("role.changed", "role", id, &name)
        .with("name_before", before.name)
        .with("permissions_before", before.permissions.to_list())
        .with("permissions", permissions.to_list());
    change.commit([event]).await?;
    Ok(record.row())
}

/// Deletes an unused role. Needs *Manage Roles* and every permission of the role.
///
/// # Errors
/// `Conflict` at `role` for a built-in role, and while members, open invitations, project members, templates or valid project keys use it.
pub async fn delete(core: &Core, actor: &Actor, id: RoleId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageRoles]).await?;
    let role = find_editable(&mut change.tx, &change.actor, id).await?;
    require_unused(&role)?;
    store::roles::delete(&mut change.tx, id).await?;
    let event = change.event("role.deleted", "role", id, &role.name);
    change.commit([event]).await
}

/// A role that the actor may change or delete.
async fn find_editable(db: &mut Connection, actor: &Actor, id: RoleId) -> Result<RoleRecord, Error> {
    let role = store::roles::find(db, actor.organization, id).await?.ok_or(Error::NotFound)?;
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
