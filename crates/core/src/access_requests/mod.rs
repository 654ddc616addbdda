//! The rules for access requests: a user requests a key by template, and a manager of the project approves or rejects.

mod ask;
mod decide;
mod tiles;

pub use ask::{create, withdraw};
pub use decide::{approve, reject};
pub use tiles::cards;

use super::{audit::Event, change::Change, notifications, projects::ProjectAccess};
use latchkey_store::{
    self as store, Connection,
    access_requests::{AccessRequestRecord, state},
    notifications::NewNotification,
};
use latchkey_types::{
    error::Error,
    id::{ProjectId, TemplateId, UserId},
    key_template::RequestRow,
    notification::NotificationEvent,
    time::Timestamp,
};

/// The pending requests of a project, oldest first.
pub async fn open_requests(db: &mut Connection, project: ProjectId) -> Result<Vec<RequestRow>, Error> {
    let open = store::access_requests::open_of_project(db, project).await?;
    Ok(open.into_iter().map(AccessRequestRecord::row).collect())
}

/// Closes the open requests of a template that is being deleted, and notifies the requesters. Returns an audit event for each.
pub async fn close_all(change: &mut Change, access: &ProjectAccess, template: TemplateId) -> Result<Vec<Event>, Error> {
    let open = store::access_requests::open_of_template(&mut change.tx, template).await?;
    let mut events = Vec::with_capacity(open.len());
    for request in &open {
        store::access_requests::decide(&mut change.tx, request.id, state::CLOSED, change.actor.user, "", Timestamp::now()).await?;
        notify(change, &[request.user_id], NotificationEvent::Closed, access, request, "").await?;
        events.push(request_event(change, "request.closed", access, request));
    }
    Ok(events)
}

/// An audit event about a request.
fn request_event(change: &Change, action: &'static str, access: &ProjectAccess, request: &AccessRequestRecord) -> Event {
    change
        .event(action, "request", request.id, &request.template)
        .with("project", access.record.name.as_str())
        .with("user", request.user_name.as_str())
}

/// Notifies users except the actor.
async fn notify(
    change: &mut Change,
    recipients: &[UserId],
    event: NotificationEvent,
    access: &ProjectAccess,
    request: &AccessRequestRecord,
    comment: &str,
) -> Result<(), Error> {
    let others: Vec<_> = recipients.iter().copied().filter(|user| *user != change.actor.user).collect();
    let notice = NewNotification {
        event,
        project_id: Some(access.id),
        request_id: Some(request.id),
        link: None,
        project: access.record.name.clone(),
        template: request.template.clone(),
        actor_name: change.actor.name.clone(),
        comment: comment.to_owned(),
    };
    notifications::notify(&mut change.tx, &others, &notice).await
}

/// Requires that the request is pending.
///
/// # Errors
/// `Conflict` at `request` with the outcome.
fn require_open(record: &AccessRequestRecord) -> Result<(), Error> {
    let by = record.decider.as_deref().unwrap_or("another user");
    let message = match record.state.as_str() {
        state::OPEN => return Ok(()),
        state::APPROVED => format!("This request was already approved by {by}."),
        state::REJECTED => format!("This request was already rejected by {by}."),
        state::WITHDRAWN => format!("{} withdrew this request.", record.user_name),
        _ => "The template was deleted, and its requests were closed.".to_owned(),
    };
    Err(Error::conflict("request", message))
}
