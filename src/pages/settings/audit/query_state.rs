//! Search and period of the log, kept in the URL query.

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
pub struct AuditQueryState {
    filter: Memo<(String, AuditPeriod)>,
    go: Callback<(String, AuditPeriod)>,
}

impl AuditQueryState {
    pub fn from_url() -> Self {
        let query = use_query_map();
        let filter = Memo::new(move |_| {
            query.with(|query| {
                let period = query.get_str("period").and_then(|value| value.parse().ok()).unwrap_or_default();
                (query.get_str("q").unwrap_or_default().trim().to_owned(), period)
            })
        });
        let navigate = use_navigate();
        // Replaces the history entry: “Back” skips the keystrokes of a search.
        let go = Callback::new(move |(search, period): (String, AuditPeriod)| {
            let address = String::from(routes::AUDIT.path) + &query_string(&search, period, browser::encode);
            navigate(&address, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
        });
        Self { filter, go }
    }

    /// Search text and period.
    pub fn get(self) -> (String, AuditPeriod) {
        self.filter.get()
    }

    /// The request for the first page.
    pub fn query(self) -> AuditQuery {
        let (search, period) = self.filter.get_untracked();
        AuditQuery { search, period, before: None }
    }

    pub fn search(self, search: String) {
        self.go_to(search, self.filter.get_untracked().1);
    }

    pub fn period(self, period: AuditPeriod) {
        self.go_to(self.filter.get_untracked().0, period);
    }

    /// Clears search and period.
    pub fn clear(self) {
        self.go_to(String::new(), AuditPeriod::All);
    }

    fn go_to(self, search: String, period: AuditPeriod) {
        let filter = (search.trim().to_owned(), period);
        if filter != self.filter.get_untracked() {
            self.go.run(filter);
        }
    }
}

/// The URL query; default values are left out.
fn query_string(search: &str, period: AuditPeriod, encode: impl Fn(&str) -> String) -> String {
    let mut parts = Vec::new();
    if !search.is_empty() {
        parts.push(String::from("q=") + &encode(search));
    }
    if period != AuditPeriod::All {
        parts.push(String::from("period=") + period.as_str());
    }
    if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_omits_defaults() {
        let query = |search, period| query_string(search, period, str::to_owned);
        assert_eq!(query("", AuditPeriod::All), "");
        assert_eq!(query("ada", AuditPeriod::Week), "?q=ada&period=7d");
        assert_eq!(query("", AuditPeriod::Day), "?period=24h");
    }
}
