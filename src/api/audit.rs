//! The audit log.

use leptos::prelude::*;

use latchkey_types::{
    audit::{AuditActor, AuditPage, AuditQuery},
    codec::Json,
    error::Error,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};

/// Returns one page of the organization's audit log, newest first. Needs *View Audit Log*.
#[server(prefix = "/fn", endpoint = "audit/read", protocol = Json)]
pub async fn read_audit_log(query: AuditQuery) -> Result<AuditPage, Error> {
    request_context::answer(async move |call: RequestContext| latchkey_core::audit_log::read(&call.state, &call.actor()?, &query).await).await
}

/// Returns the members by whom the log can be filtered. Needs *View Audit Log*.
#[server(prefix = "/fn", endpoint = "audit/actors", protocol = Json)]
pub async fn audit_actors() -> Result<Vec<AuditActor>, Error> {
    request_context::answer(async |call: RequestContext| latchkey_core::audit_log::actors(&call.state, &call.actor()?).await).await
}
