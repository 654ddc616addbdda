//! Search and period of the log, kept in the page's address.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::super::AUDIT;
use crate::{
    model::audit::{AuditQuery, Period},
    ui::browser,
};

/// What the page's address says, and the way to change it.
#[derive(Clone, Copy)]
pub struct AuditPlace {
    wish: Memo<(String, Period)>,
    go: Callback<(String, Period)>,
}

impl AuditPlace {
    /// Reads and writes the page's address.
    pub fn of_address() -> Self {
        let query = use_query_map();
        let wish = Memo::new(move |_| {
            query.with(|query| {
                let period = query.get_str("period").and_then(|word| word.parse().ok()).unwrap_or_default();
                (query.get_str("q").unwrap_or_default().trim().to_owned(), period)
            })
        });
        let navigate = use_navigate();
        // Each letter replaces the last in the history: the way back leads past the whole search.
        let go = Callback::new(move |(search, period): (String, Period)| {
            let address = String::from(AUDIT.path) + &query_string(&search, period, browser::encode);
            navigate(&address, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
        });
        Self { wish, go }
    }

    /// What is searched for, and in which period.
    pub fn get(self) -> (String, Period) {
        self.wish.get()
    }

    /// What to ask the server for.
    pub fn query(self) -> AuditQuery {
        let (search, period) = self.wish.get_untracked();
        AuditQuery { search, period, before: None }
    }

    /// Searches for something else.
    pub fn search(self, search: String) {
        self.go_to(search, self.wish.get_untracked().1);
    }

    /// Looks at another period.
    pub fn period(self, period: Period) {
        self.go_to(self.wish.get_untracked().0, period);
    }

    /// Looks at everything.
    pub fn clear(self) {
        self.go_to(String::new(), Period::All);
    }

    fn go_to(self, search: String, period: Period) {
        let wish = (search.trim().to_owned(), period);
        if wish != self.wish.get_untracked() {
            self.go.run(wish);
        }
    }
}

/// The part of the address that says it; what is usual goes without saying.
fn query_string(search: &str, period: Period, encode: impl Fn(&str) -> String) -> String {
    let mut parts = Vec::new();
    if !search.is_empty() {
        parts.push(String::from("q=") + &encode(search));
    }
    if period != Period::All {
        parts.push(String::from("period=") + period.word());
    }
    if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_goes_without_saying() {
        let told = |search, period| query_string(search, period, str::to_owned);
        assert_eq!(told("", Period::All), "");
        assert_eq!(told("ada", Period::Week), "?q=ada&period=7d");
        assert_eq!(told("", Period::Day), "?period=24h");
    }
}
