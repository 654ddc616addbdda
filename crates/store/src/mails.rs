//! Notifications queued for mail. The text of a mail is rendered when it is sent; the queue holds only the order and the attempts.

use sqlx::AssertSqlSafe;

use super::{
    Error, Store, Tx,
    notifications::{COLUMNS, NoticeRecord},
};
use latchkey_types::time::Timestamp;

tokio::task_local! {
    /// Whether notifications written in this task are also queued for mail; set by [`Store::write`].
    pub(super) static QUEUED: bool;
}

/// Queues a notification if mail is configured.
pub(super) async fn queue(tx: &mut Tx, notice: i64) -> Result<(), Error> {
    if QUEUED.try_with(|queued| *queued).unwrap_or_default() {
        let sql = "insert into mails (notice, attempts, next_at) values ($1, 0, $2)";
        sqlx::query(sql).bind(notice).bind(Timestamp::now().0).execute(tx).await?;
    }
    Ok(())
}

/// A notification that is due.
#[derive(Debug, sqlx::FromRow)]
pub struct MailRecord {
    #[sqlx(flatten)]
    pub notice: NoticeRecord,
    /// Number of attempts, including this one.
    pub attempts: i64,
    /// The recipient's address.
    pub email: String,
    pub name: String,
    /// When the recipient was disabled: Unix milliseconds.
    pub disabled_at: Option<i64>,
}

/// Whether a mail is due.
pub async fn is_one_due(store: &Store, now: Timestamp) -> Result<bool, Error> {
    let due: i64 = sqlx::query_scalar("select count(*) from mails where next_at <= $1").bind(now.0).fetch_one(store.read()?).await?;
    Ok(due > 0)
}

/// Claims the next mail that is due until `until`. If its sender dies, the mail becomes due again at that time.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Option<MailRecord>, Error> {
    let claimed: Option<i64> = sqlx::query_scalar(
        "update mails set attempts = attempts + 1, next_at = $1 \
         where notice = (select notice from mails where next_at <= $2 order by next_at, notice limit 1) returning notice",
    )
    .bind(until.0)
    .bind(now.0)
    .fetch_optional(&mut *tx)
    .await?;
    let sql = AssertSqlSafe(format!(
        "select {COLUMNS}, m.attempts, u.email, u.name, u.disabled_at from mails m join notices n on n.seq = m.notice \
         join users u on u.id = n.user_id where m.notice = $1"
    ));
    Ok(sqlx::query_as(sql).bind(claimed).fetch_optional(tx).await?)
}

/// Postpones a mail.
pub async fn put_off(tx: &mut Tx, notice: i64, until: Timestamp) -> Result<(), Error> {
    sqlx::query("update mails set next_at = $1 where notice = $2").bind(until.0).bind(notice).execute(tx).await?;
    Ok(())
}

/// Removes a mail from the queue: it was sent or never will be.
pub async fn remove(tx: &mut Tx, notice: i64) -> Result<(), Error> {
    sqlx::query("delete from mails where notice = $1").bind(notice).execute(tx).await?;
    Ok(())
}
