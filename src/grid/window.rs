//! Which rows are in sight, and where they stand: plain sums, without a browser.

/// The most rows in the page at a time.
pub const ROWS_DRAWN_MAX: usize = 60;
/// Rows that are drawn beyond each edge, so that a short scroll shows no gap.
const OVERSCAN: usize = 8;
/// The tallest content we give the browser, in pixels. Chromium clips an element at 33.5 million; beyond this the scroll is scaled.
const HEIGHT_MAX: f64 = 15_000_000.0;

/// What the browser measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// The height of a row, in pixels.
    pub row_height: f64,
    /// The height in which rows can be seen, in pixels.
    pub viewport: f64,
}

impl Default for Measures {
    /// Before the browser has measured: a row as the style sheet has it, and a viewport of a common size.
    fn default() -> Self {
        Self { row_height: 44.0, viewport: 1056.0 }
    }
}

/// The rows to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The first of them.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Where the first one stands, in pixels from the top of the content.
    pub top: f64,
}

impl Window {
    /// The row after the last one.
    pub const fn end(&self) -> usize {
        self.first + self.count
    }
}

/// A list as tall as all its rows, and the scroller it's seen through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// How many rows the list has.
    pub total: usize,
    /// What the browser measured.
    pub measures: Measures,
}

impl Geometry {
    /// The height of the scrolled content, in pixels.
    pub fn height(&self) -> f64 {
        self.full_height().min(HEIGHT_MAX)
    }

    /// The rows to draw when the scroller stands there.
    pub fn window(&self, scroll_top: f64) -> Window {
        let row_height = self.measures.row_height;
        let sight_top = self.sight_top(scroll_top);
        let seen_first = whole(sight_top / row_height).min(self.total);
        let seen_count = (whole(self.measures.viewport / row_height) + 2).min(ROWS_DRAWN_MAX);
        let overscan = OVERSCAN.min((ROWS_DRAWN_MAX - seen_count) / 2);
        let first = seen_first.saturating_sub(overscan);
        let count = (seen_first + seen_count + overscan).min(self.total) - first;
        // Unscaled, the two scroll positions cancel out, and a row stands still while others come and go.
        Window { first, count, top: (scroll_top + float(first) * row_height - sight_top).round() }
    }

    /// The first row that is seen whole when the scroller stands there.
    pub fn row_at(&self, scroll_top: f64) -> usize {
        whole((self.sight_top(scroll_top) / self.measures.row_height).ceil())
    }

    /// Where the scroller has to stand for this row to be the first that is seen.
    pub fn scroll_to(&self, row: usize) -> f64 {
        let last_top = (self.full_height() - self.measures.viewport).max(0.0);
        (float(row) * self.measures.row_height).min(last_top) / self.scale()
    }

    /// How many rows a page holds: one less than can be seen, so that a reader keeps their place.
    pub fn page(&self) -> usize {
        whole(self.measures.viewport / self.measures.row_height).saturating_sub(1).max(1)
    }

    fn full_height(&self) -> f64 {
        float(self.total) * self.measures.row_height
    }

    /// What is at the top of the viewport, in pixels of an unscaled list.
    fn sight_top(&self, scroll_top: f64) -> f64 {
        let last_top = (self.full_height() - self.measures.viewport).max(0.0);
        (scroll_top.max(0.0) * self.scale()).min(last_top)
    }

    /// How many pixels of the list one pixel of the scroller moves; chosen so that the ends of both meet.
    fn scale(&self) -> f64 {
        let (full, shown) = (self.full_height() - self.measures.viewport, self.height() - self.measures.viewport);
        if shown > 0.0 { full / shown } else { 1.0 }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no list comes near 2^53 rows")]
const fn float(rows: usize) -> f64 {
    rows as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates at both ends, as wanted")]
const fn whole(rows: f64) -> usize {
    rows as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: Measures = Measures { row_height: 44.0, viewport: 880.0 };

    fn geometry(total: usize) -> Geometry {
        Geometry { total, measures: MEASURES }
    }

    fn end_of(geometry: &Geometry) -> f64 {
        geometry.height() - geometry.measures.viewport
    }

    #[test]
    fn a_short_list_is_drawn_whole() {
        assert_eq!(geometry(3).window(0.0), Window { first: 0, count: 3, top: 0.0 });
        assert_eq!(geometry(0).window(0.0), Window { first: 0, count: 0, top: 0.0 });
        assert!((geometry(3).height() - 132.0).abs() < f64::EPSILON);
    }

    #[test]
    fn no_more_rows_are_drawn_than_allowed_however_tall_the_screen() {
        for viewport in [100.0, 880.0, 2_200.0, 9_000.0] {
            let geometry = Geometry { total: 1_000_000, measures: Measures { viewport, ..MEASURES } };
            for scroll_top in [0.0, 5_000.0, 9_999_999.0, end_of(&geometry)] {
                assert!(geometry.window(scroll_top).count <= ROWS_DRAWN_MAX);
            }
        }
    }

    #[test]
    fn the_scroller_stays_below_what_a_browser_clips_and_both_ends_can_be_seen() {
        for total in [100, 100_000, 340_909, 340_910, 1_000_000, 50_000_000] {
            let geometry = geometry(total);
            assert!(geometry.height() <= HEIGHT_MAX);
            assert_eq!(geometry.window(0.0).first, 0);
            assert_eq!(geometry.window(end_of(&geometry)).end(), total);
        }
    }

    #[test]
    fn every_row_can_be_scrolled_to() {
        for total in [100_000, 1_000_000] {
            let geometry = geometry(total);
            for row in (0..total - 20).step_by(997) {
                let at = geometry.scroll_to(row);
                assert_eq!(geometry.row_at(at - 0.01), row, "of {total}");
                let window = geometry.window(at);
                assert!(window.first <= row && row < window.end());
            }
        }
    }

    #[test]
    fn rows_stand_still_while_an_unscaled_list_scrolls() {
        let geometry = geometry(1_000);
        for scroll_top in [0.0, 10.0, 460.0, 12_345.0] {
            let window = geometry.window(scroll_top);
            assert!((window.top - float(window.first) * 44.0).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn what_is_drawn_covers_what_is_seen() {
        for total in [1_000, 1_000_000] {
            let geometry = geometry(total);
            for part in 0..=100 {
                let scroll_top = end_of(&geometry) * f64::from(part) / 100.0;
                let window = geometry.window(scroll_top);
                assert!(window.top <= scroll_top + 1.0);
                assert!(window.top + float(window.count) * 44.0 >= scroll_top + MEASURES.viewport - 1.0);
            }
        }
    }
}
