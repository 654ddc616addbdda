//! Restores the keyboard focus after the focused element is removed.

use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::browser;

const CONTROLS: &str = "button:not(:disabled), a[href], input, select, textarea, [tabindex]";

/// The focused element and its ancestors, from the inside out.
#[derive(Clone)]
pub struct FocusSnapshot(Vec<HtmlElement>);

impl FocusSnapshot {
    /// Captures the current focus. Call only from effects and event handlers.
    pub fn capture() -> Self {
        let parent = |element: &HtmlElement| element.parent_element()?.dyn_into().ok();
        Self(std::iter::successors(browser::focused(), parent).collect())
    }

    /// If nothing has the focus, focuses the element or, if it was removed, the first control in its nearest ancestor that is left.
    pub fn restore(&self) {
        if browser::focused().is_some() {
            return;
        }
        match self.0.first() {
            Some(element) if element.is_connected() => browser::focus(element),
            Some(_) => {
                let _ = self.0.iter().filter(|element| element.is_connected()).any(|element| browser::focus_first(element, CONTROLS));
            }
            None => {}
        }
    }

    /// Like [`Self::restore`], after pending changes are rendered.
    pub fn restore_soon(self) {
        set_timeout(move || self.restore(), Duration::ZERO);
    }
}
