//! Search and order of a list, kept in the page's address: a reload, a link and the way back all find them again.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::columns;
use crate::{
    grid::view::Order,
    model::{
        listing::{KeyQuery, SortBy},
        policy::{KeyKind, Kind},
    },
    ui::browser,
};

/// What is searched for, and the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// What the names must hold.
    pub search: String,
    /// The order.
    pub sort: SortBy,
}

impl Wish {
    /// The part of the address that says it; what is usual goes without saying.
    fn query_string(&self, encode: impl Fn(&str) -> String) -> String {
        let mut parts = Vec::new();
        if !self.search.is_empty() {
            parts.push(String::from("q=") + &encode(&self.search));
        }
        if self.sort != SortBy::default() {
            let Order { column, descending } = columns::order_of(self.sort);
            parts.push(String::from(if descending { "sort=-" } else { "sort=" }) + column);
        }
        if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
    }
}

/// Reads the order as the address has it; anything else is the usual one.
fn read_sort(text: &str) -> SortBy {
    let (descending, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
    columns::sort_by(word, descending).unwrap_or_default()
}

/// The wish that the page's address says, and the way to change it.
#[derive(Clone, Copy)]
pub struct ListPlace {
    wish: Memo<Wish>,
    go: Callback<(Wish, bool)>,
}

impl ListPlace {
    /// Reads and writes the address of the page at this path.
    pub fn of_address(path: &'static str) -> Self {
        let query = use_query_map();
        let wish = Memo::new(move |_| {
            query.with(|query| Wish {
                search: query.get_str("q").unwrap_or_default().trim().to_owned(),
                sort: query.get_str("sort").map(read_sort).unwrap_or_default(),
            })
        });
        let navigate = use_navigate();
        let go = Callback::new(move |(wish, replace): (Wish, bool)| {
            let address = String::from(path) + &wish.query_string(browser::encode);
            navigate(&address, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
        });
        Self { wish, go }
    }

    /// What is wished for now.
    pub fn get(self) -> Wish {
        self.wish.get()
    }

    /// What is wished for now, without listening for changes.
    pub fn get_untracked(self) -> Wish {
        self.wish.get_untracked()
    }

    /// Which keys to ask the server for.
    pub fn query(self, kind: KeyKind) -> KeyQuery {
        let Wish { search, sort } = self.get_untracked();
        KeyQuery { kind: Some(Kind::Key(kind)), search, status: None, expiring: false, external_id: None, scope: None, sort }
    }

    /// Searches for something else. Each letter replaces the last in the history: the way back leads past the whole search.
    pub fn search(self, search: &str) {
        let wish = Wish { search: search.trim().to_owned(), ..self.get_untracked() };
        if wish != self.get_untracked() {
            self.go.run((wish, true));
        }
    }

    /// Orders by something else.
    pub fn order(self, order: Order) {
        if let Some(sort) = columns::sort_by(order.column, order.descending) {
            self.go.run((Wish { sort, ..self.get_untracked() }, false));
        }
    }

    /// Makes sure that a key with this name stands at the top: newest first, and no search that hides it.
    /// False if it does so already.
    pub fn uncover(self, name: &str) -> bool {
        let Wish { search, .. } = self.get_untracked();
        let is_hidden = !name.to_lowercase().contains(&search.to_lowercase());
        let wish = Wish { search: if is_hidden { String::new() } else { search }, sort: SortBy::default() };
        let changes = wish != self.get_untracked();
        if changes {
            self.go.run((wish, true));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::listing::KeySort;

    #[test]
    fn the_usual_goes_without_saying() {
        assert_eq!(Wish::default().query_string(str::to_owned), "");
    }

    #[test]
    fn what_is_unusual_is_said_and_reads_back() {
        for sort in [SortBy { column: KeySort::Mask, descending: true }, SortBy { column: KeySort::CreatedAt, descending: false }] {
            let said = Wish { search: "nightly".to_owned(), sort }.query_string(str::to_owned);
            let word = said.strip_prefix("?q=nightly&sort=").unwrap();
            assert_eq!(read_sort(word), sort);
        }
        assert_eq!(read_sort("-secret"), SortBy::default());
    }
}
