//! Reading the audit log.

use serde_json::{Map, Value};

use super::{Core, actor::Actor};
use latchkey_store::{
    self as store,
    audit::{AuditRow, Selection},
};
use latchkey_types::{
    audit::{AuditEventRow, AuditPage, AuditQuery, EVENTS_MAX},
    error::Error,
    permission::{Permission, Permissions},
    time::Timestamp,
    validate,
};

/// Rows of the organization's log, newest first, at most [`EVENTS_MAX`]. Needs *View Audit Log*.
///
/// # Errors
/// `Invalid` at `search`; `Forbidden`, `Unavailable`.
pub async fn read(core: &Core, actor: &Actor, query: &AuditQuery) -> Result<AuditPage, Error> {
    actor.require(Permission::ViewAuditLog)?;
    let search = validate::search("search", &query.search)?;
    let selection = Selection {
        organization: actor.organization,
        search: &search,
        since: query.period.begins(Timestamp::now()),
        before: query.before,
        // One more, to detect whether there is another page.
        limit: i64::try_from(EVENTS_MAX).unwrap_or(i64::MAX) + 1,
    };
    let rows = store::audit::select(&core.store, &selection).await?;
    let events: Vec<AuditEventRow> = rows.iter().take(EVENTS_MAX).map(row).collect();
    let next = (rows.len() > EVENTS_MAX).then(|| events.last().map(|last| last.seq)).flatten();
    Ok(AuditPage { events, next })
}

fn row(row: &AuditRow) -> AuditEventRow {
    let auth_method = match row.actor_kind.as_str() {
        "key" => Some("API key"),
        "console" => Some("Command line"),
        _ => None,
    };
    AuditEventRow {
        seq: row.seq,
        at: Timestamp(row.at),
        actor: row.actor_name.clone(),
        auth_method: auth_method.map(ToOwned::to_owned),
        action: row.action.clone(),
        object: row.object_name.clone(),
        object_id: row.object_id.clone(),
        details: details(&row.detail),
        address: row.address.clone(),
    }
}

/// The details as readable names and values.
fn details(json: &str) -> Vec<(String, String)> {
    let details: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    details.into_iter().map(|(name, value)| (name.replace('_', " "), format_detail(&name, value))).collect()
}

fn format_detail(name: &str, value: Value) -> String {
    match value {
        Value::String(words) if name.starts_with("permissions") => labels(&words),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn labels(words: &str) -> String {
    let labels: Vec<_> = Permissions::parse_list(words).iter().map(Permission::label).collect();
    if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_shown_without_quotes_and_braces() {
        let shown = details(r#"{"from":"a","keys_handed_to":"Grace","sessions":2}"#);
        let shown: Vec<_> = shown.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(shown, [("from", "a"), ("keys handed to", "Grace"), ("sessions", "2")]);
        assert_eq!(details(r#"{"permissions":"view_keys view_billing"}"#)[0].1, "View Keys, View Billing");
        assert_eq!(details("no json"), []);
    }
}
