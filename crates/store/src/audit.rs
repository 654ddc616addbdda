//! Rows of the audit log.

use sqlx::{AnyPool, Executor};

use super::{Store, StoreError, Tx, columns::Columns, fold, like_pattern};
use latchkey_types::{audit::action_label, id::OrganizationId, time::Timestamp};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    /// Sequence number, from 1, without gaps.
    pub seq: i64,
    pub id: String,
    /// Unix milliseconds.
    pub at: i64,
    pub organization_id: String,
    /// `user`, `key` or `console`.
    pub actor_kind: String,
    /// The id of the user or key; empty for the console.
    pub actor_id: String,
    /// The actor's name at that time.
    pub actor_name: String,
    /// For example `key.created`.
    pub action: String,
    /// For example `key`.
    pub object_kind: String,
    pub object_id: String,
    /// The object's name at that time.
    pub object_name: String,
    /// A JSON object.
    pub detail: String,
    /// The client's IP address; empty if unknown.
    pub address: String,
    /// HMAC over the chain before this row and all fields above.
    pub mac: Vec<u8>,
}

/// Filter for rows of an organization's log.
pub struct Selection<'a> {
    pub organization: OrganizationId,
    /// Text to search for, ignoring case; blank matches all.
    pub search: &'a str,
    /// Only events at or after this time.
    pub since: Option<Timestamp>,
    /// Only rows before this sequence number.
    pub before: Option<i64>,
    pub limit: i64,
}

/// The signed end of the chain.
#[derive(Debug, sqlx::FromRow)]
pub struct HeadRow {
    /// Sequence number of the last row.
    pub seq: i64,
    /// HMAC over `seq` and the last row's MAC.
    pub mac: Vec<u8>,
}

/// The chain's end. Fails if it is missing.
pub async fn head(db: impl Executor<'_, Database = sqlx::Any>) -> Result<HeadRow, StoreError> {
    Ok(sqlx::query_as("select seq, mac from audit_head where id = 1").fetch_one(db).await?)
}

pub async fn set_head(tx: &mut Tx, seq: i64, mac: &[u8]) -> Result<(), StoreError> {
    sqlx::query("insert into audit_head (id, seq, mac) values (1, $1, $2) on conflict (id) do update set seq = excluded.seq, mac = excluded.mac")
        .bind(seq)
        .bind(mac)
        .execute(tx)
        .await?;
    Ok(())
}

/// At most `limit` rows after a sequence number, in order.
pub async fn after(pool: &AnyPool, seq: i64, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    Ok(sqlx::query_as("select * from audit_events where seq > $1 order by seq limit $2").bind(seq).bind(limit).fetch_all(pool).await?)
}

pub async fn append(tx: &mut Tx, row: &AuditRow) -> Result<(), StoreError> {
    Columns::new()
        .set("seq", row.seq)
        .set("id", &row.id)
        .set("at", row.at)
        .set("organization_id", &row.organization_id)
        .set("actor_kind", &row.actor_kind)
        .set("actor_id", &row.actor_id)
        .set("actor_name", &row.actor_name)
        .set("action", &row.action)
        .set("object_kind", &row.object_kind)
        .set("object_id", &row.object_id)
        .set("object_name", &row.object_name)
        .set("detail", &row.detail)
        .set("address", &row.address)
        .set("mac", &row.mac)
        .set("search_text", search_text(row))
        .insert(tx, "audit_events")
        .await
}

/// The searchable texts of a row, one per line, so that a search does not match across two of them.
fn search_text(row: &AuditRow) -> String {
    let action = action_label(&row.action);
    fold(&[&row.actor_name, &row.action, &action, &row.object_name, &row.object_id, &row.address].map(String::as_str).join("\n"))
}

/// Rows of an organization's log, newest first.
pub async fn select(store: &Store, selection: &Selection<'_>) -> Result<Vec<AuditRow>, StoreError> {
    let search = fold(selection.search);
    // A search with few matches scans all rows.
    let _permit = store.list_permits.acquire().await.map_err(|_| StoreError::Unavailable)?;
    let rows = sqlx::query_as(
        "select * from audit_events where organization_id = $1 and seq < $2 and at >= $3 and ($4 = '' or search_text like $5 escape '\\') \
         order by seq desc limit $6",
    )
    .bind(selection.organization)
    .bind(selection.before.unwrap_or(i64::MAX))
    .bind(selection.since.unwrap_or(Timestamp(i64::MIN)))
    .bind(&search)
    .bind(like_pattern(&search))
    .bind(selection.limit)
    .fetch_all(store.read()?)
    .await?;
    Ok(rows)
}
