//! The row that the keys of a grid refer to.
//!
//! The list has one tab stop: its current row, and after it the controls in this row (a roving `tabindex`).

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{
    keyboard::{Movement, RowCommand},
    viewport::Geometry,
};
use crate::browser;

/// `aria-rowindex` of the first row: indices begin with 1, and the heading is a row too.
const FIRST_ROW_INDEX: usize = 2;

/// `aria-rowindex` of a row.
pub(super) const fn aria_row_index(row: usize) -> usize {
    row + FIRST_ROW_INDEX
}

/// The row that an element is or is in; `None` for the heading and elsewhere.
fn row_of(element: &Element) -> Option<usize> {
    let row = element.closest("[aria-rowindex]").ok()??.get_attribute("aria-rowindex")?;
    row.parse::<usize>().ok()?.checked_sub(FIRST_ROW_INDEX)
}

#[derive(Clone, Copy)]
pub(super) struct RowFocus {
    scroller: NodeRef<html::Div>,
    geometry: Memo<Geometry>,
    scroll_top: RwSignal<f64>,
    /// The row that was focused last.
    last: RwSignal<usize>,
    /// The row that was focused last or, while that is not rendered, the first visible one.
    current: Memo<usize>,
    /// The row in which a selection with Shift began.
    anchor: StoredValue<Option<usize>>,
}

impl RowFocus {
    /// `rendered` are the first rendered row and the one after the last.
    pub(super) fn new(scroller: NodeRef<html::Div>, geometry: Memo<Geometry>, scroll_top: RwSignal<f64>, rendered: Memo<(usize, usize)>) -> Self {
        let last = RwSignal::new(0);
        let current = Memo::new(move |_| {
            let (last, (first, end)) = (last.get(), rendered.get());
            let is_rendered = (first..end).contains(&last);
            if is_rendered { last } else { geometry.get().row_at(scroll_top.get()).min(end.saturating_sub(1)) }
        });
        Self { scroller, geometry, scroll_top, last, current, anchor: StoredValue::new(None) }
    }

    pub(super) fn is_current(self, row: usize) -> bool {
        self.current.get() == row
    }

    /// Makes the first row the current one, for another list.
    pub(super) fn reset(self) {
        self.anchor.set_value(None);
        self.last.set(0);
    }

    /// The row that has the focus or contains it.
    pub(super) fn focused(self) -> Option<usize> {
        let (scroller, focused) = (self.scroller.get_untracked()?, browser::focused()?);
        row_of(&focused).filter(|_| scroller.contains(Some(&focused)))
    }

    /// Makes the row current that gets the focus by a click or the Tab key.
    pub(super) fn on_focusin(self, event: &ev::FocusEvent) {
        let row = event.target().and_then(|target| row_of(target.dyn_ref()?));
        if let Some(row) = row.filter(|row| *row != self.last.get_untracked()) {
            self.anchor.set_value(None);
            self.last.set(row);
        }
    }

    /// Moves the focus to the grid itself if the focused row will not be rendered at this scroll position. The focus would be lost.
    pub(super) fn before_scroll(self, scroll_top: f64) {
        let window = self.geometry.get_untracked().window(scroll_top);
        let is_removed = self.focused().is_some_and(|row| !(window.first..window.end()).contains(&row));
        if let Some(scroller) = self.scroller.get_untracked().filter(|_| is_removed) {
            browser::focus_without_scrolling(&scroller);
        }
    }

    /// Moves the focus, and scrolls the row into view.
    pub(super) fn go(self, movement: Movement) {
        self.anchor.set_value(None);
        self.move_from_current(movement);
    }

    /// Like [`Self::go`], and extends the selection to the row.
    pub(super) fn extend<Row>(self, movement: Movement) -> RowCommand<Row> {
        let from = self.current.get_untracked();
        let anchor = self.anchor.get_value().unwrap_or(from);
        let to = self.move_from_current(movement);
        self.anchor.set_value(Some(anchor));
        RowCommand::Extend { anchor, from, to }
    }

    fn move_from_current(self, movement: Movement) -> usize {
        let (geometry, from) = (self.geometry.get_untracked(), self.current.get_untracked());
        let page = geometry.page();
        // The first step into the list leads to the current row.
        let stays = movement.is_step() && self.focused().is_none();
        let to = if stays { from } else { movement.target(from, page, geometry.total) };
        let before = self.scroll_top.get_untracked();
        let scrolled = match movement {
            Movement::PageUp | Movement::PageDown => geometry.scroll_to(movement.target(geometry.row_at(before), page, geometry.total)),
            _ => before,
        };
        self.show(to, geometry.scroll_to_show(to, scrolled));
        to
    }

    fn show(self, row: usize, scroll_top: f64) {
        let Some(scroller) = self.scroller.get_untracked() else { return };
        set_scroll_top(&scroller, scroll_top);
        self.scroll_top.set(browser::scroll_top(&scroller));
        self.last.set(row);
        if !focus_row(&scroller, row) {
            browser::focus_without_scrolling(&scroller);
        }
        // Before the next frame the row is rendered. One that was rendered before may have been moved, which takes the focus from it.
        request_animation_frame(move || {
            let is_latest = self.last.try_get_untracked() == Some(row);
            let is_lost = browser::focused().is_none_or(|focused| focused.is_same_node(Some(&scroller)));
            if is_latest && is_lost {
                focus_row(&scroller, row);
            }
        });
    }
}

fn focus_row(scroller: &HtmlElement, row: usize) -> bool {
    browser::focus_first(scroller, &format!("[aria-rowindex=\"{}\"]", aria_row_index(row)))
}

/// Scrolls without animation, to a fraction of a pixel: in a scaled list one pixel is several rows.
fn set_scroll_top(scroller: &HtmlElement, to: f64) {
    scroller.scroll_to_with_x_and_y(f64::from(scroller.scroll_left()), to);
}
