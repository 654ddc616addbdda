//! Notifications shown in the page.

use latchkey_types::{error::Fault, notification::Notice};
use sqlx::AssertSqlSafe;

use super::{Error, Store, Tx, mails};
use latchkey_types::{
    id::{ProjectId, UserId},
    notification::NoticeEvent,
    time::Timestamp,
};

#[derive(Debug, Clone)]
pub struct NewNotice {
    pub event: NoticeEvent,
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    pub template: String,
    /// The name of the user who caused it.
    pub person: String,
    /// Their comment; may be blank.
    pub word: String,
}

/// Stores a notification for one user, and queues it for mail if mail is configured.
pub async fn insert(tx: &mut Tx, user: UserId, notice: &NewNotice) -> Result<(), Error> {
    let seq = sqlx::query_scalar(
        // Write transactions are serialized, so the next number is free.
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

/// A notification as stored.
#[derive(Debug, sqlx::FromRow)]
pub struct NoticeRecord {
    /// Sequence number over all notifications.
    pub seq: i64,
    /// The recipient.
    pub user_id: String,
    /// A `NoticeEvent`.
    pub event: String,
    pub project_id: String,
    /// The project's name at that time.
    pub project: String,
    /// The template's name at that time.
    pub template: String,
    /// The name of the user who caused it.
    pub person: String,
    /// Their comment; may be blank.
    pub word: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; `None` while unread.
    pub read_at: Option<i64>,
}

/// The columns of a [`NoticeRecord`], of table alias `n`.
pub(super) const COLUMNS: &str = "n.seq, n.user_id, n.event, n.project_id, n.project, n.template, n.person, n.word, n.created_at, n.read_at";

/// A user's most recent notifications, newest first.
pub async fn of_user(store: &Store, user: UserId, limit: i64) -> Result<Vec<NoticeRecord>, Error> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notices n where n.user_id = $1 order by n.seq desc limit $2"));
    Ok(sqlx::query_as(sql).bind(user.to_string()).bind(limit).fetch_all(store.read()?).await?)
}

/// Marks a user's notifications as read, up to and including a sequence number.
pub async fn mark_read(tx: &mut Tx, user: UserId, up_to: i64) -> Result<(), Error> {
    sqlx::query("update notices set read_at = $1 where user_id = $2 and seq <= $3 and read_at is null")
        .bind(Timestamp::now().0)
        .bind(user.to_string())
        .bind(up_to)
        .execute(tx)
        .await?;
    Ok(())
}

/// The sequence number of the newest notification; 0 if there is none.
pub async fn newest(store: &Store) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from notices").fetch_one(store.read()?).await?)
}

/// Notifications of all users after a sequence number, in order.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<NoticeRecord>, Error> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notices n where n.seq > $1 order by n.seq limit 1000"));
    Ok(sqlx::query_as(sql).bind(seq).fetch_all(store.read()?).await?)
}

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
