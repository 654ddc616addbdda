//! Keeps the keyboard's place when what had the focus is taken away.

use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::browser;

const CONTROLS: &str = "button:not(:disabled), a[href], input, select, textarea, [tabindex]";

/// Where the focus was: an element, then what it stood in, from the inside out.
#[derive(Clone)]
pub struct FocusPlace(Vec<HtmlElement>);

impl FocusPlace {
    /// Where the focus is. Only for effects and event handlers.
    pub fn note() -> Self {
        let outer = |element: &HtmlElement| element.parent_element()?.dyn_into().ok();
        Self(std::iter::successors(browser::focused(), outer).collect())
    }

    /// Gives the focus back where nothing has it: to the element or, where that is gone, to the first control of what is left around it.
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

    /// The same, once what was changed just now is drawn.
    pub fn restore_soon(self) {
        set_timeout(move || self.restore(), Duration::ZERO);
    }
}
