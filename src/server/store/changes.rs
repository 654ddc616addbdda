//! What changed a verdict, for every process on the database.

use super::{Error, Store, Tx};
use crate::model::time::Timestamp;

/// How long a change stays readable; a process that sleeps longer starts afresh.
const KEPT_MS: i64 = 60 * 60 * 1000;

/// One change.
#[derive(Debug, sqlx::FromRow)]
pub struct Change {
    /// Its place; without gaps.
    pub seq: i64,
    /// The digest of the key that it is about; `None` for many keys.
    pub digest: Option<Vec<u8>>,
}

/// Notes a change in the transaction that makes it. Answers its place.
///
/// # Errors
/// What the database says.
pub async fn note(tx: &mut Tx, digest: Option<&[u8]>) -> Result<i64, Error> {
    let now = Timestamp::now().0;
    // Writers come one at a time, so the next number is free.
    let seq = sqlx::query_scalar("insert into changes (seq, at, digest) select coalesce(max(seq), 0) + 1, $1, $2 from changes returning seq")
        .bind(now)
        .bind(digest)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("delete from changes where at < $1 and seq < $2").bind(now - KEPT_MS).bind(seq).execute(tx).await?;
    Ok(seq)
}

/// The place of the newest change; 0 when there was none.
///
/// # Errors
/// What the database says.
pub async fn newest(store: &Store) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from changes").fetch_one(store.watching()?).await?)
}

/// Changes after a place, in order.
///
/// # Errors
/// What the database says.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<Change>, Error> {
    Ok(sqlx::query_as("select seq, digest from changes where seq > $1 order by seq").bind(seq).fetch_all(store.watching()?).await?)
}
