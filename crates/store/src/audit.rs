//! Rows of the audit log.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use super::{Connection, Store, StoreError, Tx, fold, like_pattern};
use latchkey_types::{audit::action_label, id::OrganizationId, time::Timestamp};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    /// Sequence number, from 1, without gaps; 0 for an event that is not chained.
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
    pub actor: ActorFilter<'a>,
    /// The action; blank matches all.
    pub action: &'a str,
    /// The kind of object; blank matches all.
    pub object_kind: &'a str,
    /// Only events at or after this time.
    pub since: Option<Timestamp>,
    pub position: Position,
    pub limit: i64,
}

/// Whose events are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorFilter<'a> {
    All,
    /// A user or key, by id.
    Id(&'a str),
    /// `key` or `console`.
    Kind(&'a str),
}

/// Where in the log a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The newest rows.
    Newest,
    /// The newest rows before this sequence number.
    Before(i64),
    /// The oldest rows after this sequence number.
    After(i64),
}

/// The signed end of the chain.
#[derive(Debug, Clone, sqlx::FromRow)]
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
pub async fn after(db: impl Executor<'_, Database = sqlx::Any>, seq: i64, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    Ok(sqlx::query_as("select * from audit_events where seq > $1 order by seq limit $2").bind(seq).bind(limit).fetch_all(db).await?)
}

/// The HMAC of the row with this sequence number.
pub async fn mac_of(db: &mut Connection, seq: i64) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sqlx::query_scalar("select mac from audit_events where seq = $1").bind(seq).fetch_optional(db).await?)
}

/// Adds rows in one statement: an import writes a thousand.
pub async fn append(tx: &mut Tx, rows: &[AuditRow]) -> Result<(), StoreError> {
    let sql = format!(
        "insert into audit_events (seq, at, id, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, \
         detail, address, search_text, mac) \
         select cast(value ->> 0 as bigint), cast(value ->> 1 as bigint), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
         value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, {} from {}",
        tx.bytes_of_hex("value ->> 14"),
        tx.json_rows()
    );
    let rows: Value = rows.iter().map(to_json).collect();
    sqlx::query(AssertSqlSafe(sql)).bind(rows.to_string()).execute(tx).await?;
    Ok(())
}

/// The columns of an event that is not chained yet, for an [`AuditRow`] with the number 0 and an HMAC over the event alone.
const ENTRY: &str = "select cast(0 as bigint) as seq, id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, \
     object_name, detail, address, mac from audit_entries";

/// Stores events that are to be chained after the commit.
pub async fn insert_entries(tx: &mut Tx, rows: &[AuditRow]) -> Result<(), StoreError> {
    let sql = format!(
        "insert into audit_entries (id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, detail, \
         address, mac) \
         select value ->> 2, cast(value ->> 1 as bigint), value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, \
         value ->> 10, value ->> 11, value ->> 12, {} from {}",
        tx.bytes_of_hex("value ->> 14"),
        tx.json_rows()
    );
    let rows: Value = rows.iter().map(to_json).collect();
    sqlx::query(AssertSqlSafe(sql)).bind(rows.to_string()).execute(tx).await?;
    Ok(())
}

/// At most `limit` events that are not chained yet, with ids after this one, in order: those of a transaction in the order in which it wrote them.
pub async fn entries_after(store: &Store, db: &mut Connection, id: &str, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    let collation = store.bytewise_collation();
    let sql = AssertSqlSafe(format!("{ENTRY} where id{collation} > $1 order by id{collation} limit $2"));
    Ok(sqlx::query_as(sql).bind(id).bind(limit).fetch_all(db).await?)
}

/// Whether there are events that are not chained yet.
pub async fn has_entries(store: &Store) -> Result<bool, StoreError> {
    let found: i64 = sqlx::query_scalar("select count(*) from (select id from audit_entries limit 1) as first").fetch_one(store.read()?).await?;
    Ok(found > 0)
}

/// Removes events that were chained in this transaction.
pub async fn delete_entries(tx: &mut Tx, ids: &[&str]) -> Result<(), StoreError> {
    let sql = format!("delete from audit_entries where id in (select value ->> 0 from {})", tx.json_rows());
    sqlx::query(AssertSqlSafe(sql)).bind(listed(ids)).execute(tx).await?;
    Ok(())
}

/// Those of these events that are in the chain.
pub async fn chained(store: &Store, db: &mut Connection, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    among("audit_events", store, db, ids).await
}

