//! Notifications.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Fault, notification::Notice};

#[cfg(feature = "ssr")]
use super::request_context::{self, Call};
#[cfg(feature = "ssr")]
use latchkey_core::notifications as rules;

/// Returns the user's recent notifications, newest first. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notices/list", input = Json, output = Json)]
pub async fn notices() -> Result<Vec<Notice>, Fault> {
    request_context::answer(async |call: Call| rules::recent(&call.state, &call.actor()?).await).await
}

/// Marks the user's notifications up to and including this `seq` as read. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notices/read", input = Json, output = Json)]
pub async fn mark_notices_read(up_to: i64) -> Result<(), Fault> {
    request_context::answer(async move |call: Call| rules::mark_read(&call.state, &call.actor()?, up_to).await).await
}
