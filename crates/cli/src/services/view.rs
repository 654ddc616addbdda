//! Human-readable output of services.

use super::attributes::{format_caller, format_injection};
use crate::table::{format_fields, format_rows, moment};
use latchkey_types::{
    id::CredentialId,
    rest::services::Service,
    service::{AllowRule, UnlinkReason},
    time::Timestamp,
};

/// Formats services as a table, one row per service.
pub(super) fn table(services: &[Service]) -> String {
    let row = |service: &Service| vec![service.id.to_string(), service.name.clone(), credential(service), service.base_url.clone()];
    format_rows(&["ID", "NAME", "CREDENTIAL", "BASE URL"], services.iter().map(row), &[0, 1, 2])
}

/// Formats all fields of a service.
pub(super) fn facts(service: &Service) -> String {
    let allow = |rule: &AllowRule| format!("{} {}", rule.method, rule.path);
    format_fields([
        ("name", Some(service.name.clone())),
        ("id", Some(service.id.to_string())),
        ("gateway", Some(format!("/gateway/{}/", service.name))),
        ("base url", Some(service.base_url.clone())),
        ("inject", Some(format_injection(&service.injection))),
        ("credential", Some(credential(service))),
        ("unlinked", service.unlinked.map(UnlinkReason::text).map(ToOwned::to_owned)),
        ("allow", Some(list_or_none(service.allow.iter().map(allow)))),
        ("callers", Some(list_or_none(service.callers.iter().map(format_caller)))),
        ("time limit", Some(format!("{} s", service.timeout_seconds))),
        ("largest body", Some(format!("{} bytes", service.body_max))),
        ("created", Some(moment(service.created_at, Timestamp::now()))),
    ])
}

fn credential(service: &Service) -> String {
    service.credential.as_ref().map_or_else(|| "none".to_owned(), CredentialId::to_string)
}

/// The items, separated by commas.
fn list_or_none(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none: every request is refused".to_owned() } else { items.join(", ") }
}
