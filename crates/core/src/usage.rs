//! Usage and cost of keys.

use super::{Core, actor::Actor};
use latchkey_store as store;
use latchkey_types::{
    billing::{KEYS_MAX, KeyUsage, Month, MonthUsage},
    error::Error,
    key_kind::Kind,
    money::Money,
    permission::Permission,
    time::{DAY_MS, Timestamp},
};

/// The organization's usage and cost in a month, by key and by day; of the current month for `None`. Needs *View Billing*.
pub async fn month(core: &Core, actor: &Actor, month: Option<Month>) -> Result<MonthUsage, Error> {
    actor.require(Permission::ViewBilling)?;
    let current = Month::of_day(Timestamp::now().0.div_euclid(DAY_MS));
    let month = month.unwrap_or(current);
    let (first, end) = (month.first_day(), month.next().first_day());
    let organization = actor.organization;
    let first_month = store::usage::first_day(&core.store, organization).await?.map_or(current, Month::of_day);
    let day_totals = store::usage::days(&core.store, organization, first, end).await?;
    let total_of = |day| day_totals.iter().find(|total| total.day == day);
    let personal_of = (!actor.can_see_all_keys()).then_some(actor.user);
    let keys = store::usage::most_used_keys(&core.store, organization, (first, end), personal_of, KEYS_MAX).await?;
    let used = store::usage::count_used_keys(&core.store, organization, (first, end)).await?;
    Ok(MonthUsage {
        month,
        span: (first_month.min(current), current),
        days: (first..end).map(|day| total_of(day).map_or(0, |total| total.requests)).collect(),
        costs: (first..end).map(|day| total_of(day).map_or(Money::default(), |total| total.cost.money())).collect(),
        others: used - i64::try_from(keys.len()).unwrap_or_default(),
        keys: keys.into_iter().map(key_usage).collect(),
    })
}

fn key_usage(total: store::usage::KeyUsageRow) -> KeyUsage {
    KeyUsage {
        id: total.id,
        kind: Kind::Key(total.kind),
        name: total.name,
        mask: total.mask,
        is_deleted: total.deleted_at.is_some(),
        requests: total.requests,
        cost: total.cost.money(),
    }
}
