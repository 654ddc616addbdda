//! The rows of an opened list that are at hand, in chunks.

use std::{collections::BTreeMap, ops::Range};

use crate::model::listing::{ListedRow, OpenedListing};

/// How many rows are fetched at a time. Chunks are aligned, so that neighbours never overlap.
pub const CHUNK: usize = 50;
/// How many chunks are kept.
const CHUNKS_MAX: usize = 20;

/// A place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot<Row> {
    /// Not fetched yet.
    Waiting,
    /// There was a row; it was deleted since the list was opened.
    Gone,
    /// The row.
    Row(Row),
}

/// An opened list and those of its rows that are at hand.
#[derive(Debug, Clone)]
pub struct Book<Row> {
    listing: String,
    total: usize,
    chunks: BTreeMap<usize, Vec<Slot<Row>>>,
}

/// A list that could not be opened yet.
impl<Row> Default for Book<Row> {
    fn default() -> Self {
        Self { listing: String::new(), total: 0, chunks: BTreeMap::new() }
    }
}

impl<Row: Clone> Book<Row> {
    /// The list as it was opened.
    pub fn open(opened: OpenedListing<Row>) -> Self {
        let mut book = Self { listing: opened.listing, total: opened.total, chunks: BTreeMap::new() };
        book.put(opened.rows);
        book
    }

    /// The server's name for the list.
    pub fn listing(&self) -> &str {
        &self.listing
    }

    /// Whether it was ever opened.
    pub fn is_open(&self) -> bool {
        !self.listing.is_empty()
    }

    /// How many rows the list has.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// What is known of a place.
    pub fn slot(&self, index: usize) -> Slot<Row> {
        self.chunks.get(&(index / CHUNK)).and_then(|chunk| chunk.get(index % CHUNK)).cloned().unwrap_or(Slot::Waiting)
    }

    /// Adds rows that came.
    pub fn put(&mut self, rows: Vec<ListedRow<Row>>) {
        for ListedRow { index, row } in rows {
            let chunk = self.chunks.entry(index / CHUNK).or_insert_with(|| vec![Slot::Waiting; CHUNK]);
            chunk[index % CHUNK] = row.map_or(Slot::Gone, Slot::Row);
        }
    }

    /// The first rows of the chunks that these rows need and that are not all at hand.
    pub fn missing(&self, rows: Range<usize>) -> Vec<usize> {
        let rows = rows.start..rows.end.min(self.total);
        if rows.is_empty() {
            return Vec::new();
        }
        (rows.start / CHUNK..=(rows.end - 1) / CHUNK).filter(|chunk| !self.is_whole(*chunk)).map(|chunk| chunk * CHUNK).collect()
    }

    /// Lets go of the chunks farthest from these rows, until few enough are left.
    pub fn keep_near(&mut self, rows: &Range<usize>) {
        let middle = usize::midpoint(rows.start, rows.end) / CHUNK;
        while self.chunks.len() > CHUNKS_MAX {
            let ends = [self.chunks.keys().next(), self.chunks.keys().next_back()];
            if let Some(farthest) = ends.into_iter().flatten().copied().max_by_key(|chunk| chunk.abs_diff(middle)) {
                self.chunks.remove(&farthest);
            }
        }
    }

    fn is_whole(&self, chunk: usize) -> bool {
        let rows_in_it = CHUNK.min(self.total - chunk * CHUNK);
        self.chunks.get(&chunk).is_some_and(|slots| !slots.iter().take(rows_in_it).any(|slot| matches!(slot, Slot::Waiting)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(places: Range<usize>) -> Vec<ListedRow<usize>> {
        places.map(|index| ListedRow { index, row: Some(index * 10) }).collect()
    }

    fn book(total: usize, first: usize) -> Book<usize> {
        Book::open(OpenedListing { listing: "a".to_owned(), total, rows: rows(0..first) })
    }

    #[test]
    fn a_place_is_waiting_until_its_row_has_come() {
        let mut book = book(1_000, 50);
        assert_eq!(book.slot(49), Slot::Row(490));
        assert_eq!(book.slot(50), Slot::Waiting);
        book.put(rows(50..100));
        book.put(vec![ListedRow { index: 51, row: None }]);
        assert_eq!(book.slot(50), Slot::Row(500));
        assert_eq!(book.slot(51), Slot::Gone);
    }

    #[test]
    fn only_chunks_that_are_not_at_hand_are_missing() {
        let book = book(1_000, 50);
        assert_eq!(book.missing(0..40), Vec::<usize>::new());
        assert_eq!(book.missing(40..60), vec![50]);
        assert_eq!(book.missing(149..151), vec![100, 150]);
        assert_eq!(book.missing(990..1_100), vec![950]);
        assert_eq!(book.missing(5..5), Vec::<usize>::new());
    }

    #[test]
    fn a_last_chunk_that_is_short_is_whole() {
        assert_eq!(book(30, 30).missing(0..60), Vec::<usize>::new());
        assert_eq!(book(30, 20).missing(0..60), vec![0]);
    }

    #[test]
    fn a_first_answer_that_ends_inside_a_chunk_leaves_it_missing() {
        assert_eq!(book(1_000, 60).missing(40..80), vec![50]);
    }

    #[test]
    fn chunks_far_away_are_let_go() {
        let mut book = book(10_000, 50);
        for chunk in 1..30 {
            book.put(rows(chunk * CHUNK..(chunk + 1) * CHUNK));
            book.keep_near(&(chunk * CHUNK..(chunk + 1) * CHUNK));
        }
        assert_eq!(book.chunks.len(), CHUNKS_MAX);
        assert_eq!(book.slot(0), Slot::Waiting);
        assert_eq!(book.slot(29 * CHUNK), Slot::Row(29 * CHUNK * 10));
    }
}
