//! Notifications shown in the page.

use latchkey_types::{error::Error, notification::Notification};
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx};
use latchkey_types::{
    id::{ProjectId, UserId},
    notification::NotificationEvent,
    time::Timestamp,
};

tokio::task_local! {
    /// Whether notifications written in this task are also queued for mail; set by [`Store::write`].
    pub(super) static MAIL_ENABLED: bool;
}

#[derive(Debug, Clone)]
pub struct NewNotification {
    pub event: NotificationEvent,
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    pub template: String,
    /// The name of the user who caused it.
    pub actor_name: String,
    /// Their comment; may be blank.
    pub comment: String,
}

/// Stores a notification for one user, and queues it for mail if mail is configured.
pub async fn insert(tx: &mut Tx, user: UserId, notification: &NewNotification) -> Result<(), StoreError> {
    let seq = sqlx::query_scalar(
        // Write transactions are serialized, so the next number is free.
        "insert into notifications (seq, user_id, event, project_id, project, template, actor_name, comment, created_at) \
         select coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 from notifications returning seq",
    )
    .bind(user.to_string())
    .bind(notification.event.as_str())
    .bind(notification.project_id.to_string())
    .bind(&notification.project)
    .bind(&notification.template)
    .bind(&notification.actor_name)
    .bind(&notification.comment)
    .bind(Timestamp::now().0)
    .fetch_one(&mut *tx)
    .await?;
    queue_mail(tx, seq).await
}

/// A notification as stored.
#[derive(Debug, sqlx::FromRow)]
pub struct NotificationRecord {
    /// Sequence number over all notifications.
    pub seq: i64,
    /// The recipient.
    pub user_id: String,
    /// A `NotificationEvent`.
    pub event: String,
    pub project_id: String,
    /// The project's name at that time.
    pub project: String,
    /// The template's name at that time.
    pub template: String,
    /// The name of the user who caused it.
    pub actor_name: String,
    /// Their comment; may be blank.
    pub comment: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; `None` while unread.
    pub read_at: Option<i64>,
}

/// The columns of a [`NotificationRecord`], of table alias `n`.
pub(super) const COLUMNS: &str = "n.seq, n.user_id, n.event, n.project_id, n.project, n.template, n.actor_name, n.comment, n.created_at, n.read_at";

/// A user's most recent notifications, newest first.
pub async fn of_user(store: &Store, user: UserId, limit: i64) -> Result<Vec<NotificationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notifications n where n.user_id = $1 order by n.seq desc limit $2"));
    Ok(sqlx::query_as(sql).bind(user.to_string()).bind(limit).fetch_all(store.read()?).await?)
}

/// Marks a user's notifications as read, up to and including a sequence number.
pub async fn mark_read(tx: &mut Tx, user: UserId, up_to: i64) -> Result<(), StoreError> {
    sqlx::query("update notifications set read_at = $1 where user_id = $2 and seq <= $3 and read_at is null")
        .bind(Timestamp::now().0)
        .bind(user.to_string())
        .bind(up_to)
        .execute(tx)
        .await?;
    Ok(())
}

/// The sequence number of the newest notification; 0 if there is none.
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from notifications").fetch_one(store.read()?).await?)
}

/// Notifications of all users after a sequence number, in order.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<NotificationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notifications n where n.seq > $1 order by n.seq limit 1000"));
    Ok(sqlx::query_as(sql).bind(seq).fetch_all(store.read()?).await?)
}

impl NotificationRecord {
    /// # Errors
    /// `Internal` if a stored value is invalid.
    pub fn to_notification(self) -> Result<Notification, Error> {
        Ok(Notification {
            seq: self.seq,
            event: self.event.parse().map_err(|_| Error::Internal)?,
            project_id: self.project_id.parse().map_err(|_| Error::Internal)?,
            project: self.project,
            template: self.template,
            actor_name: self.actor_name,
            comment: self.comment,
            created_at: Timestamp(self.created_at),
            is_read: self.read_at.is_some(),
        })
    }
}

/// Queues a notification if mail is configured.
async fn queue_mail(tx: &mut Tx, notification_seq: i64) -> Result<(), StoreError> {
    if MAIL_ENABLED.try_with(|queued| *queued).unwrap_or_default() {
        let sql = "insert into mail_queue (notification_seq, attempts, next_attempt_at) values ($1, 0, $2)";
        sqlx::query(sql).bind(notification_seq).bind(Timestamp::now().0).execute(tx).await?;
    }
    Ok(())
}
