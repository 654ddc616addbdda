//! The rules for the budgets of members and of the organization, and warnings about all budgets. Those of keys are attributes of the keys.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{Core, actor::Actor, notifications};
use latchkey_store::{
    self as store, Connection, Store, WriteLock,
    notifications::{NewNotification, was_sent},
    organizations::BudgetSettings,
};
use latchkey_types::{
    budget::{Budget, amount_in_words},
    error::Error,
    id::UserId,
    limits,
    notification::NotificationEvent,
    organization::{CALL_LOG_DAYS_MAX, OrganizationBudgets},
    permission::Permission,
    time::Timestamp,
};
use latchkey_verify::{BudgetOwner, BudgetWarning, Verifier};

/// Interval between searches for warnings.
const NOTIFY_EVERY: Duration = Duration::from_secs(1);

/// The organization's budgets. Needs *Manage Organization*, or *Manage API Keys* for the default budget of agent keys: then the organization's own
/// budget is left out.
pub async fn organization(core: &Core, actor: &Actor) -> Result<OrganizationBudgets, Error> {
    actor.require_any(&[Permission::ManageOrganization, Permission::ManageApiKeys])?;
    let settings = store::organizations::budgets(&mut *core.store.connection().await?, actor.organization).await?;
    let budget = match settings.budget.filter(|_| actor.permissions.has(Permission::ManageOrganization)) {
        Some(budget) => Some(core.verifier.budget_state(BudgetOwner::Organization(actor.organization), budget).await?),
        None => None,
    };
    Ok(OrganizationBudgets { budget, agent_budget: settings.agent_budget, call_log_days: settings.call_log_days })
}

/// Sets the budget of all calls of the organization, effective immediately; `None` removes it. Needs *Manage Organization*.
///
/// # Errors
/// `Invalid` at `budget.limit`.
pub async fn set_organization_budget(core: &Core, actor: &Actor, budget: Option<Budget>) -> Result<(), Error> {
    actor.require(Permission::ManageOrganization)?;
    let budget = budget.map(limits::budget).transpose()?;
    let details = |before: &BudgetSettings| (text(before.budget), text(budget));
    set(core, actor, "organization.budget_set", |settings| BudgetSettings { budget, ..settings }, details).await?;
    core.verifier.observe_budget(BudgetOwner::Organization(actor.organization), budget);
    Ok(())
}

/// Sets the budget that new agent keys receive; `None` for no budget. Existing keys keep theirs. Needs *Manage Organization*.
///
/// # Errors
/// `Invalid` at `budget.limit`.
pub async fn set_agent_budget(core: &Core, actor: &Actor, budget: Option<Budget>) -> Result<(), Error> {
    actor.require(Permission::ManageOrganization)?;
    let budget = budget.map(limits::budget).transpose()?;
    let details = |before: &BudgetSettings| (text(before.agent_budget), text(budget));
    set(core, actor, "organization.agent_budget_set", |settings| BudgetSettings { agent_budget: budget, ..settings }, details).await
}

/// Sets for how many days the log of model calls is kept; 0 for no log. Needs *Manage Organization*.
///
/// # Errors
/// `Invalid` at `days`.
pub async fn set_call_log_days(core: &Core, actor: &Actor, days: i64) -> Result<(), Error> {
    actor.require(Permission::ManageOrganization)?;
    if !(0..=CALL_LOG_DAYS_MAX).contains(&days) {
        return Err(Error::invalid("days", format!("Enter a number from 0 to {CALL_LOG_DAYS_MAX}.")));
    }
    let details = |before: &BudgetSettings| (before.call_log_days.to_string(), days.to_string());
    set(core, actor, "organization.call_log_days_set", |settings| BudgetSettings { call_log_days: days, ..settings }, details).await
}

/// Changes the settings of the actor's organization. `details`: the value before and after, for the audit log.
async fn set(
    core: &Core,
    actor: &Actor,
    action: &'static str,
    edit: impl FnOnce(BudgetSettings) -> BudgetSettings,
    details: impl FnOnce(&BudgetSettings) -> (String, String),
) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageOrganization]).await?;
    let id = change.actor.organization;
    let before = store::organizations::budgets(&mut change.tx, id).await?;
    let after = edit(before);
    if after == before {
        return Ok(());
    }
    store::organizations::set_budgets(&mut change.tx, id, &after).await?;
    let (name, _) = store::organizations::settings(&mut change.tx, id).await?;
    let (from, to) = details(&before);
    let event = change.event(action, "organization", id, &name).with("from", from).with("to", to);
    change.commit([event]).await
}

/// Sets the budget of the calls with all of a member's keys, effective immediately; `None` removes it. Needs *Manage Members* and every permission
/// of the member's role.
///
/// # Errors
/// `Invalid` at `budget.limit`.
pub async fn set_member_budget(core: &Core, actor: &Actor, user: UserId, budget: Option<Budget>) -> Result<(), Error> {
    actor.require(Permission::ManageMembers)?;
    let budget = budget.map(limits::budget).transpose()?;
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let organization = change.actor.organization;
    let member = store::members::find(&mut change.tx, organization, user).await?.ok_or(Error::NotFound)?;
    change.actor.require_all(member.allows())?;
    let before = member.budget()?;
    if before == budget {
        return Ok(());
    }
    store::members::set_budget(&mut change.tx, organization, user, budget).await?;
    let event = change.event("user.budget_set", "user", user, &member.name).with("from", text(before)).with("to", text(budget));
    change.commit([event]).await?;
    core.verifier.observe_budget(BudgetOwner::Member(user), budget);
    Ok(())
}

fn text(budget: Option<Budget>) -> String {
    budget.map_or_else(|| "none".to_owned(), |budget| budget.to_string())
}

