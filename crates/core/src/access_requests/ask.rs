//! Creates and withdraws access requests.

use super::{notify, request_event, require_open};
use crate::{Core, actor::Actor, projects};
use latchkey_store::{self as store, Connection, access_requests::state as states};
use latchkey_types::{
    error::Error,
    id::{AccessRequestId, TemplateId, UserId},
    notification::NotificationEvent,
    permission::Permission,
    time::{MINUTE_MS, Timestamp},
};

/// The maximum number of requests of one user for one template within [`REQUEST_WINDOW_MS`].
const REQUESTS_MAX: i64 = 10;
const REQUEST_WINDOW_MS: i64 = 60 * MINUTE_MS;

/// Requests a key and notifies the approvers. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a draft; `Conflict` at `template` if it was deleted, or if the user already holds a key issued from it or has a pending
/// request for one; `Throttled` after ten requests in an hour.
pub async fn create(core: &Core, actor: &Actor, template: TemplateId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ViewProject]).await?;
    let (organization, user) = (change.actor.organization, change.actor.user);
    let record = store::key_templates::find(&mut change.tx, organization, template).await?.ok_or(Error::NotFound)?;
    let access = projects::find_visible(&mut change.tx, &change.actor, record.project_id).await?;
    if record.draft_since.is_some() {
        return Err(Error::NotFound);
    }
    if record.deleted_at.is_some() {
        return Err(Error::conflict("template", "This template was deleted. Its key can no longer be requested."));
    }
    if store::access_requests::has_valid_key(&mut change.tx, template, user).await? {
        return Err(Error::conflict("template", "You already have a key from this template."));
    }
    check_request_rate(&mut change.tx, template, user).await?;
    let id = AccessRequestId::new();
    store::access_requests::insert(&mut change.tx, id, access.id, template, user).await.map_err(already_requested)?;
    let request = store::access_requests::find(&mut change.tx, organization, id).await?.ok_or(Error::Internal)?;
    let approvers = projects::approvers(&mut change.tx, organization, access.id).await?;
    notify(&mut change, &approvers, NotificationEvent::Requested, &access, &request, "").await?;
    let event = request_event(&change, "request.created", &access, &request);
    change.commit([event]).await
}

/// Limits how often a user can request and withdraw, because each time the approvers are notified.
async fn check_request_rate(db: &mut Connection, template: TemplateId, user: UserId) -> Result<(), Error> {
    let earliest = store::access_requests::nth_last_requested_at(db, template, user, REQUESTS_MAX - 1).await?;
    let wait_ms = earliest.map_or(0, |at| at.0 + REQUEST_WINDOW_MS - Timestamp::now().0);
    let seconds = u64::try_from(wait_ms).unwrap_or_default().div_ceil(1000);
    if seconds == 0 { Ok(()) } else { Err(Error::Throttled { seconds }) }
}

fn already_requested(error: store::StoreError) -> Error {
    error.or_conflict("template", "You already have a pending request for this key.")
}

/// Withdraws the actor's own request and notifies the approvers. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `request` if it is no longer pending; `NotFound` also for requests of other users.
pub async fn withdraw(core: &Core, actor: &Actor, id: AccessRequestId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ViewProject]).await?;
    let (organization, user) = (change.actor.organization, change.actor.user);
    let request = store::access_requests::find(&mut change.tx, organization, id).await?.ok_or(Error::NotFound)?;
    if request.user_id != user {
        return Err(Error::NotFound);
    }
    let access = projects::find_visible(&mut change.tx, &change.actor, request.project_id).await?;
    require_open(&request)?;
    store::access_requests::decide(&mut change.tx, id, states::WITHDRAWN, user, "", Timestamp::now()).await?;
    let approvers = projects::approvers(&mut change.tx, organization, access.id).await?;
    notify(&mut change, &approvers, NotificationEvent::Withdrawn, &access, &request, "").await?;
    let event = request_event(&change, "request.withdrawn", &access, &request);
    change.commit([event]).await
}
