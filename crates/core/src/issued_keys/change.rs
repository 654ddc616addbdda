//! Revokes, disables and enables project keys.

use futures_util::future::BoxFuture;

use crate::{
    Core,
    actor::Actor,
    audit::Event,
    notifications,
    projects::{self, ProjectAccess},
};
use latchkey_store::{self as store, Tx, notifications::NewNotification, project_keys::IssuedKeyRow};
use latchkey_types::{
    error::Error,
    id::{KeyId, UserId},
    notification::NotificationEvent,
    permission::Permission,
    time::Timestamp,
};

/// A key to change and its project. The actor has the permissions read in the transaction of the change.
struct Change {
    actor: Actor,
    project: ProjectAccess,
    id: KeyId,
    key: IssuedKeyRow,
}

impl Change {
    fn event(&self, action: &'static str) -> Event {
        Event::new(&self.actor, action, "key", self.id, &self.key.name)
            .with("project", self.project.id.to_string())
            .with("holder", self.key.holder.clone())
    }
}

/// Revokes a key permanently, effective immediately, and notifies its holder. Does nothing if the key is already revoked. Needs
/// *Manage Projects*, in the organization and in the project.
pub async fn revoke(core: &Core, actor: &Actor, id: KeyId) -> Result<(), Error> {
    change(core, actor, id, |tx, change| {
        Box::pin(async move {
            if !store::issued_key_list::revoke(tx, &change.id.to_string(), Timestamp::now()).await? {
                return Ok(None);
            }
            let holder: UserId = change.key.holder.parse().map_err(|_| Error::Internal)?;
            let recipients = [holder].into_iter().filter(|holder| *holder != change.actor.user).collect::<Vec<_>>();
            notifications::notify(tx, &recipients, &revocation_notice(change)).await?;
            Ok(Some(change.event("key.revoked")))
        })
    })
    .await
}

fn revocation_notice(change: &Change) -> NewNotification {
    NewNotification {
        event: NotificationEvent::Revoked,
        project_id: change.project.id,
        project: change.project.record.name.clone(),
        template: change.key.name.clone(),
        actor_name: change.actor.name.clone(),
        comment: String::new(),
    }
}

/// Disables or enables a key, effective immediately. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `id` if the key has expired or is revoked, or when enabling a key whose holder is disabled.
pub async fn set_disabled(core: &Core, actor: &Actor, id: KeyId, disabled: bool) -> Result<(), Error> {
    change(core, actor, id, move |tx, change| {
        Box::pin(async move {
            let now = Timestamp::now();
            if change.key.revoked_at.is_some() || change.key.expires_at.is_some_and(|expires_at| Timestamp(expires_at) <= now) {
                return Err(Error::conflict("id", "This key has expired or was revoked, so it can't be disabled or enabled."));
            }
            let holder = change.key.holder.parse().map_err(|_| Error::Internal)?;
            let holder = store::members::find(&mut *tx, change.actor.organization, holder).await?;
            if !disabled && holder.is_none_or(|holder| holder.disabled_at.is_some()) {
                return Err(Error::conflict("id", "The key's owner is disabled. Re-enable the owner first."));
            }
            store::keys::set_disabled(tx, change.id, disabled.then_some(now)).await?;
            Ok(Some(change.event(if disabled { "key.disabled" } else { "key.enabled" })))
        })
    })
    .await
}

/// Changes a key. If `apply` returns an audit event, writes it, records for all instances that the verdict changed, and invalidates the cache.
async fn change<Apply>(core: &Core, actor: &Actor, id: KeyId, apply: Apply) -> Result<(), Error>
where
    Apply: for<'tx> FnOnce(&'tx mut Tx, &'tx Change) -> BoxFuture<'tx, Result<Option<Event>, Error>> + Send + 'static,
{
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let digests = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let key = store::project_keys::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
                let project = key.project_id.parse().map_err(|_| Error::Internal)?;
                let (actor, project) = projects::find_managed_for_update(tx, &actor, project).await?;
                let change = Change { actor, project, id, key };
                let Some(event) = apply(tx, &change).await? else { return Ok(Vec::new()) };
                auditor.record(tx, event).await?;
                let digests = store::keys::secrets::digests(tx, id).await?;
                for digest in &digests {
                    store::verdict_changes::record(tx, Some(digest)).await?;
                }
                Ok(digests)
            })
        })
        .await?;
    core.verifier.invalidate_each(&digests);
    Ok(())
}
