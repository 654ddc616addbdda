//! What people are told in the page.

use super::{Error, Tx};
use crate::model::{
    id::{ProjectId, UserId},
    notice::NoticeEvent,
    time::Timestamp,
};

/// A notice to be stored.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// What happened.
    pub event: NoticeEvent,
    /// In which project.
    pub project_id: ProjectId,
    /// That project's name.
    pub project: String,
    /// The template's name.
    pub template: String,
    /// The name of who did it.
    pub person: String,
    /// What they said; blank for nothing.
    pub word: String,
}

/// Stores a notice for one person.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, user: UserId, notice: &NewNotice) -> Result<(), Error> {
    sqlx::query(
        // Writers come one at a time, so the next number is free.
        "insert into notices (seq, user_id, event, project_id, project, template, person, word, created_at) \
         select coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 from notices",
    )
    .bind(user.to_string())
    .bind(notice.event.word())
    .bind(notice.project_id.to_string())
    .bind(&notice.project)
    .bind(&notice.template)
    .bind(&notice.person)
    .bind(&notice.word)
    .bind(Timestamp::now().0)
    .execute(tx)
    .await?;
    Ok(())
}
