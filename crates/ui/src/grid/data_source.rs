//! The rows of a grid: the list is opened once, then rows are fetched as they become visible.

use std::{cmp::Ordering, future::Future, ops::Range, pin::Pin, sync::Arc};

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    focus::FocusedCell,
    row_cache::{RowCache, Slot},
};
use latchkey_types::{
    error::Error,
    listing::{Anchor, ListCount, OpenedListing, RowsPage, RowsRequest},
};

/// Time from a change of the visible range to the fetch of its rows.
const SETTLE_MS: u32 = 60;
/// Scrolling moves the range by fewer rows in that time. A drag of the scroll bar moves it farther: then nothing is fetched until it stops.
const DRAG_ROWS: usize = 100;
/// Rows that are fetched beyond the rendered ones, in the direction of scrolling.
const ROWS_AHEAD: usize = 30;

pub trait GridRow: Clone + PartialEq + Send + Sync + 'static {}
impl<T: Clone + PartialEq + Send + Sync + 'static> GridRow for T {}

type ResponseFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;
type OpenFn<Row> = Arc<dyn Fn() -> ResponseFuture<OpenedListing<Row>> + Send + Sync>;
type FetchFn<Row> = Arc<dyn Fn(RowsRequest) -> ResponseFuture<RowsPage<Row>> + Send + Sync>;
type CountFn = Arc<dyn Fn(String) -> ResponseFuture<ListCount> + Send + Sync>;

pub struct DataSource<Row> {
    open: OpenFn<Row>,
    fetch: FetchFn<Row>,
    count: CountFn,
}

impl<Row> DataSource<Row> {
    /// `open` opens the list with the current query. `fetch` loads rows of it. `count` counts its rows, given its cursor.
    pub fn new<O, F, C>(
        open: impl Fn() -> O + Send + Sync + 'static,
        fetch: impl Fn(RowsRequest) -> F + Send + Sync + 'static,
        count: impl Fn(String) -> C + Send + Sync + 'static,
    ) -> Self
    where
        O: Future<Output = Result<OpenedListing<Row>, Error>> + 'static,
        F: Future<Output = Result<RowsPage<Row>, Error>> + 'static,
        C: Future<Output = Result<ListCount, Error>> + 'static,
    {
        Self {
            open: Arc::new(move || Box::pin(open())),
            fetch: Arc::new(move |request| Box::pin(fetch(request))),
            count: Arc::new(move |listing| Box::pin(count(listing))),
        }
    }
}

impl<Row> Clone for DataSource<Row> {
    fn clone(&self) -> Self {
        Self { open: Arc::clone(&self.open), fetch: Arc::clone(&self.fetch), count: Arc::clone(&self.count) }
    }
}

/// The scroll position after a list is reopened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrollPosition {
    /// Unchanged.
    Preserve,
    /// The top, because it is another list.
    Top,
}

/// The rows of a list and their loading state.
pub struct Rows<Row: GridRow> {
    source: StoredValue<DataSource<Row>>,
    cache: RwSignal<RowCache<Row>>,
    error: RwSignal<Option<Error>>,
    opening: RwSignal<bool>,
    /// Counts openings: responses of earlier ones are dropped.
    turn: RwSignal<u32>,
    /// Counts scrolls to the top.
    scroll_to_top: RwSignal<u32>,
    /// Whether a key has moved the focus since the list was last reopened.
    has_moved: StoredValue<bool>,
    window: RwSignal<Range<usize>>,
    /// The window and the rows ahead of it.
    needed: StoredValue<Range<usize>>,
    fetching: StoredValue<Vec<usize>>,
}

#[expect(clippy::expl_impl_clone_on_copy, reason = "a derived impl would require `Row: Copy`")]
impl<Row: GridRow> Clone for Rows<Row> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Row: GridRow> Copy for Rows<Row> {}

