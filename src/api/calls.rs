//! The log of calls of language models.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use latchkey_types::{
    audit::AuditPeriod,
    codec::Json,
    error::Error,
    id::{KeyId, RequestId, UserId},
    model_call::{CallBodies, CallFilter, CallPage},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{Core, actor::Actor, call_bodies, model_usage};
#[cfg(feature = "ssr")]
use latchkey_types::{
    billing::Day,
    model_call::{ModelUsageRow, UsageGroup},
    permission::Permission,
    time::{DAY_MS, Timestamp},
};

/// Number of calls on a page.
#[cfg(feature = "ssr")]
const CALLS_PER_PAGE: usize = 50;

/// Keys, models and members that were last used before are no choices.
#[cfg(feature = "ssr")]
const CHOICE_DAYS: i64 = 90;

/// Maximum number of choices of each kind. The details of a call filter by others.
#[cfg(feature = "ssr")]
const CHOICES_MAX: usize = 500;

/// The keys, models and members with calls, by which the log can be filtered: each with its name, sorted by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallChoices {
    pub keys: Vec<(KeyId, String)>,
    /// Names.
    pub models: Vec<String>,
    pub members: Vec<(UserId, String)>,
}

/// Returns one page of the organization's log of calls, newest first. `period` replaces `filter.from`. Needs *View Billing*.
#[server(prefix = "/fn", endpoint = "calls/list", protocol = Json)]
pub async fn list_calls(filter: CallFilter, period: AuditPeriod, cursor: Option<String>) -> Result<CallPage, Error> {
    request_context::answer(async move |call: RequestContext| {
        let filter = CallFilter { from: period.begins(Timestamp::now()), ..filter };
        model_usage::calls(&call.state, &call.actor()?, filter, cursor.as_deref(), CALLS_PER_PAGE).await
    })
    .await
}

/// Returns the values by which the log can be filtered. Needs *View Billing*.
#[server(name = ReadCallChoices, prefix = "/fn", endpoint = "calls/choices", protocol = Json)]
pub async fn call_choices() -> Result<CallChoices, Error> {
    request_context::answer(async |call: RequestContext| {
        let actor = call.actor()?;
        actor.require(Permission::ViewBilling)?;
        // So that the calls that are listed have names.
        call.state.model_usage.flush(&call.state.store).await;
        let keys = used(&call.state, &actor, UsageGroup::Key).await?;
        let members = used(&call.state, &actor, UsageGroup::Member).await?;
        let mut models: Vec<String> = used(&call.state, &actor, UsageGroup::Model).await?.into_iter().map(|row| row.name).collect();
        // A model that was deleted and added again has two ids.
        models.dedup();
        Ok(CallChoices {
            // Calls from the page have no key.
            keys: keys.into_iter().filter_map(|row| Some((row.id.parse().ok()?, row.name))).collect(),
            models,
            members: members.into_iter().filter_map(|row| Some((row.id.parse().ok()?, row.name))).collect(),
        })
    })
    .await
}

/// Returns the logged bodies of a call. Each read is audited. Needs *Read Call Bodies*.
#[server(prefix = "/fn", endpoint = "calls/bodies", protocol = Json)]
pub async fn read_call_bodies(id: RequestId) -> Result<CallBodies, Error> {
    request_context::answer(async move |call: RequestContext| call_bodies::read(&call.state, &call.actor()?, id).await).await
}

/// What was used in the last days, sorted by name: if it is more than can be chosen from, that with the highest cost.
#[cfg(feature = "ssr")]
async fn used(core: &Core, actor: &Actor, group: UsageGroup) -> Result<Vec<ModelUsageRow>, Error> {
    let today = Timestamp::now().0.div_euclid(DAY_MS);
    let mut rows = model_usage::usage(core, actor, Day(today - CHOICE_DAYS), Day(today), group).await?;
    rows.truncate(CHOICES_MAX);
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(rows)
}
