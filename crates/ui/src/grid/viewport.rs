//! The visible rows and their positions: calculations without a browser.

/// The most rows that are rendered at a time.
pub const RENDERED_ROWS_MAX: usize = 60;
/// Rows rendered beyond each edge, so that a short scroll shows no gap.
const OVERSCAN: usize = 8;
/// The maximum height of the content, in pixels. Chromium clips elements at 33.5 million; a taller list is scaled.
const HEIGHT_MAX: f64 = 15_000_000.0;

/// More than the error of a calculated position, in pixels.
const ROUNDING: f64 = 0.01;

/// Measurements of the browser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurements {
    /// In pixels.
    pub row_height: f64,
    /// The height of the area that shows rows, in pixels.
    pub viewport: f64,
}

impl Default for Measurements {
    /// Used before the first measurement: the row height of the style sheet and a common viewport height.
    fn default() -> Self {
        Self { row_height: 40.0, viewport: 1056.0 }
    }
}

/// The rows to render.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VisibleRows {
    /// Index of the first row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
    /// Offset of the first row from the top of the content, in pixels.
    pub top: f64,
}

impl VisibleRows {
    /// The index after the last row.
    pub const fn end(&self) -> usize {
        self.first + self.count
    }
}

/// The list and the scroller that shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// Number of rows of the list.
    pub total: usize,
    pub measures: Measurements,
}

impl Geometry {
    /// The height of the content, in pixels.
    pub fn height(&self) -> f64 {
        self.full_height().min(HEIGHT_MAX)
    }

    /// The rows to render at a scroll position.
    pub fn window(&self, scroll_top: f64) -> VisibleRows {
        let row_height = self.measures.row_height;
        let list_top = self.list_top(scroll_top);
        let visible_first = whole(list_top / row_height).min(self.total);
        let visible_count = (whole(self.measures.viewport / row_height) + 2).min(RENDERED_ROWS_MAX);
        let overscan = OVERSCAN.min((RENDERED_ROWS_MAX - visible_count) / 2);
        let first = visible_first.saturating_sub(overscan);
        let count = (visible_first + visible_count + overscan).min(self.total) - first;
        // In an unscaled list the two scroll positions cancel out, so rows do not move while others are added and removed. In a scaled one the position
        // is rounded down, so that the end of the last row is visible.
        VisibleRows { first, count, top: (scroll_top + float(first) * row_height - list_top + ROUNDING).floor() }
    }

    /// The first completely visible row at a scroll position.
    pub fn row_at(&self, scroll_top: f64) -> usize {
        whole((self.list_top(scroll_top) / self.measures.row_height).ceil())
    }

    /// The scroll position at which this row is the first visible one.
    pub fn scroll_to(&self, row: usize) -> f64 {
        let last_top = (self.full_height() - self.measures.viewport).max(0.0);
        (float(row) * self.measures.row_height).min(last_top) / self.scale()
    }

    /// The scroll position nearest to another at which this row is completely visible.
    pub fn scroll_to_show(&self, row: usize, scroll_top: f64) -> f64 {
        let row_height = self.measures.row_height;
        let highest = float(row) * row_height;
        // Not `clamp`: its error message would be the only use of the code that formats numbers with decimals.
        let lowest = (highest + row_height - self.measures.viewport).max(0.0).min(highest);
        let shown = self.list_top(scroll_top);
        if (lowest..=highest).contains(&shown) { scroll_top } else { shown.max(lowest).min(highest) / self.scale() }
    }

    /// Rows per page for Page Up and Page Down: one less than visible, so that pages overlap.
    pub fn page(&self) -> usize {
        whole(self.measures.viewport / self.measures.row_height).saturating_sub(1).max(1)
    }

    fn full_height(&self) -> f64 {
        float(self.total) * self.measures.row_height
    }

