//! What its reader is told.

use leptos::prelude::*;

use crate::model::{fault::Fault, notice::Notice, wire::Json};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::notices as rules;

/// What the reader was told last, the newest first.
///
/// # Errors
/// `SignedOut`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "notices/list", input = Json, output = Json)]
pub async fn notices() -> Result<Vec<Notice>, Fault> {
    context::answer(async |call: Call| rules::recent(&call.state, &call.actor()?).await).await
}

/// Notes that the reader read what they were told up to a place.
///
/// # Errors
/// `SignedOut`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "notices/read", input = Json, output = Json)]
pub async fn mark_notices_read(up_to: i64) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::mark_read(&call.state, &call.actor()?, up_to).await).await
}
