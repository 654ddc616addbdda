//! Filters and page of the log, kept in the URL query.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::routes;
use latchkey_types::audit::{AuditPeriod, AuditQuery};
use latchkey_ui::browser;

/// Reads and changes the URL query.
#[derive(Clone, Copy)]
pub(super) struct AuditQueryState {
    query: Memo<AuditQuery>,
    /// Opens an address; true replaces the history entry.
    go: Callback<(String, bool)>,
}

impl AuditQueryState {
    pub(super) fn from_url() -> Self {
        let parameters = use_query_map();
        let query = Memo::new(move |_| parameters.with(|parameters| parse(|name| parameters.get_str(name).unwrap_or_default().trim().to_owned())));
        let navigate = use_navigate();
        let go = Callback::new(move |(address, replace): (String, bool)| {
            navigate(&address, NavigateOptions { replace, scroll: !replace, ..NavigateOptions::default() });
        });
        Self { query, go }
    }

    pub(super) fn get(self) -> AuditQuery {
        self.query.get()
    }

    pub(super) fn get_untracked(self) -> AuditQuery {
        self.query.get_untracked()
    }

    /// A signal of one of the filters.
    pub(super) fn filter(self, read: fn(&AuditQuery) -> String) -> Signal<String> {
        Signal::derive(move || self.query.with(read))
    }

    /// Changes filters and opens the first page. Replaces the history entry: “Back” skips the keystrokes of a search.
    pub(super) fn change(self, change: impl FnOnce(&mut AuditQuery)) {
        let before = self.get_untracked();
        let mut query = AuditQuery { before: None, after: None, ..before.clone() };
        change(&mut query);
        if query != before {
            self.open(&query, true);
        }
    }

    /// Opens another page of the log with the same filters.
    pub(super) fn turn_to(self, before: Option<i64>, after: Option<i64>) {
        self.open(&AuditQuery { before, after, ..self.get_untracked() }, false);
    }

    fn open(self, query: &AuditQuery, replace: bool) {
        self.go.run((String::from(routes::AUDIT.path) + &query_string(query, browser::encode), replace));
    }
}

/// The query with these parameters. Invalid ones are ignored.
fn parse(text: impl Fn(&str) -> String) -> AuditQuery {
    AuditQuery {
        search: text("q"),
        period: text("period").parse().unwrap_or_default(),
        actor: text("actor"),
        action: text("action"),
        target: text("target"),
        before: text("before").parse().ok(),
        after: text("after").parse().ok(),
        limit: None,
    }
}

/// The URL query; default values are left out.
fn query_string(query: &AuditQuery, encode: impl Fn(&str) -> String) -> String {
    let period = if query.period == AuditPeriod::All { "" } else { query.period.as_str() };
    let position = |seq: Option<i64>| seq.map(|seq| seq.to_string()).unwrap_or_default();
    let (before, after) = (position(query.before), position(query.after));
    let parameters = [
        ("q", query.search.as_str()),
        ("period", period),
        ("actor", query.actor.as_str()),
        ("action", query.action.as_str()),
        ("target", query.target.as_str()),
        ("before", before.as_str()),
        ("after", after.as_str()),
    ];
    let set = parameters.into_iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> = set.map(|(name, value)| String::from(name) + "=" + &encode(value)).collect();
    if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_omits_defaults() {
        let query = |query| query_string(&query, str::to_owned);
        assert_eq!(query(AuditQuery::default()), "");
        let search = AuditQuery { search: "ada".to_owned(), period: AuditPeriod::Week, ..AuditQuery::default() };
        assert_eq!(query(search), "?q=ada&period=7d");
        let page = AuditQuery { actor: "console".to_owned(), target: "key".to_owned(), before: Some(7), ..AuditQuery::default() };
        assert_eq!(query(page), "?actor=console&target=key&before=7");
    }

    #[test]
    fn an_invalid_parameter_is_ignored() {
        let parameters = [("period", "century"), ("before", "soon"), ("action", "key.created")];
        let query = parse(|name| parameters.iter().find(|(other, _)| *other == name).map_or_else(String::new, |(_, value)| (*value).to_owned()));
        assert_eq!(query, AuditQuery { action: "key.created".to_owned(), ..AuditQuery::default() });
    }
}
