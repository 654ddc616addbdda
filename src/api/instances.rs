//! The instances that share the database.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Error, instance::InstanceRow};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};

/// Returns the instances that accept keys, and those that have lately ceased to. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "instances/list", protocol = Json)]
pub async fn list_instances() -> Result<Vec<InstanceRow>, Error> {
    request_context::answer(async |call: RequestContext| latchkey_core::instances::list(&call.state, &call.actor()?).await).await
}