    /// The top of the viewport, in pixels of the unscaled list.
    fn list_top(&self, scroll_top: f64) -> f64 {
        let last_top = (self.full_height() - self.measures.viewport).max(0.0);
        (scroll_top.max(0.0) * self.scale()).min(last_top)
    }

    /// Pixels of the list per pixel of the scroller, so that both end at the same position.
    fn scale(&self) -> f64 {
        let (full, shown) = (self.full_height() - self.measures.viewport, self.height() - self.measures.viewport);
        if shown > 0.0 { full / shown } else { 1.0 }
    }
}

#[expect(clippy::cast_precision_loss, reason = "lists have far fewer than 2^53 rows")]
const fn float(rows: usize) -> f64 {
    rows as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates at both ends, as intended")]
const fn whole(rows: f64) -> usize {
    rows as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: Measurements = Measurements { row_height: 44.0, viewport: 880.0 };

    fn geometry(total: usize) -> Geometry {
        Geometry { total, measures: MEASURES }
    }

    fn end_of(geometry: &Geometry) -> f64 {
        geometry.height() - geometry.measures.viewport
    }

    #[test]
    fn short_list_is_rendered_completely() {
        assert_eq!(geometry(3).window(0.0), VisibleRows { first: 0, count: 3, top: 0.0 });
        assert_eq!(geometry(0).window(0.0), VisibleRows { first: 0, count: 0, top: 0.0 });
        assert!((geometry(3).height() - 132.0).abs() < f64::EPSILON);
    }

    #[test]
    fn rendered_rows_are_limited() {
        for viewport in [100.0, 880.0, 2_200.0, 9_000.0] {
            let geometry = Geometry { total: 1_000_000, measures: Measurements { viewport, ..MEASURES } };
            for scroll_top in [0.0, 5_000.0, 9_999_999.0, end_of(&geometry)] {
                assert!(geometry.window(scroll_top).count <= RENDERED_ROWS_MAX);
            }
        }
    }

    #[test]
    fn height_is_limited_and_both_ends_are_reachable() {
        for total in [100, 100_000, 340_909, 340_910, 1_000_000, 50_000_000] {
            let geometry = geometry(total);
            assert!(geometry.height() <= HEIGHT_MAX);
            assert_eq!(geometry.window(0.0).first, 0);
            assert_eq!(geometry.window(end_of(&geometry)).end(), total);
        }
    }

    #[test]
    fn every_row_is_reachable() {
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
    fn shown_row_is_completely_visible() {
        let geometry = geometry(1_000);
        let shown = |row, scroll_top| whole(geometry.scroll_to_show(row, scroll_top));
        assert_eq!((shown(19, 0.0), shown(20, 0.0)), (0, 44));
        assert_eq!((shown(10, 440.0), shown(9, 440.0)), (440, 396));
        for total in [3, 1_000, 1_000_000] {
            let geometry = Geometry { total, measures: MEASURES };
            for row in [0, total / 2, total - 1] {
                let top = geometry.scroll_to_show(row, geometry.height() / 3.0);
                let (first, last) = (geometry.row_at(top - 1.0), geometry.row_at(top) + geometry.page());
                assert!((first..=last).contains(&row), "{row} of {total} at {top}");
            }
        }
    }

    #[test]
    fn rows_of_unscaled_list_do_not_move() {
        let geometry = geometry(1_000);
        for scroll_top in [0.0, 10.0, 460.0, 12_345.0] {
            let window = geometry.window(scroll_top);
            assert!((window.top - float(window.first) * 44.0).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn rendered_rows_cover_the_viewport() {
        for total in [1_000, 1_000_000] {
            let geometry = geometry(total);
            for percent in 0..=100 {
                let scroll_top = end_of(&geometry) * f64::from(percent) / 100.0;
                let window = geometry.window(scroll_top);
                assert!(window.top <= scroll_top + 1.0);
                assert!(window.top + float(window.count) * 44.0 >= scroll_top + MEASURES.viewport - 1.0);
            }
        }
    }
}
