//! Which keys and credentials were used lately.

use sqlx::AssertSqlSafe;

use super::{
    super::{Store, StoreError, sql_kinds},
    lists::{LAST_USE, Table},
};
use latchkey_types::{id::OrganizationId, key_kind::Kind, time::Timestamp};

/// The numbers of the keys that were used since a time.
pub struct RecentlyUsed {
    pub within_day: Vec<i64>,
    pub within_week: Vec<i64>,
}

/// The keys of these kinds, either only inbound or only outbound, that were used in the last 24 hours and in the last 7 days.
pub async fn recently_used(store: &Store, organization: OrganizationId, kinds: &[Kind]) -> Result<RecentlyUsed, StoreError> {
    let now = Timestamp::now();
    let kind_names = sql_kinds(kinds.iter().copied().map(Kind::spec));
    // One long text, as for lists.
    let sql = AssertSqlSafe(format!(
        "select coalesce(string_agg(case when {LAST_USE} >= $3 then cast(k.number as text) end, ','), ''), \
         coalesce(string_agg(cast(k.number as text), ','), '') from {} k \
         where k.organization_id = $1 and k.kind in ({kind_names}) and k.deleted_at is null and {LAST_USE} >= $2",
        Table::of(kinds).name(),
    ));
    let _permit = store.list_permit().await?;
    let query = sqlx::query_as::<_, (String, String)>(sql).bind(organization).bind(now.plus_days(-7)).bind(now.plus_days(-1));
    let (within_day, within_week) = query.fetch_one(store.read()?).await?;
    Ok(RecentlyUsed { within_day: parse_numbers(&within_day), within_week: parse_numbers(&within_week) })
}

fn parse_numbers(joined: &str) -> Vec<i64> {
    joined.split(',').filter_map(|number| number.parse().ok()).collect()
}
