//! The rules for notices: who is told what.

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

/// How many notices somebody sees.
const SHOWN: i64 = 50;

impl NoticeRecord {
    /// What its reader sees of it.
    ///
    /// # Errors
    /// `Internal` when a stored word is none of ours.
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

/// Tells people, in the transaction that they are told of: in the page at once, and by mail where that is sent.
///
/// # Errors
/// `Unavailable`.
pub async fn tell(tx: &mut Tx, people: &[UserId], notice: &NewNotice) -> Result<(), Fault> {
    for person in people {
        store::notices::insert(tx, *person, notice).await?;
    }
    Ok(())
}

/// What the reader was told last, the newest first. Needs no permission: everybody reads their own.
///
/// # Errors
/// `Unavailable`.
pub async fn recent(state: &AppState, actor: &Actor) -> Result<Vec<Notice>, Fault> {
    let told = store::notices::of_user(&state.store, actor.user, SHOWN).await?;
    told.into_iter().map(NoticeRecord::notice).collect()
}

/// Notes that the reader read what they were told up to a place. Needs no permission: everybody reads their own.
///
/// # Errors
/// `Unavailable`.
pub async fn mark_read(state: &AppState, actor: &Actor, up_to: i64) -> Result<(), Fault> {
    let user = actor.user;
    state.store.write(move |tx| Box::pin(async move { Ok(store::notices::mark_read(tx, user, up_to).await?) })).await
}
