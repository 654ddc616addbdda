//! Keeps the data of a project page up to date.

use leptos::{ev, prelude::*};

use crate::pages::notifications::use_notifications;
use latchkey_types::id::ProjectId;

/// Calls `reload` on each notification about the project, and when the window gets the focus.
pub(super) fn stay_up_to_date(project: ProjectId, reload: impl Fn() + Copy + 'static) {
    use_notifications().on_project(project, reload);
    on_window_focus(reload);
}

/// Calls `reload` when the window gets the focus.
pub(super) fn on_window_focus(reload: impl Fn() + Copy + 'static) {
    Effect::new(move || {
        let listener = window_event_listener(ev::focus, move |_| reload());
        on_cleanup(move || listener.remove());
    });
}
