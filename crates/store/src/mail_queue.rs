//! Notifications queued for mail. The text of a mail is rendered when it is sent; the queue holds only the order and the attempts.

use sqlx::AssertSqlSafe;

use super::{
    Store, StoreError, Tx,
    notifications::{COLUMNS, NotificationRecord},
};
use latchkey_types::time::Timestamp;

/// A notification that is due.
#[derive(Debug, sqlx::FromRow)]
pub struct QueuedMail {
    #[sqlx(flatten)]
    pub notification: NotificationRecord,
    /// Number of attempts, including this one.
    pub attempts: i64,
    /// The recipient's address.
    pub email: String,
    pub name: String,
    /// When the recipient was disabled.
    pub disabled_at: Option<Timestamp>,
}

/// Whether a mail is due.
pub async fn has_due(store: &Store, now: Timestamp) -> Result<bool, StoreError> {
    let due: i64 = sqlx::query_scalar("select count(*) from mail_queue where next_attempt_at <= $1").bind(now).fetch_one(store.read()?).await?;
    Ok(due > 0)
}

/// Claims the next mail that is due until `until`. If its sender dies, the mail becomes due again at that time.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Option<QueuedMail>, StoreError> {
    // Another instance may be claiming the first one.
    let sql = AssertSqlSafe(format!(
        "update mail_queue set attempts = attempts + 1, next_attempt_at = $1 where notification_seq = (select notification_seq from mail_queue \
         where next_attempt_at <= $2 order by next_attempt_at, notification_seq limit 1{}) returning notification_seq",
        tx.for_update_of_unlocked()
    ));
    let claimed: Option<i64> = sqlx::query_scalar(sql).bind(until).bind(now).fetch_optional(&mut *tx).await?;
    let sql = AssertSqlSafe(format!(
        "select {COLUMNS}, m.attempts, u.email, u.name, u.disabled_at from mail_queue m join notifications n on n.seq = m.notification_seq \
         join users u on u.id = n.user_id where m.notification_seq = $1"
    ));
    Ok(sqlx::query_as(sql).bind(claimed).fetch_optional(tx).await?)
}

/// Postpones a mail.
pub async fn postpone(tx: &mut Tx, notification_seq: i64, until: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update mail_queue set next_attempt_at = $1 where notification_seq = $2").bind(until).bind(notification_seq).execute(tx).await?;
    Ok(())
}

/// Removes a mail from the queue: it was sent or never will be.
pub async fn remove(tx: &mut Tx, notification_seq: i64) -> Result<(), StoreError> {
    sqlx::query("delete from mail_queue where notification_seq = $1").bind(notification_seq).execute(tx).await?;
    Ok(())
}
