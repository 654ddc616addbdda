//! The rules for counts: how often keys were used, and what that costs.

use super::{actor::Actor, state::AppState, store};
use crate::model::{
    billing::{KEYS_MAX, KeyUsage, Month, MonthUsage},
    fault::Fault,
    money::Money,
    permission::Permission,
    time::{DAY_MS, Timestamp},
};

/// The organization's calls in a month and what they cost, by key and by day; without a month, in this one. Needs *View Billing*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn month(state: &AppState, actor: &Actor, month: Option<Month>) -> Result<MonthUsage, Fault> {
    actor.require(Permission::ViewBilling)?;
    let current = Month::of_day(Timestamp::now().0.div_euclid(DAY_MS));
    let month = month.unwrap_or(current);
    let (first, end) = (month.first_day(), month.next().first_day());
    let organization = actor.organization;
    let began = store::usage::first_day(&state.store, organization).await?.map_or(current, Month::of_day);
    let on_days = store::usage::days(&state.store, organization, first, end).await?;
    let on_day = |day| on_days.iter().find(|on| on.day == day);
    let personal_of = (!actor.sees_everybodys_keys()).then_some(actor.user);
    let keys = store::usage::totals(&state.store, organization, (first, end), personal_of, KEYS_MAX).await?;
    let used = store::usage::used_keys(&state.store, organization, (first, end)).await?;
    Ok(MonthUsage {
        month,
        span: (began.min(current), current),
        days: (first..end).map(|day| on_day(day).map_or(0, |on| on.requests)).collect(),
        costs: (first..end).map(|day| on_day(day).map_or(Money::default(), |on| on.cost.money())).collect(),
        others: used - i64::try_from(keys.len()).unwrap_or_default(),
        keys: keys.into_iter().map(key_usage).collect::<Result<_, _>>()?,
    })
}

fn key_usage(total: store::usage::KeyTotal) -> Result<KeyUsage, Fault> {
    Ok(KeyUsage {
        id: total.id.parse().map_err(|_| Fault::Internal)?,
        kind: total.kind.parse().map_err(|_| Fault::Internal)?,
        name: total.name,
        mask: total.mask,
        is_deleted: total.deleted_at.is_some(),
        requests: total.requests,
        cost: total.cost.money(),
    })
}
