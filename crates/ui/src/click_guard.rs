//! Ignores clicks that were meant for a control that is no longer there.
//!
//! When an action completes, another control may take the place of the one that was clicked: the opposite action, or the same action of the
//! next row. The second click of a double click, or a held key, would run it.

use std::cell::Cell;

use leptos::prelude::window;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, KeyboardEvent, MouseEvent};

use super::browser;

/// The longest interval of a double click in common systems.
const DOUBLE_CLICK_MS: i64 = 500;

/// How far the pointer may move during a double click, in pixels.
const MAX_DISTANCE: u32 = 8;

thread_local! {
    static LAST_POSITION: Cell<Option<(i32, i32)>> = const { Cell::new(None) };
    /// Time until which clicks at the last position are ignored.
    static HELD_UNTIL: Cell<i64> = const { Cell::new(0) };
}

/// Guards the buttons of the page. Call once.
pub fn watch_clicks() {
    let on_click = Closure::<dyn Fn(Event)>::new(|event: Event| {
        if is_leftover(&event) {
            event.prevent_default();
            event.stop_immediate_propagation();
        }
    });
    let on_keydown = Closure::<dyn Fn(Event)>::new(|event: Event| {
        let is_repeated = event.dyn_ref::<KeyboardEvent>().is_some_and(|press| press.repeat() && press.key() == "Enter");
        if is_repeated && is_on_button(&event) {
            event.prevent_default();
        }
    });
    // Never fails: the window accepts every event name.
    let _ = window().add_event_listener_with_callback_and_bool("click", on_click.as_ref().unchecked_ref(), true);
    let _ = window().add_event_listener_with_callback_and_bool("keydown", on_keydown.as_ref().unchecked_ref(), true);
    // Both listeners live as long as the page.
    on_click.forget();
    on_keydown.forget();
}

/// Ignores clicks on buttons at the last position for the time of a double click. Call when an action completes, and when a control changes
/// its meaning.
pub fn hold() {
    HELD_UNTIL.set(browser::now_ms() + DOUBLE_CLICK_MS);
}

/// Whether the click is at the position of the previous one, and its button may have appeared since then.
fn is_leftover(event: &Event) -> bool {
    // Keys and scripts click without a position; then `detail` is 0.
    let Some(click) = event.dyn_ref::<MouseEvent>().filter(|click| click.detail() > 0) else { return false };
    let (x, y) = (click.client_x(), click.client_y());
    let last = LAST_POSITION.replace(Some((x, y)));
    let is_same_place = last.is_some_and(|last| x.abs_diff(last.0) <= MAX_DISTANCE && y.abs_diff(last.1) <= MAX_DISTANCE);
    is_same_place && browser::now_ms() < HELD_UNTIL.get() && is_on_button(event)
}

fn is_on_button(event: &Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| matches!(target.closest("button"), Ok(Some(_))))
}
