//! How often keys were used.

use leptos::prelude::*;

use crate::model::{
    billing::{Month, MonthUsage},
    fault::Fault,
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};

/// The organization's calls in a month, by key and by day; without a month, in this one. Needs *View Billing*.
///
/// # Errors
/// `SignedOut`, `Forbidden`, `Unavailable`.
#[server(name = ReadMonth, prefix = "/fn", endpoint = "billing/month", input = Json, output = Json)]
pub async fn month_usage(month: Option<Month>) -> Result<MonthUsage, Fault> {
    context::answer(async move |call: Call| crate::server::usage::month(&call.state, &call.actor()?, month).await).await
}
