//! Revokes, disables and enables project keys.

use crate::{
    Core,
    actor::Actor,
    audit::Event,
    change::Change,
    notifications,
    projects::{self, ProjectAccess},
};
use latchkey_store::{self as store, notifications::NewNotification, project_keys::IssuedKeyRow};
use latchkey_types::{error::Error, id::KeyId, notification::NotificationEvent, permission::Permission, time::Timestamp};

/// Revokes a key permanently, effective immediately, and notifies its holder. Does nothing if the key is already revoked. Needs
/// *Manage Projects*, in the organization and in the project.
pub async fn revoke(core: &Core, actor: &Actor, id: KeyId) -> Result<(), Error> {
    let (mut change, project, key) = begin(core, actor, id).await?;
    if !store::issued_key_list::revoke(&mut change.tx, id, Timestamp::now()).await? {
        return Ok(());
    }
    if key.holder != change.actor.user {
        let notice = revocation_notice(&change.actor, &project, &key);
        notifications::notify(&mut change.tx, &[key.holder], &notice).await?;
    }
    let event = key_event(&change, "key.revoked", id, &project, &key);
    change.commit([event]).await
}

fn revocation_notice(actor: &Actor, project: &ProjectAccess, key: &IssuedKeyRow) -> NewNotification {
    NewNotification {
        event: NotificationEvent::Revoked,
        project_id: Some(project.id),
        request_id: None,
        link: None,
        project: project.record.name.clone(),
        template: key.name.clone(),
        actor_name: actor.name.clone(),
        comment: String::new(),
    }
}

/// Disables or enables a key, effective immediately. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `id` if the key has expired or is revoked, or when enabling a key whose holder is disabled.
pub async fn set_disabled(core: &Core, actor: &Actor, id: KeyId, disabled: bool) -> Result<(), Error> {
    let (mut change, project, key) = begin(core, actor, id).await?;
    let now = Timestamp::now();
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Error::conflict("id", "This key has expired or was revoked, so it can't be disabled or enabled."));
    }
    let holder = store::members::find(&mut change.tx, change.actor.organization, key.holder).await?;
    if !disabled && holder.is_none_or(|holder| holder.disabled_at.is_some()) {
        return Err(Error::conflict("id", "The key's owner is disabled. Re-enable the owner first."));
    }
    store::keys::set_disabled(&mut change.tx, id, disabled.then_some(now)).await?;
    let event = key_event(&change, if disabled { "key.disabled" } else { "key.enabled" }, id, &project, &key);
    change.commit([event]).await
}

/// Begins a change of a key in a project that the actor manages. Returns also that project and the key.
async fn begin(core: &Core, actor: &Actor, id: KeyId) -> Result<(Change, ProjectAccess, IssuedKeyRow), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let key = store::project_keys::find(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::NotFound)?;
    let project = projects::find_managed(&mut change.tx, &change.actor, key.project_id).await?;
    Ok((change, project, key))
}

fn key_event(change: &Change, action: &'static str, id: KeyId, project: &ProjectAccess, key: &IssuedKeyRow) -> Event {
    change.event(action, "key", id, &key.name).with("project", project.id.to_string()).with("holder", key.holder.to_string())
}
