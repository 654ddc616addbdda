//! Notifications of users.

pub mod hub;

pub use hub::{NotificationHub, close_streams_of_ended_sessions, deliver_notifications};

use super::{Core, actor::Actor};
use latchkey_store::{
    self as store, Tx,
    notifications::{NewNotification, NotificationRecord},
};
use latchkey_types::{
    error::Error,
    id::UserId,
    notification::{NOTIFICATIONS_MAX, Notification},
};

/// Stores a notification for each user, in the transaction of the change that it reports. It appears in the page immediately, and is queued
/// as email if a mail server is configured.
pub async fn notify(tx: &mut Tx, users: &[UserId], notice: &NewNotification) -> Result<(), Error> {
    for user in users {
        store::notifications::insert(tx, *user, notice).await?;
    }
    Ok(())
}

/// The user's latest notifications, or the latest before the one with this sequence number, newest first. Needs no permission: users read
/// only their own.
pub async fn list(core: &Core, actor: &Actor, before: Option<i64>) -> Result<Vec<Notification>, Error> {
    let records = store::notifications::of_user(&core.store, actor.user, before.unwrap_or(i64::MAX), NOTIFICATIONS_MAX.into()).await?;
    Ok(records.into_iter().filter_map(NotificationRecord::to_notification).collect())
}

/// Marks the user's notifications from one sequence number up to and including another as read. Needs no permission: users change only
/// their own.
pub async fn mark_read(core: &Core, actor: &Actor, range: (i64, i64)) -> Result<(), Error> {
    let mut change = core.begin(actor, &[]).await?;
    store::notifications::mark_read(&mut change.tx, change.actor.user, range).await?;
    change.commit([]).await
}
