//! The instances on PostgreSQL, as the page lists them.

use super::{Store, StoreError};
use latchkey_types::{id::InstanceId, time::Timestamp};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InstanceRecord {
    pub id: InstanceId,
    pub name: String,
    pub version: String,
    pub started_at: Timestamp,
    pub lag_ms: i64,
    pub ended_at: Option<Timestamp>,
}

/// The instances that have not ended, or only after this time; none on SQLite.
pub async fn list(store: &Store, ended_after: Timestamp) -> Result<Vec<InstanceRecord>, StoreError> {
    let sql = "select id, name, version, started_at, lag_ms, ended_at from instances where ended_at is null or ended_at > $1 \
         order by name, started_at, id";
    Ok(sqlx::query_as(sql).bind(ended_after).fetch_all(store.read()?).await?)
}