impl<Row: GridRow> Rows<Row> {
    /// `first` is the result of the first opening.
    pub fn new(source: DataSource<Row>, first: Result<OpenedListing<Row>, Error>) -> Self {
        let (cache, error) = match first {
            Ok(opened) => (RowCache::open(opened), None),
            Err(error) => (RowCache::default(), Some(error)),
        };
        let rows = Self {
            source: StoredValue::new(source),
            cache: RwSignal::new(cache),
            error: RwSignal::new(error),
            opening: RwSignal::new(false),
            turn: RwSignal::new(0),
            scroll_to_top: RwSignal::new(0),
            has_moved: StoredValue::new(false),
            window: RwSignal::new(0..0),
            needed: StoredValue::new(0..0),
            fetching: StoredValue::new(Vec::new()),
        };
        // Long lists are shown before their rows are counted.
        let uncounted = Memo::new(move |_| rows.cache.with(|cache| (cache.is_open() && !cache.is_total_exact()).then(|| cache.listing().to_owned())));
        Effect::new(move || {
            if let Some(listing) = uncounted.get() {
                spawn_local(rows.count(listing));
            }
        });
        rows
    }

    /// Whether the list was opened.
    pub fn is_open(self) -> bool {
        self.cache.with(RowCache::is_open)
    }

    /// The number of rows of the list, or of those that are known to be there.
    pub fn total(self) -> usize {
        self.cache.with(RowCache::total)
    }

    /// Whether the list has no more rows than [`Self::total`].
    pub fn is_total_exact(self) -> bool {
        self.cache.with(RowCache::is_total_exact)
    }

    /// The nearest known position at or before a row.
    pub fn anchor_before(self, row: usize) -> Option<Anchor> {
        self.cache.with(|cache| cache.anchor_before(row))
    }

    /// The cursor of the beginning of the current list, which names it.
    pub fn listing(self) -> String {
        self.cache.with(|cache| cache.listing().to_owned())
    }

    pub fn slot(self, index: usize) -> Slot<Row> {
        self.cache.with(|cache| cache.slot(index))
    }

    /// The loaded rows, in order.
    pub fn loaded(self) -> Vec<Row> {
        self.cache.with_untracked(|cache| cache.loaded().cloned().collect())
    }

    /// Shows a change of loaded rows before the list is reloaded. Has no effect if the page was closed.
    pub fn change(self, change: impl FnMut(&mut Row)) {
        let _ = self.cache.try_update(|cache| cache.change(change));
    }

    /// The last error, until a request succeeds.
    pub fn error(self) -> Signal<Option<Error>> {
        self.error.into()
    }

    /// Whether the list is being reopened.
    pub fn is_loading(self) -> Signal<bool> {
        self.opening.into()
    }

    /// Changes when the grid must scroll to the top.
    pub fn scroll_to_top(self) -> Signal<u32> {
        self.scroll_to_top.into()
    }

    /// Keeps the scroll position although another list is being opened: a key has moved the focus in the meantime.
    pub fn keep_position(self) {
        self.has_moved.set_value(true);
    }

    /// Reopens the list. The old rows stay until all visible rows of the new list are loaded.
    pub async fn reopen(self, position: ScrollPosition) {
        // The page may have been closed.
        let Some(turn) = self.turn.try_get_untracked().map(|turn| turn + 1) else { return };
        self.turn.set(turn);
        self.has_moved.set_value(false);
        self.opening.set(true);
        let outcome = self.load(position).await;
        // The list was reopened again, or the page was closed.
        if self.turn.try_get_untracked() != Some(turn) {
            return;
        }
        self.opening.set(false);
        match outcome {
            Ok(cache) => {
                self.fetching.set_value(Vec::new());
                self.error.set(None);
                let focused = FocusedCell::capture();
                self.cache.set(cache);
                if let Some(focused) = focused {
                    request_animation_frame(|| focused.restore());
                }
                if position == ScrollPosition::Top && !self.has_moved.get_value() {
                    self.scroll_to_top.update(|scroll_to_top| *scroll_to_top += 1);
                } else {
                    // The list may have been scrolled in the meantime.
                    self.fetch_missing();
                }
            }
            Err(error) => self.error.set(Some(error)),
        }
    }

