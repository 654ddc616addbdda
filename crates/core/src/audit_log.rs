//! Reading the audit log.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Core, actor::Actor};
use latchkey_store::{
    self as store,
    audit::{ActorFilter, AuditRow, Position, Selection},
};
use latchkey_types::{
    audit::{ACTOR_CONSOLE, ACTOR_KEYS, AuditActor, AuditEventRow, AuditPage, AuditQuery, EVENTS_MAX, EXPORT_MAX},
    error::Error,
    permission::{Permission, Permissions, role_label},
    time::Timestamp,
    validate,
};

/// Names of details that hold the state before a change, besides those that end in `_before`.
const BEFORE: [&str; 2] = ["before", "from"];

/// The prefixes of ids that may occur in details.
const ID_PREFIXES: [&str; 5] = ["usr_", "rol_", "prj_", "key_", "crd_"];

/// One page of the organization's log, newest first. Needs *View Audit Log*.
///
/// # Errors
/// `Invalid` at `search`, `actor`, `action` or `target`; `Forbidden`, `Unavailable`.
pub async fn read(core: &Core, actor: &Actor, query: &AuditQuery) -> Result<AuditPage, Error> {
    actor.require(Permission::ViewAuditLog)?;
    if query.before.is_none() {
        core.auditor.chain_before_read(&core.store).await;
    }
    let page = select(core, actor, query).await?;
    // Fewer events than a page are newer: the first page has them, and older ones that fill it.
    if query.after.is_some() && query.before.is_none() && page.previous.is_none() {
        return select(core, actor, &AuditQuery { after: None, ..query.clone() }).await;
    }
    Ok(page)
}

async fn select(core: &Core, actor: &Actor, query: &AuditQuery) -> Result<AuditPage, Error> {
    let search = validate::search("search", &query.search)?;
    let who = validate::search("actor", &query.actor)?;
    let action = validate::search("action", &query.action)?;
    let target = validate::search("target", &query.target)?;
    let position = match (query.before, query.after) {
        (Some(seq), _) => Position::Before(seq),
        (None, Some(seq)) => Position::After(seq),
        (None, None) => Position::Newest,
    };
    let limit = query.limit.unwrap_or(EVENTS_MAX).clamp(1, EXPORT_MAX);
    let selection = Selection {
        organization: actor.organization,
        search: &search,
        actor: match who.as_str() {
            "" => ActorFilter::All,
            ACTOR_KEYS | ACTOR_CONSOLE => ActorFilter::Kind(&who),
            id => ActorFilter::Id(id),
        },
        action: &action,
        object_kind: &target,
        since: query.period.begins(Timestamp::now()),
        position,
        // One more, to detect whether there is another page.
        limit: i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
    };
    let rows = store::audit::select(&core.store, &selection).await?;
    page(core, actor, rows, position, limit).await
}

/// The page of these rows, of which one more than `limit` was selected.
async fn page(core: &Core, actor: &Actor, mut rows: Vec<AuditRow>, position: Position, limit: usize) -> Result<AuditPage, Error> {
    let has_more = rows.len() > limit;
    let (has_newer, has_older) = match position {
        Position::Newest => (false, has_more),
        Position::Before(_) => (true, has_more),
        Position::After(_) => (has_more, true),
    };
    if has_more {
        // The one furthest from where the page begins.
        let surplus = if matches!(position, Position::After(_)) { 0 } else { rows.len() - 1 };
        rows.remove(surplus);
    }
    let details: Vec<Map<String, Value>> = rows.iter().map(|row| serde_json::from_str(&row.detail).unwrap_or_default()).collect();
    let names = store::audit::names(&core.store, actor.organization, &ids(&details)).await?;
    let events: Vec<AuditEventRow> = rows.into_iter().zip(details).map(|(row, details)| event(row, details, &names)).collect();
    let next = events.last().filter(|_| has_older).map(|last| last.seq);
    let previous = events.first().filter(|_| has_newer).map(|first| first.seq);
    Ok(AuditPage { events, next, previous })
}

/// The members who may have acted, sorted by name. Needs *View Audit Log*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn actors(core: &Core, actor: &Actor) -> Result<Vec<AuditActor>, Error> {
    actor.require(Permission::ViewAuditLog)?;
    Ok(store::audit::actors(&core.store, actor.organization).await?)
}

