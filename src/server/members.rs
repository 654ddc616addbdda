//! The rules for members: who they are, which role they have, and whether they may come in.

use super::{
    actor::Actor,
    audit::Event,
    invitations,
    state::AppState,
    store::{self, Tx, members::MemberRecord, roles::RoleRecord},
};
use crate::model::{
    fault::Fault,
    id::{RoleId, UserId},
    people::{MemberRow, People},
    permission::{Permission, Permissions},
    time::Timestamp,
};

impl MemberRecord {
    fn allows(&self) -> Permissions {
        Permissions::from_words(&self.permissions)
    }

    fn row(&self) -> Result<MemberRow, Fault> {
        Ok(MemberRow {
            id: self.id.parse().map_err(|_| Fault::Internal)?,
            name: self.name.clone(),
            email: self.email.clone(),
            role_id: self.role_id.parse().map_err(|_| Fault::Internal)?,
            disabled_at: self.disabled_at.map(Timestamp),
            last_seen_at: self.last_seen_at.map(Timestamp),
            keys: self.keys,
        })
    }
}

/// The actor as they stand inside a transaction: somebody may have shut them out, or taken this permission, since the call began.
///
/// # Errors
/// `SignedOut`, `Forbidden`, `Unavailable`.
pub async fn as_they_stand(tx: &mut Tx, actor: &Actor, needs: Permission) -> Result<Actor, Fault> {
    let member = store::members::find(tx, actor.organization, actor.user).await?;
    let member = member.filter(|member| member.disabled_at.is_none()).ok_or(Fault::SignedOut)?;
    let actor = Actor { permissions: member.allows(), ..actor.clone() };
    actor.require(needs)?;
    Ok(actor)
}

/// Members, open invitations and roles. Needs *Manage Members*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn list(state: &AppState, actor: &Actor) -> Result<People, Fault> {
    actor.require(Permission::ManageMembers)?;
    let members = store::members::list(&state.store, actor.organization).await?;
    let roles = store::roles::list(state.store.read()?, actor.organization).await?;
    Ok(People {
        members: members.iter().map(MemberRecord::row).collect::<Result<_, _>>()?,
        invitations: invitations::open(state, actor).await?,
        roles: roles.iter().map(RoleRecord::row).collect::<Result<_, _>>()?,
        viewer: actor.user,
    })
}

/// Gives a member another role; it counts at once, for their keys too. Needs *Manage Members* and every permission of both roles.
///
/// # Errors
/// `NotFound` for the member or the role; `Conflict` at `role` for one's own and for the last active owner's; `Forbidden`, `Unavailable`.
pub async fn set_role(state: &AppState, actor: &Actor, id: UserId, role: RoleId) -> Result<(), Fault> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = as_they_stand(tx, &actor, Permission::ManageMembers).await?;
                let member = other(tx, &actor, id, "role", "You can't change your own role. Somebody else has to.").await?;
                let role = store::roles::find(&mut *tx, actor.organization, role).await?.ok_or(Fault::NotFound)?;
                actor.require_all(role.allows())?;
                store::members::set_role(tx, id, role.id.parse().map_err(|_| Fault::Internal)?).await?;
                require_owner(tx, &actor, "role").await?;
                store::changes::note(tx, None).await?;
                let event = Event::new(&actor, "user.role_changed", "user", id, &member.name).with("from", member.role).with("to", role.name);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await?;
    state.verifier.forget(None);
    Ok(())
}

/// Shuts a member out: their sessions end at once. Their keys and credentials rest with them, or become another's, who must be an active
/// member that may manage keys. Keys of our own API and of projects rest in any case: they would act for the new holder in the hands of who
/// left, or name the wrong one. Needs *Manage Members* and every permission of the member's role, and of the receiver's.
///
/// # Errors
/// `NotFound` for the member or the receiver; `Conflict` at `member` for oneself and for the last active owner; `Invalid` at `receiver`;
/// `Forbidden`, `Unavailable`.
pub async fn disable(state: &AppState, actor: &Actor, id: UserId, receiver: Option<UserId>) -> Result<(), Fault> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = as_they_stand(tx, &actor, Permission::ManageMembers).await?;
                let member = other(tx, &actor, id, "member", "You can't disable yourself. Somebody else has to.").await?;
                let mut event = Event::new(&actor, "user.disabled", "user", id, &member.name);
                if let Some(receiver) = receiver {
                    let receiver = able_receiver(tx, &actor, id, receiver).await?;
                    let handed = store::members::hand_over(tx, id, receiver.id.parse().map_err(|_| Fault::Internal)?).await?;
                    event = event.with("keys_handed_to", receiver.name).with("keys", handed);
                }
                store::members::set_disabled(tx, id, Some(Timestamp::now())).await?;
                require_owner(tx, &actor, "member").await?;
                let ended = store::sessions::delete_of_user(tx, id).await?;
                store::changes::note(tx, None).await?;
                Ok(auditor.record(tx, event.with("sessions", ended)).await?)
            })
        })
        .await?;
    state.verifier.forget(None);
    Ok(())
}

/// Lets a member in again; the keys that rested with them work again. Needs *Manage Members* and every permission of the member's role.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn enable(state: &AppState, actor: &Actor, id: UserId) -> Result<(), Fault> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = as_they_stand(tx, &actor, Permission::ManageMembers).await?;
                let member = other(tx, &actor, id, "member", "You are not disabled.").await?;
                store::members::set_disabled(tx, id, None).await?;
                store::changes::note(tx, None).await?;
                Ok(auditor.record(tx, Event::new(&actor, "user.enabled", "user", id, &member.name)).await?)
            })
        })
        .await?;
    state.verifier.forget(None);
    Ok(())
}

/// Another member, whose role holds nothing that the actor lacks.
async fn other(tx: &mut Tx, actor: &Actor, id: UserId, field: &str, about_oneself: &str) -> Result<MemberRecord, Fault> {
    let member = store::members::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if id == actor.user {
        return Err(Fault::conflict(field, about_oneself));
    }
    actor.require_all(member.allows())?;
    Ok(member)
}

/// The member who is to have another's keys. Keys do what their holder may do, so the actor gives away what that is.
async fn able_receiver(tx: &mut Tx, actor: &Actor, from: UserId, id: UserId) -> Result<MemberRecord, Fault> {
    let receiver = store::members::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if id == from || receiver.disabled_at.is_some() {
        return Err(Fault::invalid("receiver", "Choose another active member."));
    }
    if !receiver.allows().has(Permission::ManageApiKeys) {
        let message = format!("{} may not hold keys: their role lacks “{}”.", receiver.name, Permission::ManageApiKeys.label());
        return Err(Fault::invalid("receiver", message));
    }
    actor.require_all(receiver.allows())?;
    Ok(receiver)
}

/// Undoes what leaves the organization without an owner who can sign in.
async fn require_owner(tx: &mut Tx, actor: &Actor, field: &str) -> Result<(), Fault> {
    if store::members::has_active_owner(tx, actor.organization).await? {
        return Ok(());
    }
    Err(Fault::conflict(field, "This is the last owner who can sign in. Make somebody else an owner first."))
}
