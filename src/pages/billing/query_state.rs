//! Month, and search and page of the keys, kept in the URL query.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
    params::ParamsMap,
};

use crate::routes;
use latchkey_types::billing::Month;
use latchkey_ui::browser;

/// The state in the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsageQuery {
    /// `None` for the current month.
    pub month: Option<Month>,
    /// Only keys whose name contains this text.
    pub search: String,
    /// Counts from 1.
    pub page: i64,
}

impl UsageQuery {
    fn of_parameters(parameters: &ParamsMap) -> Self {
        let text = |name: &str| parameters.get_str(name).unwrap_or_default();
        Self { month: text("month").parse().ok(), search: text("q").trim().to_owned(), page: text("page").parse().unwrap_or(1).max(1) }
    }

    /// The address of the page; default values are left out.
    fn address(&self, encode: impl Fn(&str) -> String) -> String {
        let mut parts = Vec::new();
        if let Some(month) = self.month {
            parts.push(format!("month={month}"));
        }
        if !self.search.is_empty() {
            parts.push(format!("q={}", encode(&self.search)));
        }
        if self.page != 1 {
            parts.push(format!("page={}", self.page));
        }
        let path = routes::BILLING.path;
        if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
    }
}

/// The address of a month.
pub(super) fn month_address(month: Month) -> String {
    UsageQuery { month: Some(month), search: String::new(), page: 1 }.address(str::to_owned)
}

/// Reads and changes the URL query.
#[derive(Clone, Copy)]
pub(super) struct BillingQueryState {
    parameters: Memo<ParamsMap>,
    query: Memo<UsageQuery>,
    /// Opens an address; true replaces the history entry.
    go: Callback<(String, bool)>,
}

impl BillingQueryState {
    pub(super) fn from_url() -> Self {
        let parameters = use_query_map();
        let query = Memo::new(move |_| parameters.with(UsageQuery::of_parameters));
        let navigate = use_navigate();
        let go = Callback::new(move |(address, replace): (String, bool)| {
            navigate(&address, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
        });
        Self { parameters, query, go }
    }

    pub(super) fn get(self) -> UsageQuery {
        self.query.get()
    }

    pub(super) fn get_untracked(self) -> UsageQuery {
        self.query.get_untracked()
    }

    pub(super) fn month(self) -> Memo<Option<Month>> {
        Memo::new(move |_| self.query.with(|query| query.month))
    }

    pub(super) fn search(self) -> Signal<String> {
        Signal::derive(move || self.query.with(|query| query.search.clone()))
    }

    /// Replaces the history entry: “Back” skips the keystrokes of a search.
    pub(super) fn search_for(self, search: &str) {
        self.open(&UsageQuery { search: search.trim().to_owned(), page: 1, ..self.get_untracked() }, true);
    }

    pub(super) fn turn_to(self, page: i64) {
        self.open(&UsageQuery { page, ..self.get_untracked() }, false);
    }

    fn open(self, query: &UsageQuery, replace: bool) {
        if *query != self.get_untracked() {
            self.go.run((query.address(browser::encode), replace));
        }
    }

    /// Opens the current month if the address has no month of this span: it would show another one than it says.
    pub(super) fn correct_month(self, span: (Month, Month)) {
        let is_wrong = |text: &str| !text.parse::<Month>().is_ok_and(|month| (span.0..=span.1).contains(&month));
        if self.parameters.with(|parameters| parameters.get_str("month").is_some_and(is_wrong)) {
            self.go.run((routes::BILLING.path.to_owned(), true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_omits_defaults_and_round_trips() {
        let query = UsageQuery { month: "2026-11".parse().ok(), search: "shop".to_owned(), page: 3 };
        let address = query.address(str::to_owned);
        assert_eq!(address, "/billing?month=2026-11&q=shop&page=3");
        let mut read = ParamsMap::new();
        for pair in address.split_once('?').unwrap().1.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            read.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(UsageQuery::of_parameters(&read), query);
        let default = UsageQuery::of_parameters(&ParamsMap::new());
        assert_eq!((default.page, default.address(str::to_owned).as_str()), (1, "/billing"));
    }
}
