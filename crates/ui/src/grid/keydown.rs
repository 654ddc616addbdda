//! Handles the keys that are pressed in a grid.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::{
    data_source::{GridRow, Rows},
    keyboard::{Movement, RowCommand},
    row_cache::Slot,
    row_focus::RowFocus,
};
use crate::browser;

/// Without `on_command`, keys only move the focus.
pub(super) fn keydown_handler<Row: GridRow>(
    rows: Rows<Row>,
    focus: RowFocus,
    on_command: Option<Callback<RowCommand<Row>>>,
) -> impl Fn(ev::KeyboardEvent) + Clone + 'static {
    // False if the key is no command.
    let run_command = move |event: &ev::KeyboardEvent| {
        let (Some(on_command), Some(index)) = (on_command, focus.focused()) else { return false };
        let Slot::Row(row) = untrack(|| rows.slot(index)) else { return false };
        let Some(command) = RowCommand::of_key(&event.key(), is_on_row(event), index, row) else { return false };
        on_command.run(command);
        true
    };
    move |event| {
        if browser::has_modifier(&event) || browser::is_typing() {
            return;
        }
        let movement = Movement::of_key(&event.key());
        if movement.is_some() {
            rows.keep_position();
        }
        let is_used = match (movement, on_command.filter(|_| event.shift_key())) {
            (Some(movement), Some(on_command)) => {
                on_command.run(focus.extend(movement));
                true
            }
            (Some(movement), None) => {
                focus.go(movement);
                true
            }
            (None, _) => run_command(&event),
        };
        if is_used {
            event.prevent_default();
        }
    }
}

/// Whether the event comes from a row itself, not from a control in it.
fn is_on_row(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.has_attribute("aria-rowindex"))
}
