//! Period, order and page of the list, kept in the page's address.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
    params::ParamsMap,
};

use crate::{
    model::{
        id::ProjectId,
        issued::{IssuedQuery, IssuedSort, Period, ROWS, WantedPeriod},
    },
    ui::browser,
};

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// For which time requests are counted.
    pub wanted: WantedPeriod,
    /// The order.
    pub sort: IssuedSort,
    /// Which page, from 1.
    pub page: i64,
    /// How many rows it has.
    pub rows: i64,
}

impl Default for Wish {
    fn default() -> Self {
        Self { wanted: WantedPeriod::default(), sort: IssuedSort::default(), page: 1, rows: ROWS[0] }
    }
}

impl Wish {
    fn of_query(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get_str(name).unwrap_or_default().to_owned();
        let number = |name: &str| query.get_str(name).and_then(|text| text.parse::<i64>().ok());
        let period = text("period").parse().unwrap_or_default();
        let (from, to) = if period == Period::Chosen { (text("from"), text("to")) } else { Default::default() };
        Self {
            wanted: WantedPeriod { period, from, to },
            sort: text("sort").parse().unwrap_or_default(),
            page: number("page").unwrap_or(1).max(1),
            rows: number("rows").filter(|rows| ROWS.contains(rows)).unwrap_or(ROWS[0]),
        }
    }

    /// The part of the address that says it; what is usual goes without saying.
    fn query_string(&self, encode: impl Fn(&str) -> String) -> String {
        let usual = Self::default();
        let mut parts = Vec::new();
        let mut say = |name: &str, value: &str| parts.push(format!("{name}={}", encode(value)));
        if self.wanted.period != usual.wanted.period {
            say("period", self.wanted.period.word());
        }
        if self.wanted.period == Period::Chosen {
            say("from", &self.wanted.from);
            say("to", &self.wanted.to);
        }
        if self.sort != usual.sort {
            say("sort", self.sort.word());
        }
        if self.page != usual.page {
            say("page", &self.page.to_string());
        }
        if self.rows != usual.rows {
            say("rows", &self.rows.to_string());
        }
        if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
    }

    /// What to ask the server for.
    pub fn query(&self, project: ProjectId) -> IssuedQuery {
        IssuedQuery { project, wanted: self.wanted.clone(), sort: self.sort, page: self.page, rows: self.rows }
    }
}

/// What the page's address says, and the way to change it.
#[derive(Clone, Copy)]
pub struct IssuedPlace {
    wish: Memo<Wish>,
    /// Goes to an address; in place of this one in the history, where that is wanted.
    go: Callback<(Wish, bool)>,
}

impl IssuedPlace {
    /// Reads and writes the page's address.
    pub fn of_address() -> Self {
        let (query, path) = (use_query_map(), use_location().pathname);
        let wish = Memo::new(move |_| query.with(Wish::of_query));
        let navigate = use_navigate();
        let go = Callback::new(move |(wish, replace): (Wish, bool)| {
            let address = path.get_untracked() + &wish.query_string(browser::encode);
            navigate(&address, NavigateOptions { scroll: false, replace, ..NavigateOptions::default() });
        });
        Self { wish, go }
    }

    /// What is looked at.
    pub fn get(self) -> Wish {
        self.wish.get()
    }

    /// The same, without being told when it changes.
    pub fn now(self) -> Wish {
        self.wish.get_untracked()
    }

    /// Looks at something else.
    pub fn change(self, change: impl FnOnce(&mut Wish)) {
        self.change_as(change, false);
    }

    /// The same, where the step back leads to before it: for what is chosen in several steps.
    pub fn adjust(self, change: impl FnOnce(&mut Wish)) {
        self.change_as(change, true);
    }

    fn change_as(self, change: impl FnOnce(&mut Wish), replace: bool) {
        let Some(before) = self.wish.try_get_untracked() else { return };
        let mut wish = before.clone();
        change(&mut wish);
        if wish != before {
            self.go.run((wish, replace));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_goes_without_saying_and_the_rest_reads_back() {
        assert_eq!(Wish::default().query_string(str::to_owned), "");
        let wish = Wish {
            wanted: WantedPeriod { period: Period::Chosen, from: "2026-11-01".to_owned(), to: "2026-11-21".to_owned() },
            sort: IssuedSort::Total,
            page: 3,
            rows: 50,
        };
        let told = wish.query_string(str::to_owned);
        assert_eq!(told, "?period=chosen&from=2026-11-01&to=2026-11-21&sort=total&page=3&rows=50");
        let mut read = ParamsMap::new();
        for pair in told[1..].split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            read.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(Wish::of_query(&read), wish);
        let mut bad = ParamsMap::new();
        for (name, value) in [("period", "never"), ("page", "-4"), ("rows", "1000000"), ("sort", "x"), ("from", "y")] {
            bad.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(Wish::of_query(&bad), Wish::default());
    }
}
