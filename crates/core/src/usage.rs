//! Usage and cost of keys.

use super::{Core, actor::Actor, model_usage};
use latchkey_store::{self as store, usage::UsedKeys};
use latchkey_types::{
    billing::{KEYS_PER_PAGE, KeyUsage, Month, MonthUsage},
    error::Error,
    key_kind::Kind,
    listing::last_page,
    model_call::UsageGroup,
    money::Money,
    permission::Permission,
    time::{DAY_MS, Timestamp},
    validate,
};

/// The organization's usage and cost in a month, by day, by key and by language model; of the current month for `None`. The keys are a page of
/// those whose name contains `search`; a page number beyond the end selects the last page. Needs *View Billing*.
///
/// # Errors
/// `Invalid` at `search`.
pub async fn month(core: &Core, actor: &Actor, month: Option<Month>, search: &str, page: i64) -> Result<MonthUsage, Error> {
    actor.require(Permission::ViewBilling)?;
    let search = validate::search("search", search)?;
    let today = Timestamp::now().0.div_euclid(DAY_MS);
    let current = Month::of_day(today);
    let organization = actor.organization;
    let first_month = store::usage::first_day(&core.store, organization).await?.map_or(current, Month::of_day).min(current);
    let month = month.unwrap_or(current);
    let days = (month.first_day(), month.next().first_day());
    let day_totals = store::usage::days(&core.store, organization, days.0, days.1).await?;
    let total_of = |day| day_totals.iter().find(|total| total.day == day);

    let personal_of = (!actor.can_see_all_keys()).then_some(actor.user);
    let visible = UsedKeys { organization, days, personal_of, search: "" };
    let hidden = if personal_of.is_some() { count(core, UsedKeys { personal_of: None, ..visible }).await? - count(core, visible).await? } else { 0 };
    let matching = UsedKeys { search: &search, ..visible };
    let matching_count = count(core, matching).await?;
    let page = page.clamp(1, last_page(matching_count, KEYS_PER_PAGE));
    let keys = store::usage::used_keys(&core.store, matching, ((page - 1) * KEYS_PER_PAGE, KEYS_PER_PAGE)).await?;
    Ok(MonthUsage {
        month,
        span: (first_month, current),
        days: (days.0..days.1).map(|day| total_of(day).map_or(0, |total| total.requests)).collect(),
        costs: (days.0..days.1).map(|day| total_of(day).map_or(Money::default(), |total| total.cost.money())).collect(),
        today: if month == current { usize::try_from(today - days.0).ok() } else { None },
        keys: keys.into_iter().map(key_usage).collect(),
        page,
        count: matching_count,
        hidden,
        models: model_usage::sums(core, organization, days, UsageGroup::Model).await?,
    })
}

/// All keys with usage in a month whose name contains `search`, the most used ones first, for an export. In one query, because the share of a key
/// depends on the usage of all others: an export by pages would read all of it for each page. Needs *View Billing*.
///
/// # Errors
/// `Invalid` at `search`.
pub async fn used_keys(core: &Core, actor: &Actor, month: Month, search: &str) -> Result<Vec<KeyUsage>, Error> {
    actor.require(Permission::ViewBilling)?;
    let search = validate::search("search", search)?;
    let days = (month.first_day(), month.next().first_day());
    let personal_of = (!actor.can_see_all_keys()).then_some(actor.user);
    let matching = UsedKeys { organization: actor.organization, days, personal_of, search: &search };
    let keys = store::usage::used_keys(&core.store, matching, (0, i64::MAX)).await?;
    Ok(keys.into_iter().map(key_usage).collect())
}

async fn count(core: &Core, keys: UsedKeys<'_>) -> Result<i64, Error> {
    Ok(store::usage::count_used_keys(&core.store, keys).await?)
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
        share: total.share,
    }
}