/// Notifies those who can act on it when 80 % and 100 % of a budget are used, endlessly: members who may view the billing, the member, and the
/// creator of the key.
pub async fn notify_task(store: Store, verifier: Arc<Verifier>) {
    let mut timer = interval(NOTIFY_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pending = Vec::new();
    loop {
        timer.tick().await;
        pending.extend(verifier.take_budget_warnings());
        let mut failed = Vec::new();
        for warning in pending {
            if let Err(error) = notify(&store, &warning).await {
                tracing::warn!(%error, "cannot notify about a budget");
                failed.push(warning);
            }
        }
        pending = failed;
    }
}

/// Stores the notifications, unless they were stored before in the same period.
async fn notify(store: &Store, warning: &BudgetWarning) -> Result<(), Error> {
    // Another instance may be about to send the same.
    let mut tx = store.begin_locked(WriteLock::Organization(warning.organization)).await?;
    let Some(subject) = Subject::find(&mut tx, warning).await? else { return Ok(()) };
    let budget = warning.state.budget;
    let amount = |amount| amount_in_words(budget.unit, amount);
    let detail = format!("{} of {}", amount(warning.state.spent), amount(budget.limit));
    let event = if warning.percent < 100 { NotificationEvent::BudgetWarning } else { NotificationEvent::BudgetUsed };
    let notice = NewNotification::without_project(event, &format!("{} ({budget})", subject.name), detail, &subject.link);
    let since = budget.period.start(Timestamp::now());
    let mut recipients = Vec::new();
    for (user, permissions) in store::members::active(&mut tx, warning.organization).await? {
        let is_concerned = permissions.has(Permission::ViewBilling) || subject.user == Some(user);
        if is_concerned && !was_sent(&mut tx, user, &notice, since).await? {
            recipients.push(user);
        }
    }
    if recipients.is_empty() {
        return Ok(());
    }
    notifications::notify(&mut tx, &recipients, &notice).await?;
    tx.commit().await
}

/// What has a budget, as a notification names it.
struct Subject {
    name: String,
    /// The member, or the creator of the key.
    user: Option<UserId>,
    /// Path of the page on which the budget can be changed.
    link: String,
}

impl Subject {
    /// `None` if it was deleted.
    async fn find(db: &mut Connection, warning: &BudgetWarning) -> Result<Option<Self>, Error> {
        Ok(match warning.owner {
            BudgetOwner::Key(id) => store::keys::find(db, warning.organization, id).await?.map(|key| Self {
                name: format!("the key “{}”", key.name),
                user: Some(key.created_by),
                link: format!("/keys/{id}"),
            }),
            BudgetOwner::Member(id) => store::members::find(db, warning.organization, id).await?.map(|member| Self {
                name: member.name,
                user: Some(id),
                link: "/settings/members".to_owned(),
            }),
            BudgetOwner::Organization(_) => Some(Self { name: "the organization".to_owned(), user: None, link: "/settings/organization".to_owned() }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{insert_organization, insert_user, new_core};
    use latchkey_types::budget::{BudgetPeriod, BudgetState, BudgetUnit};

    #[tokio::test]
    async fn each_threshold_is_reported_once_in_a_period() {
        let (core, _folder) = new_core().await;
        let mut tx = core.store.begin().await.unwrap();
        let organization = insert_organization(&mut tx).await;
        let mut users = Vec::new();
        for role in ["owner", "admin", "member", "viewer"] {
            users.push(insert_user(&mut tx, organization, role, role).await);
        }
        tx.commit().await.unwrap();
        let warning = |percent: u8, limit: i64| {
            let budget = Budget { limit, unit: BudgetUnit::Usd, period: BudgetPeriod::None };
            let state = BudgetState { budget, spent: limit / 100 * i64::from(percent), reserved: 0, resets_at: None };
            BudgetWarning { owner: BudgetOwner::Member(users[2]), organization, percent, state }
        };
        let received = async |user: UserId| {
            let records = store::notifications::of_user(&core.store, user, i64::MAX, 100).await.unwrap();
            records.into_iter().rev().filter_map(|record| Some(record.to_notification()?.sentence())).collect::<Vec<_>>()
        };
        let dollar = 1_000_000_000;
        for percent in [80, 80, 100, 100] {
            notify(&core.store, &warning(percent, 10 * dollar)).await.unwrap();
        }
        let expected =
            ["80 % of the budget of member ($10 in all) are used: $8 of $10.", "The budget of member ($10 in all) is used up: $10 of $10."];
        for user in &users[..3] {
            assert_eq!(received(*user).await, expected);
        }
        assert!(received(users[3]).await.is_empty());
        notify(&core.store, &warning(100, 20 * dollar)).await.unwrap();
        assert_eq!(received(users[0]).await.len(), 3, "the budget was raised");
        let deleted = BudgetWarning { owner: BudgetOwner::Member(UserId::new()), ..warning(100, dollar) };
        assert_eq!(notify(&core.store, &deleted).await, Ok(()));
    }

    #[tokio::test]
    async fn keys_of_the_same_name_have_their_own_notifications() {
        let (core, _folder) = new_core().await;
        let mut tx = core.store.begin().await.unwrap();
        let organization = insert_organization(&mut tx).await;
        let user = insert_user(&mut tx, organization, "owner", "Ada").await;
        let of_key =
            |link: &str| NewNotification::without_project(NotificationEvent::BudgetUsed, "the key “build” ($1 a month)", String::new(), link);
        notifications::notify(&mut tx, &[user], &of_key("/keys/1")).await.unwrap();
        for (link, expected) in [("/keys/1", true), ("/keys/2", false)] {
            assert_eq!(was_sent(&mut tx, user, &of_key(link), Timestamp(0)).await.unwrap(), expected, "{link}");
        }
    }
}
