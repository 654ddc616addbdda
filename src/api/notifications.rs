//! Notifications.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Error, notification::Notification};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::notifications as rules;

/// Returns the user's recent notifications, newest first. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notifications/list", input = Json, output = Json)]
pub async fn notifications() -> Result<Vec<Notification>, Error> {
    request_context::answer(async |call: RequestContext| rules::recent(&call.state, &call.actor()?).await).await
}

/// Marks the user's notifications up to and including this `seq` as read. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notifications/mark-read", input = Json, output = Json)]
pub async fn mark_notifications_read(up_to: i64) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::mark_read(&call.state, &call.actor()?, up_to).await).await
}
