//! Taking issued keys back, and putting them to rest.

use futures_util::future::BoxFuture;

use crate::{
    model::{
        fault::Fault,
        id::{KeyId, UserId},
        notice::NoticeEvent,
        permission::Permission,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        audit::Event,
        notices,
        projects::{self, Reached},
        state::AppState,
        store::{self, Tx, notices::NewNotice, project_keys::Unrevealed},
    },
};

/// A key that is to be changed, its project, and who changes it, as they stand now.
struct Held {
    actor: Actor,
    project: Reached,
    id: KeyId,
    key: Unrevealed,
}

impl Held {
    fn event(&self, action: &'static str) -> Event {
        Event::new(&self.actor, action, "key", self.id, &self.key.name)
            .with("project", self.project.id.to_string())
            .with("holder", self.key.holder.clone())
    }
}

/// Takes a key back for good, and tells its holder: it is refused from now on. One that was taken back before stays so. Needs
/// *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn revoke(state: &AppState, actor: &Actor, id: KeyId) -> Result<(), Fault> {
    change(state, actor, id, |tx, held| {
        Box::pin(async move {
            if !store::issued_list::revoke(tx, &held.id.to_string(), Timestamp::now()).await? {
                return Ok(None);
            }
            let holder: UserId = held.key.holder.parse().map_err(|_| Fault::Internal)?;
            let told = [holder].into_iter().filter(|holder| *holder != held.actor.user).collect::<Vec<_>>();
            notices::tell(tx, &told, &revoked(held)).await?;
            Ok(Some(held.event("key.revoked")))
        })
    })
    .await
}

fn revoked(held: &Held) -> NewNotice {
    NewNotice {
        event: NoticeEvent::Revoked,
        project_id: held.project.id,
        project: held.project.record.name.clone(),
        template: held.key.name.clone(),
        person: held.actor.name.clone(),
        word: String::new(),
    }
}

/// Puts a key to rest, or wakes it: refused, or taken again, from now on. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `id` for one that has ended, or is to be woken while its holder is disabled; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn set_disabled(state: &AppState, actor: &Actor, id: KeyId, disabled: bool) -> Result<(), Fault> {
    change(state, actor, id, move |tx, held| {
        Box::pin(async move {
            let now = Timestamp::now();
            if held.key.revoked_at.is_some() || held.key.expires_at.is_some_and(|end| Timestamp(end) <= now) {
                return Err(Fault::conflict("id", "This key has ended, so it can be neither disabled nor enabled."));
            }
            let holder = held.key.holder.parse().map_err(|_| Fault::Internal)?;
            let holder = store::members::find(&mut *tx, held.actor.organization, holder).await?;
            if !disabled && holder.is_none_or(|holder| holder.disabled_at.is_some()) {
                return Err(Fault::conflict("id", "Its holder is disabled, so it rests. Enable them first."));
            }
            store::keys::set_disabled(tx, held.id, disabled.then_some(now)).await?;
            Ok(Some(held.event(if disabled { "key.disabled" } else { "key.enabled" })))
        })
    })
    .await
}

/// Changes a key: finds it, changes it, notes for every process that its verdict changed, and writes the log, where anything changed.
async fn change<Apply>(state: &AppState, actor: &Actor, id: KeyId, apply: Apply) -> Result<(), Fault>
where
    Apply: for<'tx> FnOnce(&'tx mut Tx, &'tx Held) -> BoxFuture<'tx, Result<Option<Event>, Fault>> + Send + 'static,
{
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let digests = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let key = store::project_keys::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
                let project = key.project_id.parse().map_err(|_| Fault::Internal)?;
                let (actor, project) = projects::managed_now(tx, &actor, project).await?;
                let held = Held { actor, project, id, key };
                let Some(event) = apply(tx, &held).await? else { return Ok(Vec::new()) };
                auditor.record(tx, event).await?;
                let digests = store::keys::secrets::digests(tx, id).await?;
                for digest in &digests {
                    store::changes::note(tx, Some(digest)).await?;
                }
                Ok(digests)
            })
        })
        .await?;
    state.verifier.forget_each(&digests);
    Ok(())
}
