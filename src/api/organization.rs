//! Settings of the organization.

use leptos::prelude::*;

use latchkey_types::{
    budget::Budget,
    codec::Json,
    error::Error,
    organization::{OrganizationBudgets, OrganizationSettings},
    receipt::{Done, WithReceipt},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{budgets, organization as rules};

/// Returns the organization's settings. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/get", protocol = Json)]
pub async fn organization() -> Result<OrganizationSettings, Error> {
    request_context::answer(async |call: RequestContext| rules::get(&call.state, &call.actor()?).await).await
}

/// Changes the organization's name and currency. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/edit", protocol = Json)]
pub async fn edit_organization(name: String, currency: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::edit(&call.state, &call.actor()?, &name, &currency).await).await
}

/// Returns the organization's budgets of language models. Needs *Manage Organization*, or *Manage API Keys* for the default budget of agent keys.
#[server(prefix = "/fn", endpoint = "organization/budgets", protocol = Json)]
pub async fn read_organization_budgets() -> Result<OrganizationBudgets, Error> {
    request_context::answer(async |call: RequestContext| budgets::organization(&call.state, &call.actor()?).await).await
}

/// Sets the budget of all calls of language models; `None` removes it. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/set-budget", protocol = Json)]
pub async fn set_organization_budget(budget: Option<Budget>) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| budgets::set_organization_budget(&call.state, &call.actor()?, budget).await).await
}

/// Sets the budget that new agent keys receive; `None` for no budget. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/set-agent-budget", protocol = Json)]
pub async fn set_agent_budget(budget: Option<Budget>) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| budgets::set_agent_budget(&call.state, &call.actor()?, budget).await).await
}

/// Sets for how many days the log of model calls is kept; 0 for no log. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/set-call-log-days", protocol = Json)]
pub async fn set_call_log_days(days: i64) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| budgets::set_call_log_days(&call.state, &call.actor()?, days).await).await
}
