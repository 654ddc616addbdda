//! A project's issued keys, with their usage in a period.

use sqlx::AssertSqlSafe;

use super::{
    Connection, Store, StoreError, Tx, fold, keys, like_pattern, placeholders,
    usage::{COST_SUM, CostSum},
};
use latchkey_types::{
    id::{KeyId, OrganizationId, ProjectId},
    issued_key::{Bucket, IssuedOrder, IssuedSort, Span},
    time::Timestamp,
};

#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub organization: OrganizationId,
    pub project: ProjectId,
    pub span: Span,
    /// Part of the name of a key or of its holder; empty for all.
    pub search: &'a str,
    pub now: Timestamp,
}

/// An issued key with its usage in the period.
#[derive(Debug, sqlx::FromRow)]
pub struct IssuedKeyUsage {
    pub id: KeyId,
    pub name: String,
    /// The holder's name.
    pub holder: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub holder_disabled_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub requests: i64,
    #[sqlx(flatten)]
    pub cost: CostSum,
}

/// Totals over all keys of the list.
#[derive(Debug, sqlx::FromRow)]
pub struct Totals {
    /// Number of keys.
    pub count: i64,
    pub requests: i64,
    #[sqlx(flatten)]
    pub cost: CostSum,
}

/// Table and column of a period's usage, the first and (exclusive) last value of that column, and the width of one bucket.
const fn usage_source(span: Span) -> (&'static str, &'static str, i64, i64, i64) {
    match span.bucket {
        Bucket::Hour => ("usage_by_minute", "minute", span.first, span.first + span.count * 60, 60),
        Bucket::Day => ("usage_by_day", "day", span.first, span.first + span.count, 1),
    }
}

/// Keys that match the search, and are valid or were used or revoked in the period. [`bound`] binds `$1` to `$8`.
fn rows(scope: &Scope<'_>) -> String {
    let (table, unit, ..) = usage_source(scope.span);
    let of_organization = if scope.span.bucket == Bucket::Day { "and c.organization_id = $1" } else { "" };
    format!(
        "from issued_keys i join api_keys k on k.id = i.key_id join users u on u.id = k.created_by left join \
         (select c.key_id, cast(sum(c.requests) as bigint) as requests, {COST_SUM} from {table} c join issued_keys j on j.key_id = c.key_id \
         where j.project_id = $2 {of_organization} and c.{unit} >= $3 and c.{unit} < $4 group by c.key_id) d on d.key_id = k.id \
         where k.organization_id = $1 and i.project_id = $2 \
         and (k.name_folded like $8 escape '\\' or u.name_folded like $8 escape '\\') \
         and (d.requests > 0 or (k.revoked_at >= $5 and k.revoked_at < $6) \
         or (k.revoked_at is null and k.deleted_at is null and (k.expires_at is null or k.expires_at > $7)))"
    )
}

macro_rules! bound {
    ($query:expr, $scope:expr) => {{
        let (_, _, first, end, _) = usage_source($scope.span);
        let (from, to) = $scope.span.bounds();
        let query = $query.bind($scope.organization).bind($scope.project).bind(first).bind(end);
        query.bind(from).bind(to).bind($scope.now).bind(like_pattern(&fold($scope.search)))
    }};
}

/// Totals over all keys of the list.
pub async fn totals(db: &mut Connection, scope: &Scope<'_>) -> Result<Totals, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select count(*) as count, cast(coalesce(sum(d.requests), 0) as bigint) as requests, \
         cast(coalesce(sum(d.cost_units), 0) as bigint) as cost_units, cast(coalesce(sum(d.cost_micros), 0) as bigint) as cost_micros {}",
        rows(scope)
    ));
    Ok(bound!(sqlx::query_as(sql), scope).fetch_one(db).await?)
}

/// One page of the list.
pub async fn page(
    store: &Store,
    db: &mut Connection,
    scope: &Scope<'_>,
    order: IssuedOrder,
    (offset, limit): (i64, i64),
) -> Result<Vec<IssuedKeyUsage>, StoreError> {
    let direction = if order.is_descending() { "desc" } else { "asc" };
    let collation = store.bytewise_collation();
    let order = match order.column {
        IssuedSort::Name => format!("k.name_folded{collation} {direction}"),
        IssuedSort::User => format!("u.name_folded{collation} {direction}"),
        IssuedSort::Received => format!("k.created_at {direction}"),
        IssuedSort::Requests => format!("coalesce(d.requests, 0) {direction}"),
        IssuedSort::Total => {
            let (units, micros) = ("d.cost_units + d.cost_micros / 1000000", "d.cost_micros % 1000000");
            format!("coalesce({units}, 0) {direction}, coalesce({micros}, 0) {direction}")
        }
    };
    let sql = AssertSqlSafe(format!(
        "select k.id, k.name, u.name as holder, k.created_at, k.expires_at, coalesce(k.disabled_at, u.disabled_at) as disabled_at, \
         u.disabled_at as holder_disabled_at, k.revoked_at, k.deleted_at, \
         coalesce(d.requests, 0) as requests, coalesce(d.cost_units, 0) as cost_units, coalesce(d.cost_micros, 0) as cost_micros {} \
         order by {order}, k.number {direction} limit $9 offset $10",
        rows(scope)
    ));
    Ok(bound!(sqlx::query_as(sql), scope).bind(limit).bind(offset).fetch_all(db).await?)
}

/// The requests of these keys per bucket: key id, bucket index from 0, and number of requests. Empty buckets are omitted.
pub async fn buckets(db: &mut Connection, scope: &Scope<'_>, keys: &[KeyId]) -> Result<Vec<(KeyId, i64, i64)>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (table, unit, first, end, width) = usage_source(scope.span);
    let of_organization = if scope.span.bucket == Bucket::Day { "and organization_id = $3" } else { "and $3 <> ''" };
    let sql = AssertSqlSafe(format!(
        "select key_id, ({unit} - {first}) / {width}, cast(sum(requests) as bigint) from {table} \
         where {unit} >= $1 and {unit} < $2 {of_organization} and key_id in ({}) group by 1, 2",
        placeholders(4, keys.len())
    ));
    let mut query = sqlx::query_as(sql).bind(first).bind(end).bind(scope.organization);
    for key in keys {
        query = query.bind(*key);
    }
    Ok(query.fetch_all(db).await?)
}

/// Revokes a key. Returns `false` if it was already revoked or deleted.
pub async fn revoke(tx: &mut Tx, id: KeyId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "update api_keys set revoked_at = $1 where id = $2 and revoked_at is null and deleted_at is null";
    let is_revoked = sqlx::query(sql).bind(now).bind(id).execute(&mut *tx).await?.rows_affected() > 0;
    if is_revoked {
        keys::secrets::touch(tx, id).await?;
    }
    Ok(is_revoked)
}
