//! A cache of the loaded rows of a list, in chunks.

use std::{collections::BTreeMap, ops::Range};

use latchkey_types::listing::{Anchor, ListedRow, OpenedListing, RowsPage, RowsRequest, Total};

/// Rows per fetch. Chunks are aligned, so that they never overlap.
pub const CHUNK: usize = 50;
/// The most chunks in the cache.
const CHUNKS_MAX: usize = 20;
/// The most known positions. From a near one, rows are found faster.
const ANCHORS_MAX: usize = 400;

/// A position in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot<Row> {
    /// Not loaded yet.
    Loading,
    /// The row was deleted after the list was opened.
    Deleted,
    Row(Row),
}

/// An opened list and its loaded rows.
#[derive(Debug, Clone)]
pub struct RowCache<Row> {
    listing: String,
    total: Total,
    chunks: BTreeMap<usize, Vec<Slot<Row>>>,
    /// Cursors of positions between chunks, by the index of the row after them.
    anchors: BTreeMap<usize, String>,
    /// The position after the last row, once the rows are counted.
    end: Option<Anchor>,
}

/// An empty cache for a list that is not open yet.
impl<Row> Default for RowCache<Row> {
    fn default() -> Self {
        let total = Total { count: 0, is_exact: true };
        Self { listing: String::new(), total, chunks: BTreeMap::new(), anchors: BTreeMap::new(), end: None }
    }
}

impl<Row: Clone> RowCache<Row> {
    pub fn open(opened: OpenedListing<Row>) -> Self {
        let mut cache = Self { listing: opened.listing, total: opened.total, ..Self::default() };
        cache.anchors.insert(0, cache.listing.clone());
        cache.insert_anchor(opened.end);
        for row in opened.rows {
            cache.insert_row(row);
        }
        cache
    }

    /// The cursor of the beginning of the list.
    pub fn listing(&self) -> &str {
        &self.listing
    }

    /// Whether the list was opened.
    pub fn is_open(&self) -> bool {
        !self.listing.is_empty()
    }

    /// The number of rows of the list, or of those that are known to be there.
    pub const fn total(&self) -> usize {
        self.total.count
    }

    /// Whether the list has no more rows than [`Self::total`].
    pub const fn is_total_exact(&self) -> bool {
        self.total.is_exact
    }

