//! The rules for members of the organization: listing, role changes, disabling and enabling.

use super::{Core, actor::Actor, audit::Event, invitations};
use crate::actor::reload_actor;
use latchkey_store::{self as store, Tx, members::MemberRecord, roles::RoleRecord};
use latchkey_types::{
    error::Error,
    id::{RoleId, UserId},
    member::MembersPageData,
    permission::Permission,
    time::Timestamp,
};

/// Members, open invitations and roles. Needs *Manage Members*.
pub async fn list(core: &Core, actor: &Actor) -> Result<MembersPageData, Error> {
    actor.require(Permission::ManageMembers)?;
    let members = store::members::list(&core.store, actor.organization).await?;
    let roles = store::roles::list(core.store.read()?, actor.organization).await?;
    Ok(MembersPageData {
        members: members.iter().map(MemberRecord::row).collect::<Result<_, _>>()?,
        invitations: invitations::list(core, actor).await?,
        roles: roles.iter().map(RoleRecord::row).collect::<Result<_, _>>()?,
        viewer: actor.user,
    })
}

/// Changes a member's role, effective immediately, also for their keys. Needs *Manage Members* and every permission of both roles.
///
/// # Errors
/// `Conflict` at `role` for the actor's own role and for the last active owner's.
pub async fn set_role(core: &Core, actor: &Actor, id: UserId, role: RoleId) -> Result<(), Error> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageMembers).await?;
                let member = find_other_member(tx, &actor, id, "role", "You can't change your own role. Another member has to change it.").await?;
                let role = store::roles::find(&mut *tx, actor.organization, role).await?.ok_or(Error::NotFound)?;
                actor.require_all(role.allows())?;
                store::members::set_role(tx, id, role.id.parse().map_err(|_| Error::Internal)?).await?;
                require_owner(tx, &actor, "role").await?;
                store::verdict_changes::record(tx, None).await?;
                let event = Event::new(&actor, "user.role_changed", "user", id, &member.name).with("from", member.role).with("to", role.name);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    Ok(())
}

/// Disables a member and ends their sessions immediately. Their keys and credentials are disabled, or transferred to the receiver, an active
/// member who may manage keys. Internal keys and project keys are disabled in any case: the former would give the disabled member the receiver's
/// permissions, the latter name the disabled member as their subject. Needs *Manage Members* and every permission of the member's role and of
/// the receiver's.
///
/// # Errors
/// `Conflict` at `member` for the actor and for the last active owner.
pub async fn disable(core: &Core, actor: &Actor, id: UserId, receiver: Option<UserId>) -> Result<(), Error> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageMembers).await?;
                let member = find_other_member(tx, &actor, id, "member", "You can't disable yourself. Another member has to do it.").await?;
                let mut event = Event::new(&actor, "user.disabled", "user", id, &member.name);
                if let Some(receiver) = receiver {
                    let receiver = find_receiver(tx, &actor, id, receiver).await?;
                    let transferred = store::members::transfer_keys(tx, id, receiver.id.parse().map_err(|_| Error::Internal)?).await?;
                    event = event.with("keys_handed_to", receiver.name).with("keys", transferred);
                }
                store::members::set_disabled(tx, id, Some(Timestamp::now())).await?;
                require_owner(tx, &actor, "member").await?;
                let ended = store::sessions::delete_of_user(tx, id).await?;
                store::verdict_changes::record(tx, None).await?;
                Ok(auditor.record(tx, event.with("sessions", ended)).await?)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    Ok(())
}

/// Enables a member. Keys that were disabled with the member work again. Needs *Manage Members* and every permission of the member's role.
pub async fn enable(core: &Core, actor: &Actor, id: UserId) -> Result<(), Error> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageMembers).await?;
                let member = find_other_member(tx, &actor, id, "member", "You are not disabled.").await?;
                store::members::set_disabled(tx, id, None).await?;
                store::verdict_changes::record(tx, None).await?;
                Ok(auditor.record(tx, Event::new(&actor, "user.enabled", "user", id, &member.name)).await?)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    Ok(())
}

/// A member other than the actor, if the actor has every permission of their role. `self_message` is the error for the actor.
async fn find_other_member(tx: &mut Tx, actor: &Actor, id: UserId, field: &str, self_message: &str) -> Result<MemberRecord, Error> {
    let member = store::members::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
    if id == actor.user {
        return Err(Error::conflict(field, self_message));
    }
    actor.require_all(member.allows())?;
    Ok(member)
}

/// The member to transfer keys to. Keys have the permissions of their holder, so the actor needs all of the receiver's permissions.
async fn find_receiver(tx: &mut Tx, actor: &Actor, from: UserId, id: UserId) -> Result<MemberRecord, Error> {
    let receiver = store::members::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
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
async fn require_owner(tx: &mut Tx, actor: &Actor, field: &str) -> Result<(), Error> {
    if store::members::has_active_owner(tx, actor.organization).await? {
        return Ok(());
    }
    Err(Error::conflict(field, "This is the last active owner. Make another member an owner first."))
}
