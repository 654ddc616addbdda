//! Notifications.

use leptos::prelude::*;

use crate::model::{fault::Fault, notice::Notice, wire::Json};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::notices as rules;

/// Returns the user's recent notifications, newest first. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notices/list", input = Json, output = Json)]
pub async fn notices() -> Result<Vec<Notice>, Fault> {
    context::answer(async |call: Call| rules::recent(&call.state, &call.actor()?).await).await
}

/// Marks the user's notifications up to and including this `seq` as read. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notices/read", input = Json, output = Json)]
pub async fn mark_notices_read(up_to: i64) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::mark_read(&call.state, &call.actor()?, up_to).await).await
}
