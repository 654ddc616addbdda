//! Restores the keyboard focus after rows are rendered again.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::browser;

/// A row, or a control in it, identified by row index and accessible name.
pub struct FocusedCell {
    grid: HtmlElement,
    row: String,
    /// The control's name, unless the row itself is focused.
    control: Option<String>,
}

impl FocusedCell {
    /// Captures the focused row or control, if it is in a grid row.
    pub fn capture() -> Option<Self> {
        let focused = browser::focused()?;
        let row = focused.closest("[aria-rowindex]").ok()??;
        let grid = focused.closest(".grid").ok()??.dyn_into().ok()?;
        let control = if row.is_same_node(Some(&focused)) { None } else { Some(focused.get_attribute("aria-label")?) };
        Some(Self { grid, row: row.get_attribute("aria-rowindex")?, control })
    }

    /// Focuses the same control in the row that now has this index, or else that row, the last row or the grid. If the grid is gone because
    /// no row is left, focuses the page's search field or its first button.
    pub fn restore(self) {
        let still_focused = browser::focused().is_some_and(|focused| document().contains(Some(&focused)));
        if still_focused {
            return;
        }
        if !self.grid.is_connected() {
            browser::focus_fallback();
            return;
        }
        let row = format!("[aria-rowindex=\"{}\"]", self.row);
        // Compared here, because a name may contain any character, which a selector would have to escape.
        let is_control = |element: &HtmlElement| element.get_attribute("aria-label") == self.control;
        let control = browser::find_all(&self.grid, &format!("{row} [aria-label]")).into_iter().find(is_control);
        let is_focused = control.inspect(browser::focus).is_some()
            || browser::focus_first(&self.grid, &row)
            || browser::focus_first(&self.grid, "tbody > :last-child");
        if !is_focused {
            browser::focus(&self.grid);
        }
    }
}
