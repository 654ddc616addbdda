//! Usage of keys.

use leptos::prelude::*;

use crate::model::{
    billing::{Month, MonthUsage},
    fault::Fault,
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};

/// Returns the organization's usage in a month, by key and by day. The default is the current month. Needs *View Billing*.
#[server(name = ReadMonth, prefix = "/fn", endpoint = "billing/month", input = Json, output = Json)]
pub async fn month_usage(month: Option<Month>) -> Result<MonthUsage, Fault> {
    context::answer(async move |call: Call| crate::server::usage::month(&call.state, &call.actor()?, month).await).await
}