    /// Sets the number of rows, given the position after the last one.
    pub fn set_end(&mut self, end: Anchor) {
        self.total = Total { count: end.index, is_exact: true };
        self.end = Some(end);
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

    /// Inserts a fetched chunk. Rows that are missing were deleted.
    pub fn insert(&mut self, request: &RowsRequest, page: RowsPage<Row>) {
        let first = request.first;
        let is_open_ended = request.anchor.index <= first && request.until.is_none();
        if is_open_ended && first + page.rows.len() < self.total.count.min(first + CHUNK) {
            self.shorten(first, &page);
        }
        self.chunks.insert(first / CHUNK, vec![Slot::Deleted; CHUNK]);
        if !page.rows.is_empty() {
            self.insert_anchor(page.start);
            self.insert_anchor(page.end);
        }
        for row in page.rows {
            self.insert_row(row);
        }
    }

    /// Ends the list with the rows of a page that has fewer than requested.
    fn shorten(&mut self, first: usize, page: &RowsPage<Row>) {
        if page.rows.is_empty() {
            self.total.count = first;
            self.end = None;
        } else {
            self.set_end(page.end.clone());
        }
        // What is known beyond the end was counted with the deleted rows.
        let end = self.total.count;
        self.chunks.retain(|chunk, _| chunk * CHUNK < end);
        self.anchors.retain(|index, _| *index <= end);
    }

    fn insert_row(&mut self, ListedRow { index, row }: ListedRow<Row>) {
        let chunk = self.chunks.entry(index / CHUNK).or_insert_with(|| vec![Slot::Loading; CHUNK]);
        chunk[index % CHUNK] = row.map_or(Slot::Deleted, Slot::Row);
    }

    /// Keeps a position if it is between two chunks.
    fn insert_anchor(&mut self, anchor: Anchor) {
        if anchor.index.is_multiple_of(CHUNK) {
            self.anchors.entry(anchor.index).or_insert(anchor.cursor);
        }
    }

    /// The request for the chunk whose first row has this index, from the nearest known position. `None` if the list is not open.
    pub fn request(&self, first: usize) -> Option<RowsRequest> {
        let end = (first + CHUNK).min(self.total.count.max(first));
        let before = self.anchor_before(first);
        let after = self.anchors.range(end..).next().map(|(index, cursor)| Anchor { index: *index, cursor: cursor.clone() });
        let after = [after, self.end.clone()].into_iter().flatten().filter(|anchor| anchor.index >= end).min_by_key(|anchor| anchor.index);
        let anchor = match (before, after) {
            (Some(before), Some(after)) => {
                if first - before.index <= after.index - end {
                    before
                } else {
                    after
                }
            }
            (before, after) => before.or(after)?,
        };
        // Otherwise a row that moved up, because others were deleted, would be shown twice.
        let until = if anchor.index <= first { self.anchors.get(&(first + CHUNK)).cloned() } else { None };
        Some(RowsRequest { anchor, first, limit: CHUNK, until })
    }

    /// The nearest known position at or before a row.
    pub fn anchor_before(&self, row: usize) -> Option<Anchor> {
        self.anchors.range(..=row).next_back().map(|(index, cursor)| Anchor { index: *index, cursor: cursor.clone() })
    }

    /// The offsets of the chunks in this range that are not completely loaded.
    pub fn missing(&self, rows: Range<usize>) -> Vec<usize> {
        let rows = rows.start..rows.end.min(self.total.count);
        if rows.is_empty() {
            return Vec::new();
        }
        (rows.start / CHUNK..=(rows.end - 1) / CHUNK).filter(|chunk| !self.is_complete(*chunk)).map(|chunk| chunk * CHUNK).collect()
    }

    /// Evicts the chunks and positions farthest from these rows until the limits are met.
    pub fn evict_far_from(&mut self, rows: &Range<usize>) {
        let middle = usize::midpoint(rows.start, rows.end);
        evict(&mut self.chunks, CHUNKS_MAX, middle / CHUNK);
        if self.anchors.len() > ANCHORS_MAX {
            evict(&mut self.anchors, ANCHORS_MAX, middle);
            self.anchors.insert(0, self.listing.clone());
        }
    }

    fn is_complete(&self, chunk: usize) -> bool {
        let row_count = CHUNK.min(self.total.count - chunk * CHUNK);
        self.chunks.get(&chunk).is_some_and(|slots| !slots.iter().take(row_count).any(|slot| matches!(slot, Slot::Loading)))
    }
}

/// Removes the outermost entries, those farthest from the middle first.
fn evict<Entry>(entries: &mut BTreeMap<usize, Entry>, limit: usize, middle: usize) {
    while entries.len() > limit {
        let outermost = [entries.keys().next(), entries.keys().next_back()];
        if let Some(farthest) = outermost.into_iter().flatten().copied().max_by_key(|index| index.abs_diff(middle)) {
            entries.remove(&farthest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(range: Range<usize>) -> Vec<ListedRow<usize>> {
        range.map(|index| ListedRow { index, row: Some(index * 10) }).collect()
    }

    fn anchor(index: usize) -> Anchor {
        Anchor { index, cursor: index.to_string() }
    }

    fn page(range: Range<usize>) -> RowsPage<usize> {
        RowsPage { start: anchor(range.start), end: anchor(range.end), rows: rows(range) }
    }

    fn cache(total: usize, first: usize) -> RowCache<usize> {
        let total = Total { count: total, is_exact: true };
        RowCache::open(OpenedListing { listing: "a".to_owned(), total, rows: rows(0..first), end: anchor(first) })
    }

    /// Inserts these rows in response to the request for their chunk.
    fn insert(cache: &mut RowCache<usize>, rows: Range<usize>) {
        let request = cache.request(rows.start / CHUNK * CHUNK).unwrap();
        cache.insert(&request, page(rows));
    }

    /// Where the request for a chunk begins, and where it ends if that is known.
    fn request(cache: &RowCache<usize>, first: usize) -> (usize, Option<String>) {
        let request = cache.request(first).unwrap();
        assert_eq!((request.first, request.limit), (first, CHUNK));
        (request.anchor.index, request.until)
    }

    #[test]
    fn slot_is_waiting_until_loaded() {
        let mut cache = cache(1_000, 50);
        assert_eq!(cache.slot(49), Slot::Row(490));
        assert_eq!(cache.slot(50), Slot::Loading);
        let mut loaded = page(50..100);
        loaded.rows[1].row = None;
        cache.insert(&cache.request(50).unwrap(), loaded);
        assert_eq!(cache.slot(50), Slot::Row(500));
        assert_eq!(cache.slot(51), Slot::Deleted);
    }

    #[test]
    fn missing_rows_of_a_chunk_were_deleted() {
        let mut cache = cache(1_000, 50);
        insert(&mut cache, 150..200);
        insert(&mut cache, 100..148);
        assert_eq!((cache.slot(147), cache.slot(148), cache.slot(149)), (Slot::Row(1470), Slot::Deleted, Slot::Deleted));
        assert_eq!(cache.missing(100..150), Vec::<usize>::new());
        assert_eq!(request(&cache, 200), (200, None));
        cache.set_end(anchor(1_000));
        insert(&mut cache, 953..1_000);
        assert_eq!((cache.slot(952), cache.slot(953)), (Slot::Deleted, Slot::Row(9530)));
        assert_eq!(cache.total(), 1_000, "the end of each chunk is fixed");
    }

    #[test]
    fn a_list_ends_with_a_short_chunk_that_has_no_end() {
        let mut cache = cache(1_000, 50);
        insert(&mut cache, 950..980);
        assert_eq!((cache.total(), cache.slot(979), cache.missing(960..1_000)), (980, Slot::Row(9790), Vec::new()));
        assert_eq!(request(&cache, 900), (950, None));
        let request = cache.request(100).unwrap();
        cache.insert(&request, page(100..100));
        assert_eq!((cache.total(), cache.missing(0..980)), (100, vec![50]));
        assert_eq!((cache.loaded().count(), cache.anchors.keys().next_back()), (50, Some(&50)), "rows beyond the end are dropped");
    }

    #[test]
    fn chunks_are_requested_from_the_nearest_position() {
        let mut cache = cache(1_000, 100);
        assert_eq!(request(&cache, 100), (100, None));
        assert_eq!(request(&cache, 900), (100, None));
        cache.set_end(anchor(970));
        assert_eq!((request(&cache, 900), request(&cache, 950)), ((970, None), (970, None)));
        insert(&mut cache, 500..550);
        assert_eq!((request(&cache, 550), request(&cache, 450), request(&cache, 600)), ((550, None), (500, None), (550, None)));
        insert(&mut cache, 400..450);
        assert_eq!(request(&cache, 450), (450, Some("500".to_owned())), "no row is shown in both chunks");
        assert_eq!(RowCache::<usize>::default().request(0), None);
    }

    #[test]
    fn a_total_can_be_counted_later() {
        let mut cache = cache(1_000, 100);
        cache.total.is_exact = false;
        assert_eq!((cache.total(), cache.is_total_exact(), cache.missing(2_000..2_010).len()), (1_000, false, 0));
        cache.set_end(anchor(3_000));
        assert_eq!((cache.total(), cache.is_total_exact(), cache.missing(2_000..2_010)), (3_000, true, vec![2_000]));
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
        insert(&mut cache, 700..701);
        cache.change(|row| *row += 1);
        assert_eq!(cache.loaded().copied().collect::<Vec<_>>(), [1, 11, 21, 7001]);
    }

    #[test]
    fn evicts_distant_chunks_and_positions() {
        let mut cache = cache(100_000, 50);
        for chunk in 1..1_000 {
            insert(&mut cache, chunk * CHUNK..(chunk + 1) * CHUNK);
            cache.evict_far_from(&(chunk * CHUNK..(chunk + 1) * CHUNK));
        }
        assert_eq!(cache.chunks.len(), CHUNKS_MAX);
        assert_eq!(cache.slot(0), Slot::Loading);
        assert_eq!(cache.slot(999 * CHUNK), Slot::Row(999 * CHUNK * 10));
        assert!(cache.anchors.len() <= ANCHORS_MAX + 1);
        assert_eq!((request(&cache, 0).0, request(&cache, 900 * CHUNK).0), (0, 900 * CHUNK));
    }
}
