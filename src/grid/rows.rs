//! The rows that a grid draws: opened once, then fetched as they come into sight.

use std::{future::Future, ops::Range, pin::Pin, sync::Arc};

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    book::{Book, CHUNK, Slot},
    focus::FocusedCell,
};
use crate::model::{
    fault::Fault,
    listing::{ListedRow, OpenedListing},
};

/// How long the window must have stood still before its rows are fetched: a drag over a long list asks for little.
const SETTLE_MS: u32 = 60;

/// What a row must be for a grid to hold it.
pub trait GridRow: Clone + PartialEq + Send + Sync + 'static {}
impl<T: Clone + PartialEq + Send + Sync + 'static> GridRow for T {}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Fault>>>>;
type Open<Row> = Arc<dyn Fn() -> Answer<OpenedListing<Row>> + Send + Sync>;
type Fetch<Row> = Arc<dyn Fn(String, usize, usize) -> Answer<Vec<ListedRow<Row>>> + Send + Sync>;

/// Where rows come from.
pub struct Source<Row> {
    open: Open<Row>,
    fetch: Fetch<Row>,
}

impl<Row> Source<Row> {
    /// `open` opens the list anew, as it is asked for at that moment; `fetch` answers rows of it: listing, first row, how many.
    pub fn new<O, F>(open: impl Fn() -> O + Send + Sync + 'static, fetch: impl Fn(String, usize, usize) -> F + Send + Sync + 'static) -> Self
    where
        O: Future<Output = Result<OpenedListing<Row>, Fault>> + 'static,
        F: Future<Output = Result<Vec<ListedRow<Row>>, Fault>> + 'static,
    {
        Self { open: Arc::new(move || Box::pin(open())), fetch: Arc::new(move |listing, first, count| Box::pin(fetch(listing, first, count))) }
    }
}

impl<Row> Clone for Source<Row> {
    fn clone(&self) -> Self {
        Self { open: Arc::clone(&self.open), fetch: Arc::clone(&self.fetch) }
    }
}

/// Where the reader is after a list was opened anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where they were.
    Kept,
    /// At its top: it is another list.
    Top,
}

/// The rows of a list, and how their loading stands.
pub struct Rows<Row: GridRow> {
    source: StoredValue<Source<Row>>,
    book: RwSignal<Book<Row>>,
    trouble: RwSignal<Option<Fault>>,
    opening: RwSignal<bool>,
    /// Counts the openings: an answer that belongs to an earlier one is dropped.
    turn: RwSignal<u32>,
    /// Counts the times that the reader was taken to the top.
    topped: RwSignal<u32>,
    window: RwSignal<Range<usize>>,
    fetching: StoredValue<Vec<usize>>,
}

#[expect(clippy::expl_impl_clone_on_copy, reason = "derived, it would ask for rows that are Copy")]
impl<Row: GridRow> Clone for Rows<Row> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Row: GridRow> Copy for Rows<Row> {}

impl<Row: GridRow> Rows<Row> {
    /// The rows of a list, as its first opening went.
    pub fn new(source: Source<Row>, first: Result<OpenedListing<Row>, Fault>) -> Self {
        let (book, trouble) = match first {
            Ok(opened) => (Book::open(opened), None),
            Err(fault) => (Book::default(), Some(fault)),
        };
        Self {
            source: StoredValue::new(source),
            book: RwSignal::new(book),
            trouble: RwSignal::new(trouble),
            opening: RwSignal::new(false),
            turn: RwSignal::new(0),
            topped: RwSignal::new(0),
            window: RwSignal::new(0..0),
            fetching: StoredValue::new(Vec::new()),
        }
    }

    /// Whether the list was ever opened.
    pub fn is_open(self) -> bool {
        self.book.with(Book::is_open)
    }

    /// How many rows the list has.
    pub fn total(self) -> usize {
        self.book.with(Book::total)
    }

    /// The server's name for the list as it is now.
    pub fn listing(self) -> String {
        self.book.with(|book| book.listing().to_owned())
    }

    /// What is known of a place.
    pub fn slot(self, index: usize) -> Slot<Row> {
        self.book.with(|book| book.slot(index))
    }

    /// What went wrong last, until something goes right.
    pub fn trouble(self) -> Signal<Option<Fault>> {
        self.trouble.into()
    }

    /// Whether the list is being opened anew.
    pub fn is_opening(self) -> Signal<bool> {
        self.opening.into()
    }

    /// Changes whenever the reader is to be taken to the top.
    pub fn topped(self) -> Signal<u32> {
        self.topped.into()
    }

    /// Opens the list anew. What is shown stays until all that will be seen of the new list is at hand.
    pub async fn reopen(self, place: Place) {
        // The page may have been left by whoever asks for it.
        let Some(turn) = self.turn.try_get_untracked().map(|turn| turn + 1) else { return };
        self.turn.set(turn);
        self.opening.set(true);
        let outcome = self.read_anew(place).await;
        // Another opening, or another page, has come between.
        if self.turn.try_get_untracked() != Some(turn) {
            return;
        }
        self.opening.set(false);
        match outcome {
            Ok(book) => {
                self.fetching.set_value(Vec::new());
                self.trouble.set(None);
                let focused = FocusedCell::note();
                self.book.set(book);
                if let Some(focused) = focused {
                    request_animation_frame(|| focused.restore());
                }
                if place == Place::Top {
                    self.topped.update(|topped| *topped += 1);
                }
            }
            Err(fault) => self.trouble.set(Some(fault)),
        }
    }

    async fn read_anew(self, place: Place) -> Result<Book<Row>, Fault> {
        let source = self.source.get_value();
        let window = if place == Place::Kept { self.window.get_untracked() } else { 0..0 };
        let mut book = Book::open((source.open)().await?);
        for first in book.missing(window) {
            book.put((source.fetch)(book.listing().to_owned(), first, CHUNK).await?);
        }
        Ok(book)
    }

    /// Says which rows are drawn now. What is missing of them is fetched once they have stood still.
    pub fn draw(self, window: Range<usize>) {
        if self.window.get_untracked() == window {
            return;
        }
        self.window.set(window.clone());
        if self.book.with_untracked(|book| book.missing(window.clone()).is_empty()) {
            return;
        }
        spawn_local(async move {
            TimeoutFuture::new(SETTLE_MS).await;
            if self.window.try_get_untracked() == Some(window) {
                self.fetch_missing();
            }
        });
    }

    /// Fetches what is missing of the rows that are drawn.
    pub fn fetch_missing(self) {
        let window = self.window.get_untracked();
        for first in self.book.with_untracked(|book| book.missing(window)) {
            if !self.fetching.with_value(|fetching| fetching.contains(&first)) {
                self.fetching.update_value(|fetching| fetching.push(first));
                spawn_local(self.fetch(first));
            }
        }
    }

    async fn fetch(self, first: usize) {
        let turn = self.turn.get_untracked();
        let answer = (self.source.get_value().fetch)(untrack(|| self.listing()), first, CHUNK).await;
        if self.turn.try_get_untracked() != Some(turn) {
            return;
        }
        self.fetching.update_value(|fetching| fetching.retain(|other| *other != first));
        match answer {
            Ok(rows) => {
                let window = self.window.get_untracked();
                self.trouble.set(None);
                self.book.update(|book| {
                    book.put(rows);
                    book.keep_near(&window);
                });
            }
            // It was opened too long ago, or the server has started anew since.
            Err(Fault::ListingGone) => self.reopen(Place::Kept).await,
            Err(fault) => self.trouble.set(Some(fault)),
        }
    }
}
