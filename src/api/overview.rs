//! The overview.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Error, overview::Overview};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};

/// Returns figures and first steps, as far as the user's permissions allow. Needs a session; no permission.
#[server(name = ReadOverview, prefix = "/fn", endpoint = "overview/get", protocol = Json)]
pub async fn overview() -> Result<Overview, Error> {
    request_context::answer(async |call: RequestContext| latchkey_core::overview::get(&call.state, &call.actor()?).await).await
}
