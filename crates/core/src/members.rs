//! The rules for members of the organization: listing, role changes, disabling and enabling.

use super::{Core, actor::Actor, invitations};
use latchkey_store::{self as store, Connection, members::MemberRecord, roles::RoleRecord};
use latchkey_types::{
    budget::Budget,
    error::Error,
    id::{RoleId, UserId},
    member::{MemberRow, MembersPageData},
    permission::Permission,
    time::Timestamp,
};
use latchkey_verify::{BudgetLimit, BudgetOwner};

/// Members, open invitations and roles. Needs *Manage Members*.
pub async fn list(core: &Core, actor: &Actor) -> Result<MembersPageData, Error> {
    actor.require(Permission::ManageMembers)?;
    let members = store::members::list(&core.store, actor.organization).await?;
    let roles = store::roles::list(&mut *core.store.connection().await?, actor.organization).await?;
    Ok(MembersPageData {
        members: rows(core, &members).await?,
        invitations: invitations::list(core, actor).await?,
        roles: roles.iter().map(RoleRecord::row).collect(),
        viewer: actor.user,
    })
}

/// The names of the active members who can give the actor a permission, sorted by name: those who have it and manage members, and so can give the
/// actor another role. Needs *Manage Members*: others do not see the members of the organization.
///
/// # Errors
/// `Malformed` for an unknown permission.
pub async fn grantors(core: &Core, actor: &Actor, permission: &str) -> Result<Vec<String>, Error> {
    actor.require(Permission::ManageMembers)?;
    let permission = permission.parse::<Permission>().map_err(|_| Error::Malformed)?;
    let can_grant = |member: &MemberRecord| {
        let allows = member.allows();
        // A role is changed only by those who have all of its permissions.
        let can_change_role = allows.has(Permission::ManageMembers) && allows.first_missing(actor.permissions).is_none();
        member.id != actor.user && member.disabled_at.is_none() && can_change_role && allows.has(permission)
    };
    let members = store::members::list(&core.store, actor.organization).await?;
    Ok(members.into_iter().filter(can_grant).map(|member| member.name).collect())
}

/// The rows of members, in the order of the records, with what is spent of their budgets.
async fn rows(core: &Core, records: &[MemberRecord]) -> Result<Vec<MemberRow>, Error> {
    let budgets = records.iter().map(MemberRecord::budget).collect::<Result<Vec<_>, _>>()?;
    let limit = |(record, budget): (&MemberRecord, &Option<Budget>)| Some(BudgetLimit { owner: BudgetOwner::Member(record.id), budget: (*budget)? });
    let limits: Vec<BudgetLimit> = records.iter().zip(&budgets).filter_map(limit).collect();
    let mut states = core.verifier.budget_states(&limits).await?.into_iter();
    let row = |(record, budget): (&MemberRecord, Option<Budget>)| MemberRow { budget: budget.and_then(|_| states.next()), ..record.row() };
    Ok(records.iter().zip(budgets).map(row).collect())
}

/// Changes a member's role, effective immediately, also for their keys. Needs *Manage Members* and every permission of both roles.
///
/// # Errors
/// `Conflict` at `role` for the actor's own role and for the last active owner's.
pub async fn set_role(core: &Core, actor: &Actor, id: UserId, role: RoleId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let self_message = "You can't change your own role. Another member has to change it.";
    let member = find_other_member(&mut change.tx, &change.actor, id, "role", self_message).await?;
    let role = store::roles::find(&mut change.tx, change.actor.organization, role).await?.ok_or(Error::NotFound)?;
    change.actor.require_all(role.allows())?;
    store::members::set_role(&mut change.tx, id, role.id).await?;
    require_owner(&mut change.tx, &change.actor, "role").await?;
    let event = change.event("user.role_changed", "user", id, &member.name).with("from", member.role).with("to", role.name);
    change.commit([event]).await
}

/// Disables a member and ends their sessions immediately. Their keys and credentials are disabled, or transferred to the receiver, an active
/// member who may manage keys. Internal keys and project keys are disabled in any case: the former would give the disabled member the receiver's
/// permissions, the latter name the disabled member as their subject. Services lose the member's external keys, also if these are transferred.
/// Needs *Manage Members* and every permission of the member's role and of the receiver's.
///
/// # Errors
/// `Conflict` at `member` for the actor and for the last active owner.
pub async fn disable(core: &Core, actor: &Actor, id: UserId, receiver: Option<UserId>) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let self_message = "You can't disable yourself. Another member has to do it.";
    let member = find_other_member(&mut change.tx, &change.actor, id, "member", self_message).await?;
    let mut event = change.event("user.disabled", "user", id, &member.name);
    // Before the transfer, because the receiver of the credential did not link it.
    let unlinked = store::services::unlink_external_of(&mut change.tx, id).await?;
    if !unlinked.is_empty() {
        event = event.with("unlinked services", unlinked);
    }
    if let Some(receiver) = receiver {
        let receiver = find_receiver(&mut change.tx, &change.actor, id, receiver).await?;
        let transferred = store::members::transfer_keys(&mut change.tx, id, receiver.id).await?;
        event = event.with("keys_handed_to", receiver.name).with("keys", transferred);
    }
    store::members::set_disabled(&mut change.tx, id, Some(Timestamp::now())).await?;
    require_owner(&mut change.tx, &change.actor, "member").await?;
    let ended = store::sessions::delete_of_user(&mut change.tx, id).await?;
    change.commit([event.with("sessions", ended)]).await
}

/// Enables a member. Keys that were disabled with the member work again. Needs *Manage Members* and every permission of the member's role.
pub async fn enable(core: &Core, actor: &Actor, id: UserId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let member = find_other_member(&mut change.tx, &change.actor, id, "member", "You are not disabled.").await?;
    store::members::set_disabled(&mut change.tx, id, None).await?;
    let event = change.event("user.enabled", "user", id, &member.name);
    change.commit([event]).await
}

/// A member other than the actor, if the actor has every permission of their role. `self_message` is the error for the actor.
async fn find_other_member(db: &mut Connection, actor: &Actor, id: UserId, field: &str, self_message: &str) -> Result<MemberRecord, Error> {
    let member = store::members::find(db, actor.organization, id).await?.ok_or(Error::NotFound)?;
    if id == actor.user {
        return Err(Error::conflict(field, self_message));
    }
    actor.require_all(member.allows())?;
    Ok(member)
}

/// The member to transfer keys to. Keys have the permissions of their holder, so the actor needs all of the receiver's permissions.
async fn find_receiver(db: &mut Connection, actor: &Actor, from: UserId, id: UserId) -> Result<MemberRecord, Error> {
    let receiver = store::members::find(db, actor.organization, id).await?.ok_or(Error::NotFound)?;
    if id == from || receiver.disabled_at.is_some() {
        return Err(Error::invalid("receiver", "Choose another active member."));
    }
    if !receiver.allows().has(Permission::ManageApiKeys) {
        let message = format!("{} can't hold keys: their role lacks “{}”.", receiver.name, Permission::ManageApiKeys.label());
        return Err(Error::invalid("receiver", message));
    }
    actor.require_all(receiver.allows())?;
    Ok(receiver)
}

/// Fails, and so rolls the transaction back, if the organization has no active owner left.
async fn require_owner(db: &mut Connection, actor: &Actor, field: &str) -> Result<(), Error> {
    if store::members::has_active_owner(db, actor.organization).await? {
        return Ok(());
    }
    Err(Error::conflict(field, "This is the last active owner. Make another member an owner first."))
}