/// Those of these events that are not chained yet.
pub async fn unchained(store: &Store, db: &mut Connection, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    among("audit_entries", store, db, ids).await
}

async fn among(table: &str, store: &Store, db: &mut Connection, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    let sql = AssertSqlSafe(format!("select id from {table} where id in (select value ->> 0 from {})", store.json_rows()));
    let found: Vec<String> = sqlx::query_scalar(sql).bind(listed(ids)).fetch_all(db).await?;
    Ok(found.into_iter().collect())
}

/// A JSON array for [`Store::json_rows`].
fn listed(ids: &[&str]) -> String {
    ids.iter().map(|id| json!([id])).collect::<Value>().to_string()
}

/// The columns in the order of [`append`].
fn to_json(row: &AuditRow) -> Value {
    json!([
        row.seq,
        row.at,
        row.id,
        row.organization_id,
        row.actor_kind,
        row.actor_id,
        row.actor_name,
        row.action,
        row.object_kind,
        row.object_id,
        row.object_name,
        row.detail,
        row.address,
        search_text(row),
        hex::encode(&row.mac),
    ])
}

/// The searchable texts of a row, one per line, so that a search does not match across two of them.
fn search_text(row: &AuditRow) -> String {
    let action = action_label(&row.action);
    fold(&[&row.actor_name, &row.action, &action, &row.object_name, &row.object_id, &row.address].map(String::as_str).join("\n"))
}

/// Rows of an organization's log, newest first.
pub async fn select(store: &Store, selection: &Selection<'_>) -> Result<Vec<AuditRow>, StoreError> {
    let search = fold(selection.search);
    let (after, before, order) = match selection.position {
        Position::Newest => (i64::MIN, i64::MAX, "desc"),
        Position::Before(seq) => (i64::MIN, seq, "desc"),
        Position::After(seq) => (seq, i64::MAX, "asc"),
    };
    // Only the filters that are set are part of the statement, so that one of them can use its index. A kind of actor has none: its events are
    // found like those of a search.
    let (actor, actor_value) = match selection.actor {
        ActorFilter::All => ("$6 = ''", ""),
        ActorFilter::Id(id) => ("actor_id = $6", id),
        ActorFilter::Kind(kind) => ("actor_kind = $6", kind),
    };
    let action = if selection.action.is_empty() { "$7 = ''" } else { "action = $7" };
    let object_kind = if selection.object_kind.is_empty() { "$8 = ''" } else { "object_kind = $8" };
    let sql = AssertSqlSafe(format!(
        "select * from audit_events where organization_id = $1 and seq > $2 and seq < $3 and at >= $4 \
         and ($5 = '' or search_text like $10 escape '\\') and {actor} and {action} and {object_kind} order by seq {order} limit $9"
    ));
    // A search with few matches scans all rows.
    let _permit = store.list_permit().await?;
    let mut rows: Vec<AuditRow> = sqlx::query_as(sql)
        .bind(selection.organization)
        .bind(after)
        .bind(before)
        .bind(selection.since.unwrap_or(Timestamp(i64::MIN)))
        .bind(&search)
        .bind(actor_value)
        .bind(selection.action)
        .bind(selection.object_kind)
        .bind(selection.limit)
        .bind(like_pattern(&search))
        .fetch_all(store.read()?)
        .await?;
    if order == "asc" {
        rows.reverse();
    }
    Ok(rows)
}

/// Id and name of an organization's members, sorted by name.
pub async fn actors(store: &Store, organization: OrganizationId) -> Result<Vec<(String, String)>, StoreError> {
    let sql = AssertSqlSafe(format!("select id, name from users where organization_id = $1 order by name_folded{}, id", store.bytewise_collation()));
    Ok(sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?)
}

/// The names of an organization's objects with these ids, by id. Unknown ids are left out.
pub async fn names(store: &Store, organization: OrganizationId, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let listed = store.json_rows();
    // `coalesce` prevents the use of the organization's index: an id identifies the row.
    let of =
        |table: &str| format!("select id, name from {table} where id in (select value ->> 0 from {listed}) and coalesce(organization_id, '') = $2");
    let sql = AssertSqlSafe(["users", "roles", "projects", "api_keys", "credentials"].map(of).join(" union all "));
    let rows: Value = ids.iter().map(|id| json!([id])).collect();
    let named: Vec<(String, String)> = sqlx::query_as(sql).bind(rows.to_string()).bind(organization).fetch_all(store.read()?).await?;
    Ok(named.into_iter().collect())
}
