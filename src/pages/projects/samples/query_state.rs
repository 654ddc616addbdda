//! The search of the list, kept in the URL query.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};

use latchkey_ui::browser;

/// Reads and changes the search in the URL.
#[derive(Clone, Copy)]
pub(super) struct SampleSearch {
    current: Memo<String>,
    go: Callback<String>,
}

impl SampleSearch {
    pub(super) fn from_url() -> Self {
        let (query, path) = (use_query_map(), use_location().pathname);
        let current = Memo::new(move |_| query.with(|query| query.get_str("q").unwrap_or_default().to_owned()));
        let navigate = use_navigate();
        let go = Callback::new(move |search: String| {
            let query = if search.is_empty() { String::new() } else { String::from("?q=") + &browser::encode(&search) };
            let options = NavigateOptions { scroll: false, replace: true, ..NavigateOptions::default() };
            navigate(&(path.get_untracked() + &query), options);
        });
        Self { current, go }
    }

    pub(super) fn get(self) -> String {
        self.current.get()
    }

    /// Same as [`Self::get`], untracked.
    pub(super) fn now(self) -> String {
        self.current.get_untracked()
    }

    pub(super) fn change(self, search: String) {
        if self.current.try_get_untracked().is_some_and(|current| current != search) {
            self.go.run(search);
        }
    }
}
