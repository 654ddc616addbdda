//! Search, filters and order of a list in the page's URL, so that they survive reloads, links and history navigation.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::columns;
use crate::{pages::viewer::LastVisited, routes};
use latchkey_types::{
    key_kind::Kind,
    listing::{KeyQuery, SortBy},
    names::lowercase,
};
use latchkey_ui::{browser, grid::view::Order};

/// The status filter's value for keys that expire soon, which is not a status.
pub(super) const EXPIRING: &str = "expiring";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// See [`KeyQuery::search`].
    Search,
    /// A status or [`EXPIRING`].
    Status,
    /// The beginning of the external id.
    ExternalId,
    /// The beginning of a scope.
    Scope,
}

impl Filter {
    const ALL: [Self; 4] = [Self::Search, Self::Status, Self::ExternalId, Self::Scope];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Search => "q",
            Self::Status => "status",
            Self::ExternalId => "external_id",
            Self::Scope => "scope",
        }
    }

    /// The accessible name of its control.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Search => "Search",
            Self::Status => "Status",
            Self::ExternalId => "External ID",
            Self::Scope => "Scope",
        }
    }
}

/// The filters and the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// The value of each filter; empty if it is not set.
    filters: [String; Filter::ALL.len()],
    pub sort: SortBy,
}

impl ListQuery {
    pub fn filter(&self, filter: Filter) -> &str {
        &self.filters[filter as usize]
    }

    /// Whether both have the same filters.
    pub fn has_same_filters(&self, other: &Self) -> bool {
        self.filters == other.filters
    }

    /// Whether no filter is set.
    pub fn is_unfiltered(&self) -> bool {
        self.filters.iter().all(String::is_empty)
    }

    /// Whether no filter other than the search is set.
    pub fn is_search_only(&self) -> bool {
        self.filters.iter().skip(1).all(String::is_empty)
    }

    fn with(mut self, filter: Filter, text: &str) -> Self {
        text.trim().clone_into(&mut self.filters[filter as usize]);
        self
    }

    /// The query string of the URL, without default values.
    fn query_string(&self, encode: impl Fn(&str) -> String) -> String {
        let mut query = String::new();
        let mut add = |key: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(key);
            query.push('=');
            query.push_str(value);
        };
        for filter in Filter::ALL.into_iter().filter(|filter| !self.filter(*filter).is_empty()) {
            add(filter.as_str(), &encode(self.filter(filter)));
        }
        if self.sort != SortBy::default() {
            let Order { column, descending } = columns::order_of(self.sort);
            add("sort", &(String::from(if descending { "-" } else { "" }) + column));
        }
        query
    }

    /// The query for the server.
    fn query(self, kind: Kind) -> KeyQuery {
        let value_of = |filter| Some(self.filter(filter).to_owned()).filter(|text| !text.is_empty());
        let status = self.filter(Filter::Status);
        KeyQuery {
            kind: Some(kind),
            search: self.filter(Filter::Search).to_owned(),
            status: status.parse().ok(),
            expiring: status == EXPIRING,
            external_id: value_of(Filter::ExternalId),
            scope: value_of(Filter::Scope),
            match_prefixes: true,
            sort: self.sort,
        }
    }
}

/// The page that lists the keys of a kind, with only those that expire soon.
pub(crate) fn expiring_address(kind: Kind) -> String {
    let query = ListQuery::default().with(Filter::Status, EXPIRING);
    String::from(routes::page_of(kind).path) + &query.query_string(str::to_owned)
}

/// Parses the order from the URL. Invalid values give the default order.
fn parse_sort(text: &str) -> SortBy {
    let (descending, key) = text.strip_prefix('-').map_or((false, text), |key| (true, key));
    columns::sort_by(key, descending).unwrap_or_default()
}

/// The query in the page's URL, and navigation to change it.
#[derive(Clone, Copy)]
pub struct QueryState {
    query: Memo<ListQuery>,
    go: Callback<(ListQuery, bool)>,
}

