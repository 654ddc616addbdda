//! Period, search, order and page of the list, kept in the URL query.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
    params::ParamsMap,
};

use latchkey_types::{
    id::ProjectId,
    issued_key::{IssuedOrder, IssuedQuery, PeriodQuery, ROWS, UsagePeriod},
};
use latchkey_ui::browser;

/// The state in the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedListQuery {
    /// The period in which requests are counted.
    pub period: PeriodQuery,
    /// Part of the name of a key or of its holder.
    pub search: String,
    pub order: IssuedOrder,
    /// Counts from 1.
    pub page: i64,
    /// Rows per page.
    pub rows: i64,
}

impl Default for IssuedListQuery {
    fn default() -> Self {
        Self { period: PeriodQuery::default(), search: String::new(), order: IssuedOrder::default(), page: 1, rows: ROWS[0] }
    }
}

impl IssuedListQuery {
    fn of_query(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get_str(name).unwrap_or_default().to_owned();
        let number = |name: &str| query.get_str(name).and_then(|text| text.parse::<i64>().ok());
        let period = text("period").parse().unwrap_or_default();
        let (from, to) = if period == UsagePeriod::Custom { (text("from"), text("to")) } else { Default::default() };
        Self {
            period: PeriodQuery { period, from, to },
            search: text("q"),
            order: text("sort").parse().unwrap_or_default(),
            page: number("page").unwrap_or(1).max(1),
            rows: number("rows").filter(|rows| ROWS.contains(rows)).unwrap_or(ROWS[0]),
        }
    }

    /// The URL query; default values are left out.
    fn query_string(&self, encode: impl Fn(&str) -> String) -> String {
        let default = Self::default();
        let mut parts = Vec::new();
        let mut push = |name: &str, value: &str| parts.push(format!("{name}={}", encode(value)));
        if self.period.period != default.period.period {
            push("period", self.period.period.as_str());
        }
        if self.period.period == UsagePeriod::Custom {
            push("from", &self.period.from);
            push("to", &self.period.to);
        }
        if !self.search.is_empty() {
            push("q", &self.search);
        }
        if self.order != default.order {
            push("sort", &self.order.to_string());
        }
        if self.page != default.page {
            push("page", &self.page.to_string());
        }
        if self.rows != default.rows {
            push("rows", &self.rows.to_string());
        }
        if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
    }

    /// The request to the server.
    pub fn query(&self, project: ProjectId) -> IssuedQuery {
        let IssuedOrder { column, is_reversed } = self.order;
        IssuedQuery { project, period: self.period.clone(), search: self.search.clone(), sort: column, is_reversed, page: self.page, rows: self.rows }
    }
}

/// Reads and changes the URL query.
#[derive(Clone, Copy)]
pub struct IssuedQueryState {
    current: Memo<IssuedListQuery>,
    /// Navigates to a query; `true` replaces the history entry.
    go: Callback<(IssuedListQuery, bool)>,
}

impl IssuedQueryState {
    pub fn from_url() -> Self {
        let (query, path) = (use_query_map(), use_location().pathname);
        let current = Memo::new(move |_| query.with(IssuedListQuery::of_query));
        let navigate = use_navigate();
        let go = Callback::new(move |(query, replace): (IssuedListQuery, bool)| {
            let address = path.get_untracked() + &query.query_string(browser::encode);
            navigate(&address, NavigateOptions { scroll: false, replace, ..NavigateOptions::default() });
        });
        Self { current, go }
    }

    /// The state in the URL.
    pub fn get(self) -> IssuedListQuery {
        self.current.get()
    }

    /// Same as [`Self::get`], untracked.
    pub fn now(self) -> IssuedListQuery {
        self.current.get_untracked()
    }

    /// Navigates to a changed query.
    pub fn change(self, change: impl FnOnce(&mut IssuedListQuery)) {
        self.change_as(change, false);
    }

    /// Same as [`Self::change`], but replaces the history entry: for values entered in several steps.
    pub fn change_replacing_history(self, change: impl FnOnce(&mut IssuedListQuery)) {
        self.change_as(change, true);
    }

    fn change_as(self, change: impl FnOnce(&mut IssuedListQuery), replace: bool) {
        let Some(current) = self.current.try_get_untracked() else { return };
        let mut query = current.clone();
        change(&mut query);
        if query != current {
            self.go.run((query, replace));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::issued_key::IssuedSort;

    #[test]
    fn query_omits_defaults_and_round_trips() {
        assert_eq!(IssuedListQuery::default().query_string(str::to_owned), "");
        let query = IssuedListQuery {
            period: PeriodQuery { period: UsagePeriod::Custom, from: "2026-11-01".to_owned(), to: "2026-11-21".to_owned() },
            search: "mia".to_owned(),
            order: IssuedOrder { column: IssuedSort::Total, is_reversed: true },
            page: 3,
            rows: 50,
        };
        let text = query.query_string(str::to_owned);
        assert_eq!(text, "?period=chosen&from=2026-11-01&to=2026-11-21&q=mia&sort=-total&page=3&rows=50");
        let mut read = ParamsMap::new();
        for pair in text[1..].split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            read.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(IssuedListQuery::of_query(&read), query);
        let mut bad = ParamsMap::new();
        for (name, value) in [("period", "never"), ("page", "-4"), ("rows", "1000000"), ("sort", "x"), ("from", "y")] {
            bad.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(IssuedListQuery::of_query(&bad), IssuedListQuery::default());
    }
}