fn event(row: AuditRow, details: Map<String, Value>, names: &HashMap<String, String>) -> AuditEventRow {
    let auth_method = match row.actor_kind.as_str() {
        "key" => Some("API key"),
        "console" => Some("Command line"),
        _ => None,
    };
    AuditEventRow {
        details: readable(&row.action, details, names),
        seq: row.seq,
        at: Timestamp(row.at),
        actor: row.actor_name,
        actor_id: row.actor_id,
        auth_method: auth_method.map(ToOwned::to_owned),
        action: row.action,
        object: row.object_name,
        object_kind: row.object_kind,
        object_id: row.object_id,
        address: row.address,
    }
}

/// The ids among the values of these details.
fn ids(details: &[Map<String, Value>]) -> Vec<String> {
    let texts = details.iter().flat_map(Map::values).filter_map(Value::as_str);
    let mut ids: Vec<String> = texts.filter(|text| is_id(text)).map(ToOwned::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn is_id(text: &str) -> bool {
    ID_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// The details as readable names and values. A value before a change precedes the one after it.
fn readable(action: &str, details: Map<String, Value>, names: &HashMap<String, String>) -> Vec<(String, String)> {
    let is_role_change = action.ends_with("role_changed");
    let pair = |(name, value): (String, Value)| {
        let text = match value {
            Value::String(words) if name.starts_with("permissions") => permission_labels(&words),
            Value::String(role) if name == "role" || is_role_change && matches!(name.as_str(), "from" | "to") => role_label(&role),
            Value::String(text) => names.get(&text).cloned().unwrap_or(text),
            other => plain_text(other),
        };
        (name.replace('_', " "), text)
    };
    let mut readable: Vec<_> = details.into_iter().map(pair).collect();
    let is_before = |name: &str| BEFORE.contains(&name) || name.ends_with(" before");
    readable.sort_by_key(|(name, _)| (!is_before(name), name.clone()));
    readable
}

/// A value without the brackets, quotes and braces of JSON.
fn plain_text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => String::from(if yes { "yes" } else { "no" }),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        Value::Array(values) => values.into_iter().map(plain_text).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members.into_iter().map(|(name, value)| format!("{name}: {}", plain_text(value))).collect::<Vec<_>>().join(", "),
    }
}

fn permission_labels(words: &str) -> String {
    let labels: Vec<_> = Permissions::parse_list(words).iter().map(Permission::label).collect();
    if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The details of an action, with Grace as the name of one id.
    fn shown(action: &str, json: &str) -> Vec<(String, String)> {
        let names = HashMap::from([("usr_1".to_owned(), "Grace".to_owned())]);
        readable(action, serde_json::from_str(json).unwrap(), &names)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn details_are_shown_without_quotes_and_braces() {
        let details = r#"{"keys_handed_to":"Grace","sessions":2,"secrets":["a_token","a_id"],"new_value":true}"#;
        let expected = [pair("keys handed to", "Grace"), pair("new value", "yes"), pair("secrets", "a_token, a_id"), pair("sessions", "2")];
        assert_eq!(shown("user.disabled", details), expected);
        assert_eq!(shown("role.created", r#"{"permissions":"view_keys view_billing"}"#), [pair("permissions", "View Keys, View Billing")]);
    }

    #[test]
    fn a_value_before_a_change_comes_first() {
        assert_eq!(shown("template.changed", r#"{"after":"b","before":"a"}"#), [pair("before", "a"), pair("after", "b")]);
        let expected = [pair("currency before", "USD"), pair("currency", "EUR")];
        assert_eq!(shown("organization.edited", r#"{"currency":"EUR","currency_before":"USD"}"#), expected);
        assert_eq!(shown("user.role_changed", r#"{"from":"member","to":"iOS"}"#), [pair("from", "Member"), pair("to", "iOS")]);
    }

    #[test]
    fn ids_are_shown_as_names_if_they_are_known() {
        assert_eq!(shown("key.revoked", r#"{"holder":"usr_1"}"#), [pair("holder", "Grace")]);
        assert_eq!(shown("key.revoked", r#"{"holder":"usr_2"}"#), [pair("holder", "usr_2")]);
        let details =
            [serde_json::from_str(r#"{"holder":"usr_2","other":"usr_1","n":1}"#).unwrap(), serde_json::from_str(r#"{"holder":"usr_2"}"#).unwrap()];
        assert_eq!(ids(&details), ["usr_1", "usr_2"]);
    }
}
