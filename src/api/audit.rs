//! The audit log.

use leptos::prelude::*;

use crate::model::{
    audit::{AuditPage, AuditQuery},
    fault::Fault,
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};

/// Returns rows of the organization's audit log, newest first. Needs *View Audit Log*.
#[server(prefix = "/fn", endpoint = "audit/read", input = Json, output = Json)]
pub async fn read_audit_log(query: AuditQuery) -> Result<AuditPage, Fault> {
    context::answer(async move |call: Call| crate::server::audit_log::read(&call.state, &call.actor()?, &query).await).await
}
