//! Numbers of keys and credentials.

use sqlx::AssertSqlSafe;

use super::{
    super::{Store, StoreError, sql_kinds},
    lists::{EXPIRY, Table},
};
use latchkey_types::{
    id::{OrganizationId, UserId},
    key_kind::{KeyKind, Kind},
    listing::{EXACT_TOTAL_MAX, EXPIRING_DAYS, KindTotal, Total},
    overview::KindCounts,
    time::Timestamp,
};

/// The number of keys of each of these kinds, by status; only those of one creator if there is one. `kinds` are either only inbound or only
/// outbound.
pub async fn count_by_status(
    store: &Store,
    organization: OrganizationId,
    kinds: &[Kind],
    created_by: Option<UserId>,
) -> Result<Vec<KindCounts>, StoreError> {
    let now = Timestamp::now();
    let sql = AssertSqlSafe(statement(kinds, created_by.is_some()));
    let query = sqlx::query_as::<sqlx::Any, (Kind, String, i64)>(sql).bind(organization).bind(now).bind(now.plus_days(EXPIRING_DAYS));
    let query = if let Some(user) = created_by { query.bind(user) } else { query };
    // As for lists, because it reads an index of all keys.
    let _permit = store.list_permit().await?;
    let rows = query.fetch_all(store.read()?).await?;
    let sum = |kind: Kind, part: &str| rows.iter().filter(|row| row.0 == kind && row.1 == part).map(|row| row.2).sum::<i64>();
    let counts = kinds.iter().map(|kind| {
        let (disabled, expired) = (sum(*kind, "disabled"), sum(*kind, "expired"));
        KindCounts { kind: *kind, active: sum(*kind, "total") - disabled - expired, disabled, expired, expiring: sum(*kind, "expiring") }
    });
    Ok(counts.collect())
}

/// Counts the parts of which there are few by their indexes instead of computing the status of every key: that takes ten times as long.
fn statement(kinds: &[Kind], has_creator: bool) -> String {
    let table = Table::of(kinds);
    let names = sql_kinds(kinds.iter().copied().map(Kind::spec));
    let own = if has_creator { " and k.created_by = $4" } else { "" };
    let listed = format!("from {} k where k.organization_id = $1 and k.deleted_at is null and k.kind in ({names}){own}", table.name());
    let mut parts = vec![
        format!("select k.kind, 'total' as part, count(*) {listed} group by k.kind"),
        format!("select k.kind, 'expired', count(*) {listed} and {EXPIRY} <= $2 group by k.kind"),
        format!("select k.kind, 'expiring', count(*) {listed} and {EXPIRY} > $2 and {EXPIRY} <= $3 group by k.kind"),
    ];
    if table == Table::Keys {
        // Not the expression of the index by expiry, which would be read instead.
        let rest = format!("k.deleted_at is null and (k.expires_at is null or k.expires_at > $2){own} group by k.kind");
        parts.push(format!("select k.kind, 'disabled', count(*) from api_keys k where k.organization_id = $1 and k.disabled_at > 0 and {rest}"));
        // The keys of disabled users are disabled too. `coalesce` prevents the use of the organization's index, see `has_number_condition`.
        parts.push(format!(
            "select k.kind, 'disabled', count(*) from users u cross join api_keys k where u.organization_id = $1 and u.disabled_at is not null \
             and k.created_by = u.id and coalesce(k.organization_id, '') = $1 and k.disabled_at is null and {rest}"
        ));
    }
    parts.join(" union all ")
}

/// The number of keys of each of these kinds, exact up to [`EXACT_TOTAL_MAX`]; only those of one creator if there is one. `kinds` are either only
/// inbound or only outbound.
pub async fn count_up_to_max(
    store: &Store,
    organization: OrganizationId,
    kinds: &[Kind],
    created_by: Option<UserId>,
) -> Result<Vec<KindTotal>, StoreError> {
    let (table, limit) = (Table::of(kinds).name(), EXACT_TOTAL_MAX + 1);
    let own = if created_by.is_some() { " and k.created_by = $2" } else { "" };
    let count = |kind: &Kind| {
        let name = kind.spec().name;
        format!(
            "select '{name}' as kind, count(*) as total from (select 1 from {table} k \
             where k.organization_id = $1 and k.deleted_at is null and k.kind = '{name}'{own} limit {limit}) as counted"
        )
    };
    let sql = AssertSqlSafe(kinds.iter().map(count).collect::<Vec<_>>().join(" union all "));
    let query = sqlx::query_as::<sqlx::Any, (String, i64)>(sql).bind(organization);
    let query = if let Some(user) = created_by { query.bind(user) } else { query };
    // As for lists, because it reads many rows of an index.
    let _permit = store.list_permit().await?;
    let rows = query.fetch_all(store.read()?).await?;
    let total = |kind: &Kind| {
        let counted = rows.iter().find(|(name, _)| name == kind.spec().name).map_or(0, |(_, count)| *count);
        KindTotal { kind: *kind, total: Total::of(usize::try_from(counted).unwrap_or_default()) }
    };
    Ok(kinds.iter().map(total).collect())
}

/// Whether a key of this kind was used.
pub async fn is_any_used(store: &Store, organization: OrganizationId, kind: KeyKind) -> Result<bool, StoreError> {
    let sql = "select count(*) from (select 1 from api_keys k where k.organization_id = $1 and k.kind = $2 and k.deleted_at is null \
         and k.sorted_use_at > 0 limit 1) as used";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(organization).bind(kind).fetch_one(store.read()?).await? > 0)
}
