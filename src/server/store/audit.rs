//! The audit log's rows.

use sqlx::{AnyPool, Executor};

use super::{Error, Store, Tx, fold, like_pattern};
use crate::model::{audit::action_in_words, id::OrganizationId, time::Timestamp};

/// One line of the log, as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    /// Its place, from 1, without gaps.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// When it happened: Unix milliseconds.
    pub at: i64,
    /// Whose log it belongs to.
    pub organization_id: String,
    /// `user`, `key` or `console`.
    pub actor_kind: String,
    /// The id of who did it.
    pub actor_id: String,
    /// Their name at that time.
    pub actor_name: String,
    /// What was done: `key.created`.
    pub action: String,
    /// To what: `key`.
    pub object_kind: String,
    /// Its id.
    pub object_id: String,
    /// Its name at that time.
    pub object_name: String,
    /// More, as a JSON object.
    pub detail: String,
    /// From which address.
    pub address: String,
    /// HMAC over the link before and everything above.
    pub mac: Vec<u8>,
}

/// Which rows of an organization's log.
pub struct Selection<'a> {
    /// Whose log.
    pub organization: OrganizationId,
    /// What a row's texts must hold, whatever the case; blank for all.
    pub search: &'a str,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this place.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// The end of the chain.
#[derive(Debug, sqlx::FromRow)]
pub struct HeadRow {
    /// The last row's place.
    pub seq: i64,
    /// HMAC over that place and the last row's mac.
    pub mac: Vec<u8>,
}

/// The chain's end.
///
/// # Errors
/// What the database says; also when there is none.
pub async fn head(db: impl Executor<'_, Database = sqlx::Any>) -> Result<HeadRow, Error> {
    Ok(sqlx::query_as("select seq, mac from audit_head where id = 1").fetch_one(db).await?)
}

/// Moves the chain's end.
///
/// # Errors
/// What the database says.
pub async fn set_head(tx: &mut Tx, seq: i64, mac: &[u8]) -> Result<(), Error> {
    sqlx::query("insert into audit_head (id, seq, mac) values (1, $1, $2) on conflict (id) do update set seq = excluded.seq, mac = excluded.mac")
        .bind(seq)
        .bind(mac)
        .execute(tx)
        .await?;
    Ok(())
}

/// Up to so many rows after a place, in order.
///
/// # Errors
/// What the database says.
pub async fn after(pool: &AnyPool, seq: i64, limit: i64) -> Result<Vec<AuditRow>, Error> {
    Ok(sqlx::query_as("select * from audit_events where seq > $1 order by seq limit $2").bind(seq).bind(limit).fetch_all(pool).await?)
}

/// Adds a row.
///
/// # Errors
/// What the database says.
pub async fn append(tx: &mut Tx, row: &AuditRow) -> Result<(), Error> {
    sqlx::query(
        "insert into audit_events (seq, id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, \
         detail, address, mac, folded) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(row.seq)
    .bind(&row.id)
    .bind(row.at)
    .bind(&row.organization_id)
    .bind(&row.actor_kind)
    .bind(&row.actor_id)
    .bind(&row.actor_name)
    .bind(&row.action)
    .bind(&row.object_kind)
    .bind(&row.object_id)
    .bind(&row.object_name)
    .bind(&row.detail)
    .bind(&row.address)
    .bind(&row.mac)
    .bind(searched(row))
    .execute(tx)
    .await?;
    Ok(())
}

/// What a row is found by, a line each, so that nothing is found across two of them.
fn searched(row: &AuditRow) -> String {
    let told = action_in_words(&row.action);
    fold(&[&row.actor_name, &row.action, &told, &row.object_name, &row.object_id, &row.address].map(String::as_str).join("\n"))
}

/// Rows of an organization's log, newest first.
///
/// # Errors
/// What the database says.
pub async fn select(store: &Store, selection: &Selection<'_>) -> Result<Vec<AuditRow>, Error> {
    let search = fold(selection.search);
    // A search that finds little walks over everything.
    let _turn = store.lists.acquire().await.map_err(|_| Error::Lost)?;
    let rows = sqlx::query_as(
        "select * from audit_events where organization_id = $1 and seq < $2 and at >= $3 and ($4 = '' or folded like $5 escape '\\') \
         order by seq desc limit $6",
    )
    .bind(selection.organization.to_string())
    .bind(selection.before.unwrap_or(i64::MAX))
    .bind(selection.since.map_or(i64::MIN, |since| since.0))
    .bind(&search)
    .bind(like_pattern(&search))
    .bind(selection.limit)
    .fetch_all(store.read()?)
    .await?;
    Ok(rows)
}
