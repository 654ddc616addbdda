//! What the audit log and the call log share: filters and page in the URL query, loading of a page, and drop-downs.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use latchkey_types::{audit::AuditPeriod, error::Error};
use latchkey_ui::{
    browser,
    select::{Choice, Select, choices},
};

/// Filters and page of a log.
pub(super) trait LogQuery: Clone + PartialEq + Send + Sync + 'static {
    /// The path of the log.
    const PATH: &'static str;

    /// The query with these URL parameters. Invalid ones are ignored.
    fn parse(text: impl Fn(&str) -> String) -> Self;

    /// The URL parameters; those of default values are blank.
    fn parameters(&self) -> Vec<(&'static str, String)>;

    /// The same filters, from the newest page on.
    fn at_first_page(self) -> Self;
}

/// A period as a URL parameter.
pub(super) fn period_parameter(period: AuditPeriod) -> String {
    if period == AuditPeriod::default() { String::new() } else { period.as_str().to_owned() }
}

/// The URL query; default values are left out.
pub(super) fn query_string<Query: LogQuery>(query: &Query, encode: impl Fn(&str) -> String) -> String {
    let set = query.parameters().into_iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> = set.map(|(name, value)| String::from(name) + "=" + &encode(&value)).collect();
    if parts.is_empty() { String::new() } else { String::from("?") + &parts.join("&") }
}

/// Reads and changes the URL query of a log.
pub(super) struct LogQueryState<Query: Send + Sync + 'static> {
    query: Memo<Query>,
    /// Opens an address; true replaces the history entry.
    go: Callback<(String, bool)>,
}

impl<Query: Send + Sync + 'static> Clone for LogQueryState<Query> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Query: Send + Sync + 'static> Copy for LogQueryState<Query> {}

impl<Query: LogQuery> LogQueryState<Query> {
    pub(super) fn from_url() -> Self {
        let parameters = use_query_map();
        let query =
            Memo::new(move |_| parameters.with(|parameters| Query::parse(|name| parameters.get_str(name).unwrap_or_default().trim().to_owned())));
        let navigate = use_navigate();
        let go = Callback::new(move |(address, replace): (String, bool)| {
            navigate(&address, NavigateOptions { replace, scroll: !replace, ..NavigateOptions::default() });
        });
        Self { query, go }
    }

    pub(super) fn get(self) -> Query {
        self.query.get()
    }

    pub(super) fn get_untracked(self) -> Query {
        self.query.get_untracked()
    }

    /// A signal of one of the filters.
    pub(super) fn filter(self, read: fn(&Query) -> String) -> Signal<String> {
        Signal::derive(move || self.query.with(read))
    }

    /// Changes filters and opens the first page. Replaces the history entry: “Back” skips the keystrokes of a search.
    pub(super) fn change(self, change: impl FnOnce(&mut Query)) {
        let before = self.get_untracked();
        let mut query = before.clone().at_first_page();
        change(&mut query);
        if query != before {
            self.open(&query, true);
        }
    }

    /// Opens another page of the log.
    pub(super) fn open_page(self, query: &Query) {
        self.open(query, false);
    }

    fn open(self, query: &Query, replace: bool) {
        self.go.run((String::from(Query::PATH) + &query_string(query, browser::encode), replace));
    }
}

/// The loaded page of a log, and the state of loading.
pub(super) struct LoadedPage<Page: Send + Sync + 'static> {
    pub page: RwSignal<Page>,
    pub last_error: RwSignal<Option<Error>>,
    pub pending: RwSignal<bool>,
    /// Number of the latest request: responses to earlier ones are dropped.
    generation: StoredValue<u32>,
}

impl<Page: Send + Sync + 'static> Clone for LoadedPage<Page> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Page: Send + Sync + 'static> Copy for LoadedPage<Page> {}

impl<Page: Send + Sync + 'static> LoadedPage<Page> {
    pub(super) fn new(first: Page) -> Self {
        Self { page: RwSignal::new(first), last_error: RwSignal::new(None), pending: RwSignal::new(false), generation: StoredValue::new(0) }
    }

    /// Reads the page of the log whenever its query changes. Returns a callback that reads it again.
    pub(super) fn follow<Query, Response>(
        self,
        query_state: LogQueryState<Query>,
        read: impl Fn(Query) -> Response + Copy + Send + Sync + 'static,
    ) -> Callback<()>
    where
        Query: LogQuery,
        Response: Future<Output = Result<Page, Error>> + 'static,
    {
        Effect::new(move |previous: Option<Query>| {
            let query = query_state.get();
            if previous.is_some_and(|previous| previous != query) {
                self.load(read(query.clone()));
            }
            query
        });
        Callback::new(move |()| self.load(read(query_state.get_untracked())))
    }

    fn load(self, response: impl Future<Output = Result<Page, Error>> + 'static) {
        self.generation.update_value(|generation| *generation += 1);
        let generation = self.generation.get_value();
        self.pending.set(true);
        spawn_local(async move {
            let result = response.await;
            if self.generation.try_get_value() != Some(generation) {
                return;
            }
            self.pending.set(false);
            match result {
                Ok(page) => {
                    self.last_error.set(None);
                    self.page.set(page);
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => self.last_error.set(Some(error)),
            }
        });
    }
}

/// The drop-down for the period.
#[component]
pub(super) fn PeriodFilter(value: Signal<String>, #[prop(into)] on_change: Callback<AuditPeriod>) -> impl IntoView {
    let periods: Vec<_> = AuditPeriod::ALL.iter().map(|period| (period.as_str(), period.label())).collect();
    view! {
        <Select label="Period" options=choices(&periods) value on_change=move |period: String| on_change.run(period.parse().unwrap_or_default())/>
    }
}

/// A drop-down whose selected value may be none of its options: links and the details of an entry select others.
#[component]
pub(super) fn NamedFilter(
    label: &'static str,
    /// Label of the first option, which accepts everything.
    all: &'static str,
    options: Vec<Choice>,
    value: Signal<String>,
    /// The name of a value that is no option, if it is known.
    name: Callback<String, Option<String>>,
    #[prop(into)] on_change: Callback<String>,
) -> impl IntoView {
    let first: Vec<Choice> = std::iter::once((String::new(), all.to_owned())).chain(options).collect();
    // Options are only added: removing one would render the focused drop-down again.
    let options = Memo::new(move |before: Option<&Vec<Choice>>| {
        let options = before.cloned().unwrap_or_else(|| first.clone());
        value.with(|value| with_selected(options, value, || name.run(value.clone())))
    });
    move || view! { <Select label options=options.get() value on_change/> }
}

/// Adds the selected value.
fn with_selected(mut options: Vec<Choice>, selected: &str, name: impl FnOnce() -> Option<String>) -> Vec<Choice> {
    if options.iter().all(|(value, _)| value != selected) {
        options.push((selected.to_owned(), name().unwrap_or_else(|| selected.to_owned())));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_value_is_always_among_the_options() {
        let options = || choices(&[("", "All keys"), ("key_1", "build")]);
        assert_eq!(with_selected(options(), "key_1", || None).len(), 2);
        assert_eq!(with_selected(options(), "key_2", || Some("deploy".to_owned())).last(), Some(&("key_2".to_owned(), "deploy".to_owned())));
        assert_eq!(with_selected(options(), "key_3", || None).last(), Some(&("key_3".to_owned(), "key_3".to_owned())));
    }

    #[test]
    fn the_default_period_is_no_parameter() {
        assert_eq!((period_parameter(AuditPeriod::All).as_str(), period_parameter(AuditPeriod::Week).as_str()), ("", "7d"));
    }
}
