//! Keeps the keyboard's place while rows are drawn anew.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::ui::browser;

/// A button in a row: the row's place in the list and the button's name.
pub struct FocusedCell {
    grid: HtmlElement,
    row: String,
    button: String,
}

impl FocusedCell {
    /// The button in a row of a grid that has the focus, if one has.
    pub fn note() -> Option<Self> {
        let focused = browser::focused()?;
        let row = focused.closest("[aria-rowindex]").ok()??.get_attribute("aria-rowindex")?;
        let grid = focused.closest(".grid").ok()??.dyn_into().ok()?;
        Some(Self { grid, row, button: focused.get_attribute("aria-label")? })
    }

    /// Gives the focus back, to the same button of the row that stands there now, or else to the grid. Where no row is left there is no
    /// grid either: then to the page's search field, or whatever else can have it.
    pub fn restore(self) {
        let still_focused = browser::focused().is_some_and(|focused| document().contains(Some(&focused)));
        if still_focused {
            return;
        }
        if !self.grid.is_connected() {
            browser::focus_something();
            return;
        }
        let same = format!("[aria-rowindex=\"{}\"] [aria-label=\"{}\"]", self.row, self.button);
        if !browser::focus_first(&self.grid, &same) {
            browser::focus(&self.grid);
        }
    }
}
