//! What people are told in the page.

use sqlx::AssertSqlSafe;

use super::{Error, Store, Tx, mails};
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

/// Stores a notice for one person, and queues it for the mail where that is sent.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, user: UserId, notice: &NewNotice) -> Result<(), Error> {
    let seq = sqlx::query_scalar(
        // Writers come one at a time, so the next number is free.
        "insert into notices (seq, user_id, event, project_id, project, template, person, word, created_at) \
         select coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 from notices returning seq",
    )
    .bind(user.to_string())
    .bind(notice.event.word())
    .bind(notice.project_id.to_string())
    .bind(&notice.project)
    .bind(&notice.template)
    .bind(&notice.person)
    .bind(&notice.word)
    .bind(Timestamp::now().0)
    .fetch_one(&mut *tx)
    .await?;
    mails::queue(tx, seq).await
}

/// A notice as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub struct NoticeRecord {
    /// Its place among all.
    pub seq: i64,
    /// Who is told.
    pub user_id: String,
    /// What happened: a word.
    pub event: String,
    /// In which project.
    pub project_id: String,
    /// That project's name then.
    pub project: String,
    /// The template's name then.
    pub template: String,
    /// The name of who did it.
    pub person: String,
    /// What they said.
    pub word: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When it was read.
    pub read_at: Option<i64>,
}

/// The columns of a [`NoticeRecord`], of the table `n`.
pub(super) const COLUMNS: &str = "n.seq, n.user_id, n.event, n.project_id, n.project, n.template, n.person, n.word, n.created_at, n.read_at";

/// What somebody was told last, the newest first.
///
/// # Errors
/// What the database says.
pub async fn of_user(store: &Store, user: UserId, limit: i64) -> Result<Vec<NoticeRecord>, Error> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notices n where n.user_id = $1 order by n.seq desc limit $2"));
    Ok(sqlx::query_as(sql).bind(user.to_string()).bind(limit).fetch_all(store.read()?).await?)
}

/// Notes that somebody read what they were told up to a place.
///
/// # Errors
/// What the database says.
pub async fn mark_read(tx: &mut Tx, user: UserId, up_to: i64) -> Result<(), Error> {
    sqlx::query("update notices set read_at = $1 where user_id = $2 and seq <= $3 and read_at is null")
        .bind(Timestamp::now().0)
        .bind(user.to_string())
        .bind(up_to)
        .execute(tx)
        .await?;
    Ok(())
}

/// The place of the newest notice; 0 when there was none.
///
/// # Errors
/// What the database says.
pub async fn newest(store: &Store) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from notices").fetch_one(store.read()?).await?)
}

/// What anybody was told after a place, in order.
///
/// # Errors
/// What the database says.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<NoticeRecord>, Error> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notices n where n.seq > $1 order by n.seq limit 1000"));
    Ok(sqlx::query_as(sql).bind(seq).fetch_all(store.read()?).await?)
}
