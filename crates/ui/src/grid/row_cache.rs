//! A cache of the loaded rows of a list, in chunks.

use std::{collections::BTreeMap, ops::Range};

use latchkey_types::listing::{ListedRow, OpenedListing};

/// Rows per fetch. Chunks are aligned, so that they never overlap.
pub const CHUNK: usize = 50;
/// The most chunks in the cache.
const CHUNKS_MAX: usize = 20;

/// A position in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot<Row> {
    /// Not loaded yet.
    Loading,
    /// The row was deleted after the list was opened.
    Deleted,
    Row(Row),
}

/// A list snapshot and its loaded rows.
#[derive(Debug, Clone)]
pub struct RowCache<Row> {
    listing: String,
    total: usize,
    chunks: BTreeMap<usize, Vec<Slot<Row>>>,
}

/// An empty cache for a list that is not open yet.
impl<Row> Default for RowCache<Row> {
    fn default() -> Self {
        Self { listing: String::new(), total: 0, chunks: BTreeMap::new() }
    }
}

impl<Row: Clone> RowCache<Row> {
    pub fn open(opened: OpenedListing<Row>) -> Self {
        let mut cache = Self { listing: opened.listing, total: opened.total, chunks: BTreeMap::new() };
        cache.insert(opened.rows);
        cache
    }

    /// The server's id of the list snapshot.
    pub fn listing(&self) -> &str {
        &self.listing
    }

    /// Whether the list was opened.
    pub fn is_open(&self) -> bool {
        !self.listing.is_empty()
    }

    /// The number of rows of the list.
    pub const fn total(&self) -> usize {
        self.total
    }

    pub fn slot(&self, index: usize) -> Slot<Row> {
        self.chunks.get(&(index / CHUNK)).and_then(|chunk| chunk.get(index % CHUNK)).cloned().unwrap_or(Slot::Loading)
    }

    /// The loaded rows, in order.
    pub fn loaded(&self) -> impl Iterator<Item = &Row> {
        self.chunks.values().flatten().filter_map(|slot| if let Slot::Row(row) = slot { Some(row) } else { None })
    }

    /// Changes the loaded rows in place.
    pub fn change(&mut self, mut change: impl FnMut(&mut Row)) {
        for slot in self.chunks.values_mut().flatten() {
            if let Slot::Row(row) = slot {
                change(row);
            }
        }
    }

    /// Inserts fetched rows.
    pub fn insert(&mut self, rows: Vec<ListedRow<Row>>) {
        for ListedRow { index, row } in rows {
            let chunk = self.chunks.entry(index / CHUNK).or_insert_with(|| vec![Slot::Loading; CHUNK]);
            chunk[index % CHUNK] = row.map_or(Slot::Deleted, Slot::Row);
        }
    }

    /// The offsets of the chunks in this range that are not completely loaded.
    pub fn missing(&self, rows: Range<usize>) -> Vec<usize> {
        let rows = rows.start..rows.end.min(self.total);
        if rows.is_empty() {
            return Vec::new();
        }
        (rows.start / CHUNK..=(rows.end - 1) / CHUNK).filter(|chunk| !self.is_complete(*chunk)).map(|chunk| chunk * CHUNK).collect()
    }

    /// Evicts the chunks farthest from these rows until the limit is met.
    pub fn evict_far_from(&mut self, rows: &Range<usize>) {
        let middle = usize::midpoint(rows.start, rows.end) / CHUNK;
        while self.chunks.len() > CHUNKS_MAX {
            let outermost = [self.chunks.keys().next(), self.chunks.keys().next_back()];
            if let Some(farthest) = outermost.into_iter().flatten().copied().max_by_key(|chunk| chunk.abs_diff(middle)) {
                self.chunks.remove(&farthest);
            }
        }
    }

    fn is_complete(&self, chunk: usize) -> bool {
        let row_count = CHUNK.min(self.total - chunk * CHUNK);
        self.chunks.get(&chunk).is_some_and(|slots| !slots.iter().take(row_count).any(|slot| matches!(slot, Slot::Loading)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(range: Range<usize>) -> Vec<ListedRow<usize>> {
        range.map(|index| ListedRow { index, row: Some(index * 10) }).collect()
    }

    fn cache(total: usize, first: usize) -> RowCache<usize> {
        RowCache::open(OpenedListing { listing: "a".to_owned(), total, rows: rows(0..first) })
    }

    #[test]
    fn slot_is_waiting_until_loaded() {
        let mut cache = cache(1_000, 50);
        assert_eq!(cache.slot(49), Slot::Row(490));
        assert_eq!(cache.slot(50), Slot::Loading);
        cache.insert(rows(50..100));
        cache.insert(vec![ListedRow { index: 51, row: None }]);
        assert_eq!(cache.slot(50), Slot::Row(500));
        assert_eq!(cache.slot(51), Slot::Deleted);
    }

    #[test]
    fn missing_returns_incomplete_chunks() {
        let cache = cache(1_000, 50);
        assert_eq!(cache.missing(0..40), Vec::<usize>::new());
        assert_eq!(cache.missing(40..60), vec![50]);
        assert_eq!(cache.missing(149..151), vec![100, 150]);
        assert_eq!(cache.missing(990..1_100), vec![950]);
        assert_eq!(cache.missing(5..5), Vec::<usize>::new());
    }

    #[test]
    fn short_last_chunk_is_complete() {
        assert_eq!(cache(30, 30).missing(0..60), Vec::<usize>::new());
        assert_eq!(cache(30, 20).missing(0..60), vec![0]);
    }

    #[test]
    fn partial_chunk_is_missing() {
        assert_eq!(cache(1_000, 60).missing(40..80), vec![50]);
    }

    #[test]
    fn loaded_rows_are_listed_and_changed_in_place() {
        let mut cache = cache(1_000, 3);
        cache.insert(vec![ListedRow { index: 700, row: Some(7) }, ListedRow { index: 701, row: None }]);
        cache.change(|row| *row += 1);
        assert_eq!(cache.loaded().copied().collect::<Vec<_>>(), [1, 11, 21, 8]);
    }

    #[test]
    fn evicts_distant_chunks() {
        let mut cache = cache(10_000, 50);
        for chunk in 1..30 {
            cache.insert(rows(chunk * CHUNK..(chunk + 1) * CHUNK));
            cache.evict_far_from(&(chunk * CHUNK..(chunk + 1) * CHUNK));
        }
        assert_eq!(cache.chunks.len(), CHUNKS_MAX);
        assert_eq!(cache.slot(0), Slot::Loading);
        assert_eq!(cache.slot(29 * CHUNK), Slot::Row(29 * CHUNK * 10));
    }
}
