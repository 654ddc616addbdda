//! Asking for a key, and no longer asking.

use super::{about, tell};
use crate::{
    model::{
        fault::Fault,
        id::{KeyRequestId, TemplateId, UserId},
        notice::NoticeEvent,
        permission::Permission,
        time::{MINUTE_MS, Timestamp},
    },
    server::{
        actor::Actor,
        members, projects,
        state::AppState,
        store::{self, Tx, requests::state as states},
    },
};

/// How often somebody may ask by one template, and within which time.
const ASKED_MAX: i64 = 10;
const ASKED_WITHIN_MS: i64 = 60 * MINUTE_MS;

/// Asks for a key by a template; those who decide hear of it. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `template` when it was deleted, and for somebody who has asked already or holds a key by it; `Throttled` after ten times
/// in an hour; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn ask(state: &AppState, actor: &Actor, template: TemplateId) -> Result<(), Fault> {
    actor.require(Permission::ViewProject)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ViewProject).await?;
                let record = store::templates::find(tx, actor.organization, template).await?.ok_or(Fault::NotFound)?;
                let project = record.project_id.parse().map_err(|_| Fault::Internal)?;
                let reached = projects::seen(tx, &actor, project).await?;
                if record.deleted_at.is_some() {
                    return Err(Fault::conflict("template", "This template was deleted, so its key can't be requested any more."));
                }
                if store::requests::holds(tx, template, actor.user).await? {
                    return Err(Fault::conflict("template", "You have a key by this template already."));
                }
                require_patience(tx, template, actor.user).await?;
                let id = KeyRequestId::new();
                store::requests::insert(tx, id, project, template, actor.user).await.map_err(asked_already)?;
                let request = store::requests::find(tx, actor.organization, id).await?.ok_or(Fault::Internal)?;
                auditor.record(tx, about(&actor, "request.created", &reached, &request)).await?;
                let deciders = projects::deciders(tx, actor.organization, project).await?;
                tell(tx, &actor, &deciders, NoticeEvent::Requested, &reached, &record.name, "").await
            })
        })
        .await
}

/// Goes on unless somebody asked and took it back again and again: each time those who decide hear of it.
async fn require_patience(tx: &mut Tx, template: TemplateId, user: UserId) -> Result<(), Fault> {
    let earliest = store::requests::asked_at(tx, template, user, ASKED_MAX - 1).await?;
    let wait_ms = earliest.map_or(0, |at| at.0 + ASKED_WITHIN_MS - Timestamp::now().0);
    let seconds = u64::try_from(wait_ms).unwrap_or_default().div_ceil(1000);
    if seconds == 0 { Ok(()) } else { Err(Fault::Throttled { seconds }) }
}

fn asked_already(error: store::Error) -> Fault {
    error.or_conflict("template", "You have asked for this key already. It waits to be decided.")
}

/// Takes back the actor's own request; those who decide hear of it. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `request` when it was decided meanwhile; `NotFound` also for another's; `Forbidden`, `Unavailable`.
pub async fn withdraw(state: &AppState, actor: &Actor, id: KeyRequestId) -> Result<(), Fault> {
    actor.require(Permission::ViewProject)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ViewProject).await?;
                let request = store::requests::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
                if request.asker()? != actor.user {
                    return Err(Fault::NotFound);
                }
                let reached = projects::seen(tx, &actor, request.project_id.parse().map_err(|_| Fault::Internal)?).await?;
                request.require_open()?;
                store::requests::decide(tx, &request.id, states::WITHDRAWN, actor.user, "", Timestamp::now()).await?;
                auditor.record(tx, about(&actor, "request.withdrawn", &reached, &request)).await?;
                let deciders = projects::deciders(tx, actor.organization, reached.id).await?;
                tell(tx, &actor, &deciders, NoticeEvent::Withdrawn, &reached, &request.template, "").await
            })
        })
        .await
}