    async fn load(self, position: ScrollPosition) -> Result<RowCache<Row>, Error> {
        let source = self.source.get_value();
        let window = if position == ScrollPosition::Preserve { self.window.get_untracked() } else { 0..0 };
        let mut cache = RowCache::open((source.open)().await?);
        // Otherwise the height of the list would change twice.
        if position == ScrollPosition::Preserve && !cache.is_total_exact() {
            cache.set_end((source.count)(cache.listing().to_owned()).await?.end);
        }
        for first in cache.missing(window) {
            if let Some(request) = cache.request(first) {
                let page = (source.fetch)(request.clone()).await?;
                cache.insert(&request, page);
            }
        }
        Ok(cache)
    }

    async fn count(self, listing: String) {
        let Ok(counted) = (self.source.get_value().count)(listing.clone()).await else { return };
        // Another list was opened, or the page was closed.
        if self.cache.try_with_untracked(|cache| cache.listing() == listing) == Some(true) {
            self.cache.update(|cache| cache.set_end(counted.end));
        }
    }

    /// Sets the rendered rows. Missing rows are fetched soon afterwards, also while the list is scrolled.
    pub fn set_visible(self, window: Range<usize>) {
        let before = self.window.get_untracked();
        if before == window {
            return;
        }
        let needed = with_rows_ahead(&before, &window);
        self.needed.set_value(needed.clone());
        self.window.set(window.clone());
        if self.cache.with_untracked(|cache| cache.missing(needed).is_empty()) {
            return;
        }
        spawn_local(async move {
            TimeoutFuture::new(SETTLE_MS).await;
            // The page may have been closed.
            if self.window.try_get_untracked().is_some_and(|current| current.start.abs_diff(window.start) < DRAG_ROWS) {
                self.fetch_missing();
            }
        });
    }

    /// Fetches the missing rows of the rendered range and ahead of it.
    pub fn fetch_missing(self) {
        let needed = self.needed.get_value();
        for first in self.cache.with_untracked(|cache| cache.missing(needed)) {
            if !self.fetching.with_value(|fetching| fetching.contains(&first)) {
                self.fetching.update_value(|fetching| fetching.push(first));
                spawn_local(self.fetch(first));
            }
        }
    }

    async fn fetch(self, first: usize) {
        let turn = self.turn.get_untracked();
        let Some(request) = self.cache.with_untracked(|cache| cache.request(first)) else { return };
        let response = (self.source.get_value().fetch)(request.clone()).await;
        if self.turn.try_get_untracked() != Some(turn) {
            return;
        }
        self.fetching.update_value(|fetching| fetching.retain(|other| *other != first));
        match response {
            Ok(page) => {
                let window = self.window.get_untracked();
                self.error.set(None);
                self.cache.update(|cache| {
                    cache.insert(&request, page);
                    cache.evict_far_from(&window);
                });
            }
            // The list has expired.
            Err(Error::ListingGone) => self.reopen(ScrollPosition::Preserve).await,
            Err(error) => self.error.set(Some(error)),
        }
    }
}

/// Extends a window in the direction in which it has moved.
fn with_rows_ahead(before: &Range<usize>, window: &Range<usize>) -> Range<usize> {
    match window.start.cmp(&before.start) {
        Ordering::Greater => window.start..window.end + ROWS_AHEAD,
        Ordering::Less => window.start.saturating_sub(ROWS_AHEAD)..window.end,
        Ordering::Equal => window.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_needed_in_the_direction_of_scrolling() {
        assert_eq!(with_rows_ahead(&(0..0), &(0..20)), 0..20);
        assert_eq!(with_rows_ahead(&(10..30), &(12..32)), 12..32 + ROWS_AHEAD);
        assert_eq!(with_rows_ahead(&(100..120), &(98..118)), 98 - ROWS_AHEAD..118);
        assert_eq!(with_rows_ahead(&(10..30), &(5..25)), 0..25);
    }
}
