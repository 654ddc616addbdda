//! Usage and cost of language models, and the log of their calls.

mod background;
mod counters;

use std::collections::HashMap;

use super::{Core, actor::Actor};
use latchkey_store::{self as store, model_usage::UsageRow};
use latchkey_types::{
    billing::Day,
    budget::TokenCounts,
    error::Error,
    id::OrganizationId,
    model_call::{CALLS_MAX, CallFilter, CallPage, ModelUsageRow, USAGE_DAYS_MAX, UsageGroup},
    permission::Permission,
    validate,
};

pub use background::{delete_old, write_usage};
pub use counters::{CallUsage, ModelUsage};

/// How many times an empty part of the log is followed by the next one in one request.
const EMPTY_PARTS_MAX: usize = 5;

/// The organization's usage from one day to another, both included: the highest cost first, days in order. Needs *View Billing*.
///
/// # Errors
/// `Invalid` at `from`; `Forbidden`, `Unavailable`.
pub async fn usage(core: &Core, actor: &Actor, from: Day, to: Day, group: UsageGroup) -> Result<Vec<ModelUsageRow>, Error> {
    actor.require(Permission::ViewBilling)?;
    if from > to {
        return Err(Error::invalid("from", "Must not be after “to”."));
    }
    if to.0.saturating_sub(from.0) >= USAGE_DAYS_MAX {
        return Err(Error::invalid("from", format!("Must be less than {USAGE_DAYS_MAX} days before “to”.")));
    }
    sums(core, actor.organization, (from.0, to.0 + 1), group).await
}

/// The usage from the first day to before the second one.
pub(crate) async fn sums(core: &Core, organization: OrganizationId, days: (i64, i64), group: UsageGroup) -> Result<Vec<ModelUsageRow>, Error> {
    let sums = store::model_usage::sums(&core.store, organization, days, group).await?;
    let names = names(core, organization, &sums, group).await?;
    // A model that was renamed has several rows, of which the newest one has its last name.
    let mut rows = HashMap::<String, (i64, ModelUsageRow)>::new();
    for sum in sums {
        let last_day = sum.last_day;
        let row = row(sum, group, &names);
        match rows.get_mut(&row.id) {
            Some((day, sums)) => {
                if last_day > *day {
                    *day = last_day;
                    sums.name.clone_from(&row.name);
                }
                merge(sums, &row);
            }
            None => {
                rows.insert(row.id.clone(), (last_day, row));
            }
        }
    }
    let mut rows: Vec<ModelUsageRow> = rows.into_values().map(|(_, row)| row).collect();
    if group == UsageGroup::Day {
        rows.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    } else {
        rows.sort_unstable_by(|one, other| (other.cost, other.calls, &one.name, &one.id).cmp(&(one.cost, one.calls, &other.name, &other.id)));
    }
    Ok(rows)
}

/// The current names of what the usage is grouped by, by id.
async fn names(core: &Core, organization: OrganizationId, sums: &[UsageRow], group: UsageGroup) -> Result<HashMap<String, String>, Error> {
    match group {
        UsageGroup::Day => Ok(HashMap::new()),
        UsageGroup::Model => Ok(store::model_usage::model_names(&core.store, organization).await?),
        UsageGroup::Key | UsageGroup::Member => {
            let ids: Vec<String> = sums.iter().filter(|sum| !sum.id.is_empty()).map(|sum| sum.id.clone()).collect();
            Ok(store::audit::names(&core.store, organization, &ids).await?)
        }
    }
}

fn row(sum: UsageRow, group: UsageGroup, names: &HashMap<String, String>) -> ModelUsageRow {
    let id = if group == UsageGroup::Day { Day(sum.last_day).to_string() } else { sum.id };
    let name = match (names.get(&id), group) {
        (Some(name), _) => name.clone(),
        (None, UsageGroup::Model) => sum.model,
        (None, _) if id.is_empty() => "Page".to_owned(),
        (None, _) => id.clone(),
    };
    let UsageRow { input, cached, cache_write, output, reasoning, .. } = sum;
    ModelUsageRow {
        id,
        name,
        calls: sum.calls,
        failures: sum.failures,
        tokens: TokenCounts { input, cached, cache_write, output, reasoning },
        cost: sum.cost.dollars(),
        estimated: sum.estimated,
        unpriced: sum.unpriced,
    }
}

fn merge(sums: &mut ModelUsageRow, row: &ModelUsageRow) {
    sums.calls += row.calls;
    sums.failures += row.failures;
    sums.tokens.add(row.tokens);
    sums.cost = sums.cost + row.cost;
    sums.estimated += row.estimated;
    sums.unpriced += row.unpriced;
}

