//! What the layout provides to every page: the signed-in user and the URLs visited last.

use latchkey_types::{account::Viewer, error::Error};
use leptos::prelude::*;

/// The signed-in user. Every page inside the layout can await it.
pub type ViewerResource = OnceResource<Result<Viewer, Error>>;

pub fn use_viewer() -> ViewerResource {
    expect_context()
}

/// The last URL of each page that records one, kept in memory.
#[derive(Clone, Copy)]
pub struct LastVisited(StoredValue<Vec<(&'static str, String)>>);

impl Default for LastVisited {
    fn default() -> Self {
        Self(StoredValue::new(Vec::new()))
    }
}

impl LastVisited {
    /// Records the URL of a page.
    pub fn record(self, page: &'static str, address: String) {
        self.0.update_value(|visited| {
            visited.retain(|(other, _)| *other != page);
            visited.push((page, address));
        });
    }

    /// The last URL of a page, or its path.
    pub fn of(self, page: &'static str) -> String {
        self.0.with_value(|visited| visited.iter().find(|(other, _)| *other == page).map_or_else(|| page.to_owned(), |(_, address)| address.clone()))
    }
}
