//! Changes that affect verdicts, published to all instances on the database.

use super::{Store, StoreError, Tx};
use latchkey_types::time::Timestamp;

/// How long a change stays readable. An instance that misses more than this reloads its cache.
const RETENTION_MS: i64 = 60 * 60 * 1000;

#[derive(Debug, sqlx::FromRow)]
pub struct VerdictChange {
    /// Sequence number, without gaps.
    pub seq: i64,
    /// The digest of the affected key; `None` if many keys are affected.
    pub digest: Option<Vec<u8>>,
}

/// Records a change in the transaction that makes it. Returns its sequence number.
pub async fn record(tx: &mut Tx, digest: Option<&[u8]>) -> Result<i64, StoreError> {
    let now = Timestamp::now().0;
    // Write transactions are serialized, so the next number is free.
    let seq = sqlx::query_scalar(
        "insert into verdict_changes (seq, created_at, digest) select coalesce(max(seq), 0) + 1, $1, $2 from verdict_changes returning seq",
    )
    .bind(now)
    .bind(digest)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("delete from verdict_changes where created_at < $1 and seq < $2").bind(now - RETENTION_MS).bind(seq).execute(tx).await?;
    Ok(seq)
}

/// The sequence number of the newest change; 0 if there is none.
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from verdict_changes").fetch_one(store.check_pool()?).await?)
}

/// Changes after a sequence number, in order.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<VerdictChange>, StoreError> {
    Ok(sqlx::query_as("select seq, digest from verdict_changes where seq > $1 order by seq").bind(seq).fetch_all(store.check_pool()?).await?)
}
