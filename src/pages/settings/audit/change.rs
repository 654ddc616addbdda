//! What an event changed, for its details.

use latchkey_types::{audit::AuditEventRow, names::capitalized};

/// The details of an event, with a value before a change and the one after it in one line.
pub(super) fn changes(event: &AuditEventRow) -> Vec<(String, String)> {
    event.details.iter().filter_map(|(name, value)| line(event, name, value)).collect()
}

fn line(event: &AuditEventRow, name: &str, value: &str) -> Option<(String, String)> {
    let has = |name: &str| event.detail(name).is_some();
    let change = |name: &str, after: Option<&str>| {
        let after = after.unwrap_or(&event.object);
        (after != value).then(|| (capitalized(name), format!("{} → {}", or_empty(value), or_empty(after))))
    };
    match name {
        // A rename: the event has the new name.
        "from" if has("to") => change("role", event.detail("to")),
        "from" => change("name", None),
        "before" => change(event.detail("value").unwrap_or("value"), event.detail("after")),
        "to" if has("from") => None,
        "after" | "value" if has("before") => None,
        _ => match name.strip_suffix(" before") {
            Some(changed) => change(changed, event.detail(changed)),
            None if has(&format!("{name} before")) => None,
            None => Some((capitalized(name), or_empty(value).to_owned())),
        },
    }
}

const fn or_empty(value: &str) -> &str {
    if value.is_empty() { "–" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::time::Timestamp;

    fn lines(details: &[(&str, &str)]) -> Vec<String> {
        let event = AuditEventRow {
            seq: 1,
            at: Timestamp(0),
            actor: String::new(),
            actor_id: String::new(),
            auth_method: None,
            action: String::new(),
            object: "new".to_owned(),
            object_kind: String::new(),
            object_id: String::new(),
            details: details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            address: String::new(),
        };
        changes(&event).into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn a_change_is_one_line() {
        assert_eq!(lines(&[("currency before", "USD"), ("name before", "new"), ("currency", "EUR")]), ["Currency: USD → EUR"]);
        assert_eq!(lines(&[("from", "old")]), ["Name: old → new"]);
        assert_eq!(lines(&[("from", "Member"), ("to", "Admin")]), ["Role: Member → Admin"]);
        assert_eq!(lines(&[("before", ""), ("after", "1.5"), ("value", "price")]), ["Price: – → 1.5"]);
        assert_eq!(lines(&[("kind", "agent"), ("value", "")]), ["Kind: agent", "Value: –"]);
    }
}
