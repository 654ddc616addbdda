//! Search, filters and order of a list, kept in the page's address: a reload, a link and the way back all find them again.

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
        policy::Kind,
    },
    pages::frame::LastAddresses,
    ui::browser,
};

/// What stands in the filter of those that end soon; no status.
pub const EXPIRING: &str = "expiring";

/// A way to narrow a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// What the names must hold.
    Search,
    /// What the keys must be now, or [`EXPIRING`].
    Status,
    /// Whose they must be.
    ExternalId,
    /// What they must be good for.
    Scope,
}

impl Filter {
    const ALL: [Self; 4] = [Self::Search, Self::Status, Self::ExternalId, Self::Scope];

    const fn word(self) -> &'static str {
        match self {
            Self::Search => "q",
            Self::Status => "status",
            Self::ExternalId => "external_id",
            Self::Scope => "scope",
        }
    }
}

/// What is looked for, and the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// What each filter has; blank where it lets all pass.
    filters: [String; Filter::ALL.len()],
    /// The order.
    pub sort: SortBy,
}

impl Wish {
    /// What a filter has.
    pub fn filter(&self, filter: Filter) -> &str {
        &self.filters[filter as usize]
    }

    /// Whether both narrow the list in the same way.
    pub fn same_filters(&self, other: &Self) -> bool {
        self.filters == other.filters
    }

    /// Whether every key passes.
    pub fn is_open(&self) -> bool {
        self.filters.iter().all(String::is_empty)
    }

    /// Whether no filter but the search is set.
    pub fn is_search_alone(&self) -> bool {
        self.filters.iter().skip(1).all(String::is_empty)
    }

    fn with(mut self, filter: Filter, text: &str) -> Self {
        text.trim().clone_into(&mut self.filters[filter as usize]);
        self
    }

    /// The part of the address that says it; what is usual goes without saying.
    fn query_string(&self, encode: impl Fn(&str) -> String) -> String {
        let mut query = String::new();
        let mut add = |word: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(word);
            query.push('=');
            query.push_str(value);
        };
        for filter in Filter::ALL.into_iter().filter(|filter| !self.filter(*filter).is_empty()) {
            add(filter.word(), &encode(self.filter(filter)));
        }
        if self.sort != SortBy::default() {
            let Order { column, descending } = columns::order_of(self.sort);
            add("sort", &(String::from(if descending { "-" } else { "" }) + column));
        }
        query
    }

    /// Which keys to ask the server for.
    fn query(self, kind: Kind) -> KeyQuery {
        let given = |filter| Some(self.filter(filter).to_owned()).filter(|text| !text.is_empty());
        let status = self.filter(Filter::Status);
        KeyQuery {
            kind: Some(kind),
            search: self.filter(Filter::Search).to_owned(),
            status: status.parse().ok(),
            expiring: status == EXPIRING,
            external_id: given(Filter::ExternalId),
            scope: given(Filter::Scope),
            sort: self.sort,
        }
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
    /// Reads and writes the address of the page at this path, and notes it for the way back from another tab.
    pub fn of_address(path: &'static str, last: LastAddresses) -> Self {
        let query = use_query_map();
        let wish = Memo::new(move |_| {
            query.with(|query| {
                let sort = query.get_str("sort").map(read_sort).unwrap_or_default();
                let wish = Wish { sort, ..Wish::default() };
                Filter::ALL.into_iter().fold(wish, |wish, filter| wish.with(filter, query.get_str(filter.word()).unwrap_or_default()))
            })
        });
        let address = move |wish: &Wish| String::from(path) + &wish.query_string(browser::encode);
        Effect::new(move || last.note(path, wish.with(address)));
        let navigate = use_navigate();
        let go = Callback::new(move |(wish, replace): (Wish, bool)| {
            navigate(&address(&wish), NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
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
    pub fn query(self, kind: Kind) -> KeyQuery {
        self.get_untracked().query(kind)
    }

    /// Narrows the list in another way. Each letter replaces the last in the history: the way back leads past the whole search.
    pub fn narrow(self, filter: Filter, text: &str) {
        let wish = self.get_untracked().with(filter, text);
        if wish != self.get_untracked() {
            self.go.run((wish, true));
        }
    }

    /// Lets every key pass.
    pub fn widen(self) {
        self.go.run((Wish { sort: self.get_untracked().sort, ..Wish::default() }, true));
    }

    /// Orders by something else.
    pub fn order(self, order: Order) {
        if let Some(sort) = columns::sort_by(order.column, order.descending) {
            self.go.run((Wish { sort, ..self.get_untracked() }, false));
        }
    }

    /// Makes sure that a new key with this name stands at the top: newest first, and nothing that hides it.
    /// False if it does so already.
    pub fn uncover(self, name: &str) -> bool {
        let before = self.get_untracked();
        let search = before.filter(Filter::Search);
        let is_found = name.to_lowercase().contains(&search.to_lowercase());
        let wish = if is_found { Wish::default().with(Filter::Search, search) } else { Wish::default() };
        let changes = wish != before;
        if changes {
            self.go.run((wish, true));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        listing::KeySort,
        policy::{KeyKind, Status},
    };

    fn said(wish: &Wish) -> String {
        wish.query_string(str::to_owned)
    }

    #[test]
    fn the_usual_goes_without_saying() {
        assert_eq!(said(&Wish::default()), "");
    }

    #[test]
    fn what_is_unusual_is_said_and_reads_back() {
        for sort in [SortBy { column: KeySort::Mask, descending: true }, SortBy { column: KeySort::CreatedAt, descending: false }] {
            let said = said(&Wish { sort, ..Wish::default() }.with(Filter::Search, " nightly ").with(Filter::Scope, "read"));
            let word = said.strip_prefix("?q=nightly&scope=read&sort=").unwrap();
            assert_eq!(read_sort(word), sort);
        }
        assert_eq!(read_sort("-secret"), SortBy::default());
    }

    #[test]
    fn soon_to_end_is_asked_for_as_no_status_is() {
        let query = |text| Wish::default().with(Filter::Status, text).query(Kind::Key(KeyKind::Agent));
        assert_eq!((query("disabled").status, query("disabled").expiring), (Some(Status::Disabled), false));
        assert_eq!((query(EXPIRING).status, query(EXPIRING).expiring), (None, true));
        assert_eq!((query("nonsense").status, query("").status), (None, None));
    }
}
