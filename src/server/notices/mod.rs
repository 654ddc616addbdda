//! Notifications of users.

mod news;
mod stream;

pub use news::{News, gather};
pub use stream::routes;

use super::{
    actor::Actor,
    state::AppState,
    store::{
        self, Tx,
        notices::{NewNotice, NoticeRecord},
    },
};
use crate::model::{fault::Fault, id::UserId, notice::Notice, time::Timestamp};

/// Number of notifications in the list.
const LIST_MAX: i64 = 50;

impl NoticeRecord {
    /// # Errors
    /// `Internal` if a stored value is invalid.
    pub fn notice(self) -> Result<Notice, Fault> {
        Ok(Notice {
            seq: self.seq,
            event: self.event.parse().map_err(|_| Fault::Internal)?,
            project_id: self.project_id.parse().map_err(|_| Fault::Internal)?,
            project: self.project,
            template: self.template,
            person: self.person,
            word: self.word,
            created_at: Timestamp(self.created_at),
            is_read: self.read_at.is_some(),
        })
    }
}

/// Stores a notification for each user, in the transaction of the change that it reports. It appears in the page immediately, and is queued
/// as email if a mail server is configured.
pub async fn tell(tx: &mut Tx, users: &[UserId], notice: &NewNotice) -> Result<(), Fault> {
    for user in users {
        store::notices::insert(tx, *user, notice).await?;
    }
    Ok(())
}

/// The user's latest notifications, newest first. Needs no permission: users read only their own.
pub async fn recent(state: &AppState, actor: &Actor) -> Result<Vec<Notice>, Fault> {
    let records = store::notices::of_user(&state.store, actor.user, LIST_MAX).await?;
    records.into_iter().map(NoticeRecord::notice).collect()
}

/// Marks the user's notifications up to sequence number `up_to` as read. Needs no permission: users change only their own.
pub async fn mark_read(state: &AppState, actor: &Actor, up_to: i64) -> Result<(), Fault> {
    let user = actor.user;
    state.store.write(move |tx| Box::pin(async move { Ok(store::notices::mark_read(tx, user, up_to).await?) })).await
}
