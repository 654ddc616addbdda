//! Restores the keyboard focus after rows are rendered again.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::browser;

/// A button in a row, identified by row index and accessible name.
pub struct FocusedCell {
    grid: HtmlElement,
    row: String,
    button: String,
}

impl FocusedCell {
    /// Captures the focused button, if it is in a grid row.
    pub fn capture() -> Option<Self> {
        let focused = browser::focused()?;
        let row = focused.closest("[aria-rowindex]").ok()??.get_attribute("aria-rowindex")?;
        let grid = focused.closest(".grid").ok()??.dyn_into().ok()?;
        Some(Self { grid, row, button: focused.get_attribute("aria-label")? })
    }

    /// Focuses the same button in the row that now has this index, or else the grid. If the grid is gone because no row is left, focuses
    /// the page's search field or its first button.
    pub fn restore(self) {
        let still_focused = browser::focused().is_some_and(|focused| document().contains(Some(&focused)));
        if still_focused {
            return;
        }
        if !self.grid.is_connected() {
            browser::focus_fallback();
            return;
        }
        let selector = format!("[aria-rowindex=\"{}\"] [aria-label=\"{}\"]", self.row, self.button);
        if !browser::focus_first(&self.grid, &selector) {
            browser::focus(&self.grid);
        }
    }
}
