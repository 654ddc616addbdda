//! Usage of keys.

use leptos::prelude::*;

use latchkey_types::{
    billing::{Month, MonthUsage},
    codec::Json,
    error::Error,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};

/// Returns the organization's usage in a month, by key and by day. The default is the current month. Needs *View Billing*.
#[server(name = ReadMonth, prefix = "/fn", endpoint = "billing/month", input = Json, output = Json)]
pub async fn month_usage(month: Option<Month>) -> Result<MonthUsage, Error> {
    request_context::answer(async move |call: RequestContext| latchkey_core::usage::month(&call.state, &call.actor()?, month).await).await
}
