//! Notifications.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Error, notification::Notification};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::notifications as rules;

/// Returns the user's latest 50 notifications, or the latest before the one with this `seq`, newest first. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notifications/list", protocol = Json)]
pub async fn notifications(before: Option<i64>) -> Result<Vec<Notification>, Error> {
    request_context::answer(async move |call: RequestContext| rules::list(&call.state, &call.actor()?, before).await).await
}

/// Marks the user's notifications from one `seq` up to and including another as read. Needs a session; no permission.
#[server(prefix = "/fn", endpoint = "notifications/mark-read", protocol = Json)]
pub async fn mark_notifications_read(from: i64, up_to: i64) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::mark_read(&call.state, &call.actor()?, (from, up_to)).await).await
}