/// A page of the log of calls, newest first. Needs *View Billing*.
///
/// # Errors
/// `Invalid` at `model`, `limit` or `cursor`; `Forbidden`, `Unavailable`.
pub async fn calls(core: &Core, actor: &Actor, mut filter: CallFilter, cursor: Option<&str>, limit: usize) -> Result<CallPage, Error> {
    actor.require(Permission::ViewBilling)?;
    if !(1..=CALLS_MAX).contains(&limit) {
        return Err(Error::invalid("limit", format!("Must be 1 to {CALLS_MAX}.")));
    }
    if let Some(typed) = &filter.model {
        let model = validate::search("model", typed)?;
        filter.model = Some(model).filter(|model| !model.is_empty());
    }
    let mut page = core.call_log.list(actor.organization, filter.clone(), cursor, limit).await?;
    for _ in 1..EMPTY_PARTS_MAX {
        let Some(next) = page.next_cursor.clone().filter(|_| page.items.is_empty()) else { break };
        page = core.call_log.list(actor.organization, filter.clone(), Some(&next), limit).await?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{self, NewAccount},
        testing::new_core,
    };
    use latchkey_types::{
        budget::UsageState,
        dollars::Dollars,
        id::{KeyId, ModelId, ProviderId},
        time::{DAY_MS, Timestamp},
    };

    /// A call of the first user of a new organization.
    async fn first_call(core: &Core) -> CallUsage {
        let account = NewAccount {
            organization: "acme".to_owned(),
            name: "Ada".to_owned(),
            email: "ada@acme.test".to_owned(),
            password: "correct horse battery".into(),
        };
        accounts::create_user(core, account, "owner").await.unwrap();
        let user = store::users::find_user_by_email(&core.store, "ada@acme.test").await.unwrap().unwrap();
        CallUsage {
            organization: user.organization_id,
            user: user.id,
            key: None,
            model: ModelId::new(),
            model_name: "old".to_owned(),
            provider: ProviderId::new(),
            at: Timestamp(5 * DAY_MS),
            is_failure: false,
            tokens: TokenCounts { input: 100, cached: 40, output: 7, reasoning: 3, ..TokenCounts::default() },
            cost: Some(Dollars(1500)),
            state: Some(UsageState::Reported),
        }
    }

    #[tokio::test]
    async fn usage_is_summed_by_each_group() {
        let (core, _folder) = new_core().await;
        let usage = ModelUsage::new();
        let first = first_call(&core).await;
        let (organization, key, model) = (first.organization, KeyId::new(), first.model);
        usage.record(first.clone());
        usage.flush(&core.store).await;
        // Written in another transaction, on another day, under another name.
        usage.record(CallUsage { model_name: "new".to_owned(), key: Some(key), at: Timestamp(6 * DAY_MS), ..first.clone() });
        usage.record(CallUsage { cost: None, state: Some(UsageState::Unpriced), model: ModelId::new(), is_failure: true, ..first.clone() });
        usage.flush(&core.store).await;
        usage.record(first.clone());
        usage.flush(&core.store).await;

        let read = async |group| sums(&core, organization, (5, 7), group).await.unwrap();
        let models = read(UsageGroup::Model).await;
        assert_eq!((models[0].id.clone(), models[0].name.as_str(), models[0].calls, models[0].cost), (model.to_string(), "new", 3, Dollars(4500)));
        assert_eq!(models[0].tokens, TokenCounts { input: 300, cached: 120, output: 21, reasoning: 9, ..TokenCounts::default() });
        assert_eq!((models[1].calls, models[1].failures, models[1].unpriced, models[1].cost), (1, 1, 1, Dollars(0)));
        let days: Vec<_> = read(UsageGroup::Day).await.into_iter().map(|row| (row.id, row.calls)).collect();
        assert_eq!(days, [("1970-01-06".to_owned(), 3), ("1970-01-07".to_owned(), 1)]);
        let members: Vec<_> = read(UsageGroup::Member).await.into_iter().map(|row| (row.name, row.calls)).collect();
        assert_eq!(members, [("Ada".to_owned(), 4)]);
        let keys: Vec<_> = read(UsageGroup::Key).await.into_iter().map(|row| (row.name, row.cost)).collect();
        assert_eq!(keys, [("Page".to_owned(), Dollars(3000)), (key.to_string(), Dollars(1500))]);
        assert!(sums(&core, OrganizationId::new(), (5, 7), UsageGroup::Model).await.unwrap().is_empty());
        assert_eq!(sums(&core, organization, (6, 7), UsageGroup::Model).await.unwrap()[0].calls, 1);
    }

    #[tokio::test]
    async fn recent_usage_is_by_model_and_deleted_after_a_while() {
        let (core, _folder) = new_core().await;
        let usage = ModelUsage::new();
        let first = first_call(&core).await;
        // Costs whose sum exceeds what a column holds.
        for hours in [0, 1, 2] {
            usage.record(CallUsage { cost: Some(Dollars(i64::MAX - 5)), at: first.at.plus_ms(hours * counters::HOUR_MS), ..first.clone() });
        }
        usage.flush(&core.store).await;
        let recent = async |hour| store::model_usage::recent_by_model(&core.store, first.organization, hour).await.unwrap();
        let all = recent(0).await;
        assert_eq!((all.len(), all[0].calls, all[0].cost, all[0].model_id.clone()), (1, 3, i64::MAX, first.model.to_string()));
        assert_eq!(recent(5 * 24 + 1).await[0].calls, 2);
        background::delete_hours(&core.store, Timestamp::now()).await.unwrap();
        assert!(recent(0).await.is_empty());
        assert_eq!(sums(&core, first.organization, (5, 6), UsageGroup::Day).await.unwrap()[0].calls, 3, "usage by day is kept");
    }
}