impl QueryState {
    /// Reads and writes the URL of the page at this path, and records it for the link back from another tab.
    pub fn from_url(path: &'static str, last: LastVisited) -> Self {
        let params = use_query_map();
        let query = Memo::new(move |_| {
            params.with(|params| {
                let sort = params.get_str("sort").map(parse_sort).unwrap_or_default();
                let query = ListQuery { sort, ..ListQuery::default() };
                Filter::ALL.into_iter().fold(query, |query, filter| query.with(filter, params.get_str(filter.as_str()).unwrap_or_default()))
            })
        });
        let address = move |query: &ListQuery| String::from(path) + &query.query_string(browser::encode);
        Effect::new(move || last.record(path, query.with(address)));
        let navigate = use_navigate();
        let go = Callback::new(move |(query, replace): (ListQuery, bool)| {
            navigate(&address(&query), NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
        });
        Self { query, go }
    }

    /// Removes from the URL what is not part of the query.
    pub fn clean_url(self) {
        self.go.run((self.query.get_untracked(), true));
    }

    /// The current query.
    pub fn get(self) -> ListQuery {
        self.query.get()
    }

    /// The current query, without tracking changes.
    pub fn get_untracked(self) -> ListQuery {
        self.query.get_untracked()
    }

    /// The query for the server.
    pub fn query(self, kind: Kind) -> KeyQuery {
        self.get_untracked().query(kind)
    }

    /// Sets a filter. Replaces the history entry, so that going back skips all intermediate searches.
    pub fn set_filter(self, filter: Filter, text: &str) {
        let query = self.get_untracked().with(filter, text);
        if query != self.get_untracked() {
            self.go.run((query, true));
        }
    }

    /// Clears all filters.
    pub fn clear_filters(self) {
        self.go.run((ListQuery { sort: self.get_untracked().sort, ..ListQuery::default() }, true));
    }

    /// Sets the order.
    pub fn order(self, order: Order) {
        if let Some(sort) = columns::sort_by(order.column, order.descending) {
            self.go.run((ListQuery { sort, ..self.get_untracked() }, false));
        }
    }

    /// Makes sure that a new key with this name is the first row: sorts by newest and clears filters that hide it.
    /// False if nothing had to change.
    pub fn reveal_new_key(self, name: &str) -> bool {
        let before = self.get_untracked();
        let search = before.filter(Filter::Search);
        let is_found = lowercase(name).contains(&lowercase(search));
        let query = if is_found { ListQuery::default().with(Filter::Search, search) } else { ListQuery::default() };
        let has_changed = query != before;
        if has_changed {
            self.go.run((query, true));
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        key_kind::{KeyKind, Status},
        listing::KeySort,
    };

    fn query_string(query: &ListQuery) -> String {
        query.query_string(str::to_owned)
    }

    #[test]
    fn default_query_string_is_empty() {
        assert_eq!(query_string(&ListQuery::default()), "");
    }

    #[test]
    fn query_string_round_trips() {
        for sort in [SortBy { column: KeySort::Mask, descending: true }, SortBy { column: KeySort::CreatedAt, descending: false }] {
            let text = query_string(&ListQuery { sort, ..ListQuery::default() }.with(Filter::Search, " nightly ").with(Filter::Scope, "read"));
            let key = text.strip_prefix("?q=nightly&scope=read&sort=").unwrap();
            assert_eq!(parse_sort(key), sort);
        }
        assert_eq!(parse_sort("-secret"), SortBy::default());
    }

    #[test]
    fn the_address_of_expiring_keys_has_the_filter() {
        assert_eq!(expiring_address(routes::KEY_AGENT), "/keys/agent?status=expiring");
    }

    #[test]
    fn expiring_is_not_a_status() {
        let query = |text| ListQuery::default().with(Filter::Status, text).query(Kind::Key(KeyKind::Agent));
        assert_eq!((query("disabled").status, query("disabled").expiring), (Some(Status::Disabled), false));
        assert_eq!((query(EXPIRING).status, query(EXPIRING).expiring), (None, true));
        assert_eq!((query("nonsense").status, query("").status), (None, None));
    }
}
