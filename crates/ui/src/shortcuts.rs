//! Keyboard shortcuts that work anywhere on the page.

use std::cell::Cell;

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

use super::browser;

/// The longest time between the two keys of a sequence.
const SEQUENCE_MS: i64 = 1_500;

/// Runs an action when a key is pressed, unless the key is meant for something else.
pub fn on_shortcut(key: &'static str, action: impl Fn() + Clone + 'static) {
    Effect::new(move || {
        let action = action.clone();
        let listener = window_event_listener(ev::keydown, move |event| {
            if is_shortcut(&event) && event.key().eq_ignore_ascii_case(key) {
                event.prevent_default();
                action();
            }
        });
        on_cleanup(move || listener.remove());
    });
}

/// Calls an action with the key that is pressed after another one, such as the `k` of `g k`. A key for which it returns true has no other
/// effect, even if it is a shortcut of its own.
pub fn on_sequence(first: &'static str, action: impl Fn(&str) -> bool + Clone + 'static) {
    Effect::new(move || {
        let action = action.clone();
        let pressed_at = Cell::new(0);
        browser::capture("keydown", move |event| {
            let is_second = browser::now_ms() - pressed_at.replace(0) < SEQUENCE_MS;
            let Some(event) = event.dyn_ref::<KeyboardEvent>().filter(|event| is_shortcut(event)) else { return };
            let key = event.key().to_ascii_lowercase();
            if is_second && action(&key) {
                event.prevent_default();
                event.stop_propagation();
            } else if key == first {
                pressed_at.set(browser::now_ms());
            }
        });
    });
}

/// Whether nothing but a shortcut can be meant by a key: no text is typed, no dialog or menu is open, and no modifier is pressed. Shift is
/// allowed, because some layouts need it for signs such as `/` and `?`.
fn is_shortcut(event: &KeyboardEvent) -> bool {
    let is_free = !browser::has_modifier(event) && !event.default_prevented();
    is_free && !browser::is_typing() && !browser::is_in_popover() && !browser::has_open_dialog()
}
