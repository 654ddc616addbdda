//! Usage of keys.

use leptos::prelude::*;

use latchkey_types::{
    billing::{KeyUsage, Month, MonthUsage},
    codec::Json,
    error::Error,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};

/// Returns the organization's usage in a month, by day, by key and by language model. The default is the current month. The keys are a page of
/// those whose name contains `search`. Needs *View Billing*.
#[server(name = ReadMonth, prefix = "/fn", endpoint = "billing/month", protocol = Json)]
pub async fn month_usage(month: Option<Month>, search: Option<String>, page: Option<i64>) -> Result<MonthUsage, Error> {
    request_context::answer(async move |call: RequestContext| {
        latchkey_core::usage::month(&call.state, &call.actor()?, month, &search.unwrap_or_default(), page.unwrap_or(1)).await
    })
    .await
}

/// Returns all keys with usage in a month whose name contains `search`, for an export. Needs *View Billing*.
#[server(name = ReadUsedKeys, prefix = "/fn", endpoint = "billing/keys", protocol = Json)]
pub async fn used_keys(month: Month, search: String) -> Result<Vec<KeyUsage>, Error> {
    request_context::answer(async move |call: RequestContext| latchkey_core::usage::used_keys(&call.state, &call.actor()?, month, &search).await)
        .await
}
