//! Filters and page of the log, kept in the URL query.

use std::str::FromStr;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::routes;
use latchkey_types::{
    audit::AuditPeriod,
    id::{KeyId, UserId},
    model_call::{CallFilter, CallOutcome},
};
use latchkey_ui::browser;

/// Which calls the page shows. Empty texts accept all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CallQuery {
    /// Name of a model or alias.
    pub model: String,
    /// Id of a key.
    pub key: String,
    /// Id of a member.
    pub member: String,
    pub outcome: String,
    pub period: AuditPeriod,
    /// The page of the log; empty for the newest calls.
    pub cursor: String,
}

impl CallQuery {
    pub(super) fn filter(&self) -> CallFilter {
        CallFilter {
            key: self.key.parse().ok(),
            model: Some(self.model.clone()).filter(|model| !model.is_empty()),
            user: self.member.parse().ok(),
            outcome: self.outcome.parse().ok(),
            from: None,
            to: None,
        }
    }

    pub(super) fn cursor(&self) -> Option<String> {
        Some(self.cursor.clone()).filter(|cursor| !cursor.is_empty())
    }

    /// Whether all calls are shown, from the newest on.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads and changes the URL query.
#[derive(Clone, Copy)]
pub(super) struct CallQueryState {
    query: Memo<CallQuery>,
    /// Opens an address; true replaces the history entry.
    go: Callback<(String, bool)>,
}

impl CallQueryState {
    pub(super) fn from_url() -> Self {
        let parameters = use_query_map();
        let query = Memo::new(move |_| parameters.with(|parameters| parse(|name| parameters.get_str(name).unwrap_or_default().trim().to_owned())));
        let navigate = use_navigate();
        let go = Callback::new(move |(address, replace): (String, bool)| {
            navigate(&address, NavigateOptions { replace, scroll: !replace, ..NavigateOptions::default() });
        });
        Self { query, go }
    }

    pub(super) fn get(self) -> CallQuery {
        self.query.get()
    }

    pub(super) fn get_untracked(self) -> CallQuery {
        self.query.get_untracked()
    }

    /// A signal of one of the filters.
    pub(super) fn filter(self, read: fn(&CallQuery) -> String) -> Signal<String> {
        Signal::derive(move || self.query.with(read))
    }

    /// Changes filters and opens the first page. Replaces the history entry.
    pub(super) fn change(self, change: impl FnOnce(&mut CallQuery)) {
        let before = self.get_untracked();
        let mut query = CallQuery { cursor: String::new(), ..before.clone() };
        change(&mut query);
        if query != before {
            self.open(&query, true);
        }
    }

    /// Opens another page of the log with the same filters.
    pub(super) fn turn_to(self, cursor: String) {
        self.open(&CallQuery { cursor, ..self.get_untracked() }, false);
    }

    fn open(self, query: &CallQuery, replace: bool) {
        self.go.run((String::from(routes::CALLS.path) + &query_string(query, browser::encode), replace));
    }
}

/// The query with these parameters. Invalid ones are ignored, so that no filter is shown that has no effect.
fn parse(text: impl Fn(&str) -> String) -> CallQuery {
    CallQuery {
        model: text("model"),
        key: valid::<KeyId>(text("key")),
        member: valid::<UserId>(text("member")),
        outcome: valid::<CallOutcome>(text("outcome")),
        period: text("period").parse().unwrap_or_default(),
        cursor: text("cursor"),
    }
}

/// The text if it is a `T`, or an empty one.
fn valid<T: FromStr>(text: String) -> String {
    if text.parse::<T>().is_ok() { text } else { String::new() }
}

/// The URL query; default values are left out.
fn query_string(query: &CallQuery, encode: impl Fn(&str) -> String) -> String {
    let period = if query.period == AuditPeriod::All { "" } else { query.period.as_str() };
    let parameters = [
        ("model", query.model.as_str()),
        ("key", query.key.as_str()),
        ("member", query.member.as_str()),
        ("outcome", query.outcome.as_str()),
        ("period", period),
        ("cursor", query.cursor.as_str()),
    ];
    let set = parameters.into_iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> = set.map(|(name, value)| String::from(name) + "=" + &encode(value)).collect();
    if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "key_0193456789ab7cdef0123456789abcde";

    #[test]
    fn query_omits_defaults() {
        let query = |query| query_string(&query, str::to_owned);
        assert_eq!(query(CallQuery::default()), "");
        let failed = CallQuery { model: "gpt-5".to_owned(), outcome: "failed".to_owned(), period: AuditPeriod::Week, ..CallQuery::default() };
        assert_eq!(query(failed), "?model=gpt-5&outcome=failed&period=7d");
        let page = CallQuery { key: KEY.to_owned(), cursor: "a1".to_owned(), ..CallQuery::default() };
        assert_eq!(query(page), format!("?key={KEY}&cursor=a1"));
    }

    #[test]
    fn an_invalid_parameter_is_ignored() {
        let parameters = [("period", "century"), ("key", KEY), ("member", "ada"), ("outcome", "failed")];
        let query = parse(|name| parameters.iter().find(|(other, _)| *other == name).map_or_else(String::new, |(_, value)| (*value).to_owned()));
        assert_eq!((query.period, query.member.as_str(), query.outcome.as_str()), (AuditPeriod::All, "", "failed"));
        let filter = CallFilter { key: KEY.parse().ok(), outcome: Some(CallOutcome::Failed), ..CallFilter::default() };
        assert_eq!((query.filter(), query.cursor()), (filter, None));
        assert!(!query.is_default() && CallQuery::default().is_default());
    }
}
