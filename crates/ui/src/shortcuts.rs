//! Keyboard shortcuts that work anywhere on the page.

use std::cell::Cell;

use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
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
        capture_keydown(move |event| {
            let is_second = browser::now_ms() - pressed_at.replace(0) < SEQUENCE_MS;
            if !is_shortcut(&event) {
                return;
            }
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
    let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
    !has_modifier && !event.default_prevented() && !browser::is_typing() && !browser::is_in_popover() && !browser::has_open_dialog()
}

/// Calls the listener before any other listener of a key, until the current effect is cleaned up.
fn capture_keydown(listener: impl Fn(KeyboardEvent) + 'static) {
    let listener = Closure::<dyn Fn(KeyboardEvent)>::new(listener);
    // Never fails: the window accepts every event name.
    let _ = window().add_event_listener_with_callback_and_bool("keydown", listener.as_ref().unchecked_ref(), true);
    let stored = StoredValue::new_local(listener);
    on_cleanup(move || {
        stored.with_value(|listener| {
            let _ = window().remove_event_listener_with_callback_and_bool("keydown", listener.as_ref().unchecked_ref(), true);
        });
    });
}
