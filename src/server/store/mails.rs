//! Notices that are still to be sent by mail. What a mail says is made when it is sent: here stands only whose turn it is.

use sqlx::AssertSqlSafe;

use super::{
    Error, Store, Tx,
    notices::{COLUMNS, NoticeRecord},
};
use crate::model::time::Timestamp;

tokio::task_local! {
    /// Whether what is written now is to be sent by mail too: [`Store::write`] knows, and who tells need not.
    pub(super) static QUEUED: bool;
}

/// Queues a notice, where mail is sent.
///
/// # Errors
/// What the database says.
pub(super) async fn queue(tx: &mut Tx, notice: i64) -> Result<(), Error> {
    if QUEUED.try_with(|queued| *queued).unwrap_or_default() {
        let sql = "insert into mails (notice, attempts, next_at) values ($1, 0, $2)";
        sqlx::query(sql).bind(notice).bind(Timestamp::now().0).execute(tx).await?;
    }
    Ok(())
}

/// A notice whose turn it is.
#[derive(Debug, sqlx::FromRow)]
pub struct MailRecord {
    /// The notice.
    #[sqlx(flatten)]
    pub notice: NoticeRecord,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// The address of who is told.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Since when they may not come in.
    pub disabled_at: Option<i64>,
}

/// Whether one is due.
///
/// # Errors
/// What the database says.
pub async fn is_one_due(store: &Store, now: Timestamp) -> Result<bool, Error> {
    let due: i64 = sqlx::query_scalar("select count(*) from mails where next_at <= $1").bind(now.0).fetch_one(store.read()?).await?;
    Ok(due > 0)
}

/// Takes the next one that is due. It is nobody else's until that moment; should its sender die, it is due again then.
///
/// # Errors
/// What the database says.
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

/// Puts one off until a moment.
///
/// # Errors
/// What the database says.
pub async fn put_off(tx: &mut Tx, notice: i64, until: Timestamp) -> Result<(), Error> {
    sqlx::query("update mails set next_at = $1 where notice = $2").bind(until.0).bind(notice).execute(tx).await?;
    Ok(())
}

/// Takes one out of the queue: it was sent, or never will be.
///
/// # Errors
/// What the database says.
pub async fn remove(tx: &mut Tx, notice: i64) -> Result<(), Error> {
    sqlx::query("delete from mails where notice = $1").bind(notice).execute(tx).await?;
    Ok(())
}
